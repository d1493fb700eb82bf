// A raw HTTP client: any bytes out, the answer's bytes in as they come, and how the connection ended.

import net from 'node:net';
import tls from 'node:tls';
import { MessageReader } from './http.mjs';
import { noteAnswer } from './seen.mjs';
import { Changes, deadlineMs } from './wait.mjs';

export class RawClient {
    responses = []; // begun ones
    interim = [];
    ended = null; // null, 'FIN' or 'RST'
    sent = 0; // bytes handed to the kernel
    changes = new Changes();

    /**
     * `target` has host and port (a gateway, a proxy); `ca` makes it TLS; `speaksForItself` says that
     * its errors need not be the gateway's.  `from` is the client's own address.
     */
    static connect(target, { allowHalfOpen = true, from } = {}) {
        return new Promise((resolve, reject) => {
            const client = new RawClient();
            const { host, port, ca } = target;
            const wire = net.connect({ host, port, allowHalfOpen, localAddress: from });
            const socket = ca ? tls.connect({ socket: wire, host, ca, allowHalfOpen }) : wire;
            client.wire = wire;
            client.socket = socket;
            socket.setNoDelay(true);
            socket.once('error', reject);
            socket.once(ca ? 'secureConnect' : 'connect', () => {
                socket.off('error', reject);
                client.#listen(target);
                resolve(client);
            });
        });
    }

    /** Connects and sends a request (see requestBytes). */
    static async open(target, options) {
        const client = await RawClient.connect(target);
        await client.write(requestBytes(options));
        return client;
    }

    #listen(target) {
        this.reader = new MessageReader('response', {
            interim: (message) => this.interim.push(message.status),
            head: (message) => this.responses.push(message),
            complete: (message) => target.speaksForItself || noteAnswer(message),
        });
        this.socket.on('data', (bytes) => {
            try {
                this.reader.feed(bytes);
            } catch (error) {
                this.error = error;
                this.socket.destroy();
            }
            this.changes.changed();
        });
        this.socket.on('end', () => this.#end('FIN'));
        this.socket.on('error', () => this.#end('RST'));
        this.socket.on('close', () => this.#end('FIN'));
    }

    #end(how) {
        if (this.ended === null) this.reader.end();
        this.ended ??= how;
        this.changes.changed();
    }

    until(predicate, what, ms = deadlineMs) {
        return this.changes.until(() => {
            if (this.error) throw this.error;
            return predicate();
        }, what, ms);
    }

    /** Resolves when the kernel has the bytes; false when the connection is gone. */
    write(bytes) {
        if (this.socket.destroyed) return Promise.resolve(false);
        return new Promise((resolve) => {
            const gone = () => resolve(false);
            this.socket.once('close', gone);
            this.socket.write(bytes, (error) => {
                this.socket.off('close', gone);
                if (!error) this.sent += bytes.length;
                resolve(!error);
            });
        });
    }

    async head(i = 0) {
        await this.until(() => this.responses[i] || this.ended, `head of answer ${i + 1}`);
        return this.responses[i];
    }

    /** The i-th answer, complete or cut by the connection's end (then `.complete` is false). */
    async response(i = 0, ms = deadlineMs) {
        await this.until(
            () => this.responses[i]?.complete || this.ended,
            `answer ${i + 1} (so far: ${this.responses[i]?.startLine})`,
            ms,
        );
        const response = this.responses[i];
        if (!response) throw new Error(`connection ended by ${this.ended} without an answer`);
        response.end = response.complete ? 'complete' : this.ended;
        return response;
    }

    /** Waits until the body so far holds `text`. */
    async text(text, i = 0) {
        await this.until(
            () => this.responses[i]?.text.includes(text) || this.ended,
            `body with ${JSON.stringify(text)}`,
        );
        if (!this.responses[i]?.text.includes(text)) throw new Error(`ended without ${text}`);
        return this.responses[i];
    }

    connectionEnd() {
        return this.until(() => this.ended, 'end of the connection');
    }

    close() {
        this.socket.destroy();
    }

    reset() {
        this.wire.resetAndDestroy();
    }
}

/**
 * The bytes of a request.  `key`: its bearer token, null = no Authorization; `body`: text, bytes or
 * an object (as JSON); `headers`: pairs or an object, they win over the usual ones.
 */
export function requestBytes(options) {
    const { method = 'POST', path = '/v1/chat/completions', key = 'sk-t1-0000000000', http = '1.1' } = options;
    const given = Array.isArray(options.headers)
        ? options.headers
        : Object.entries(options.headers ?? {});
    const has = (name) => given.some(([n]) => n.toLowerCase() === name);
    const body = bodyBytes(options.body);
    const lines = [`${method} ${path} HTTP/${http}`];
    if (!has('host')) lines.push('Host: gateway.test');
    if (key !== null && !has('authorization')) lines.push(`Authorization: Bearer ${key}`);
    if (body && !has('content-type') && options.type !== null) {
        lines.push(`Content-Type: ${options.type ?? 'application/json'}`);
    }
    if (body && !has('content-length') && !has('transfer-encoding')) {
        lines.push(`Content-Length: ${body.length}`);
    }
    for (const [name, value] of given) lines.push(`${name}: ${value}`);
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    return body ? Buffer.concat([head, body]) : head;
}

function bodyBytes(body) {
    if (body === undefined || body === null) return null;
    if (Buffer.isBuffer(body)) return body;
    return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** One request on a connection of its own (`from` an address); gives its answer. */
export async function call(target, options = {}) {
    const client = await RawClient.connect(target, { from: options.from });
    try {
        await client.write(requestBytes(options));
        return await client.response();
    } finally {
        client.close();
    }
}
