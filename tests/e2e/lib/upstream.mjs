// A scripted upstream provider over raw sockets: it records every request as its bytes stood on the
// wire and answers by script, with any bytes at any cut, and any kind of end.
//
// A script ("answer") is an async function of one exchange; lib/answers.mjs has the usual ones.

import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { MessageReader } from './http.mjs';
import { Changes, deadlineMs } from './wait.mjs';

/** One request at the upstream, and the socket its answer goes to. */
export class Exchange {
    isClosed = false; // the other side has closed or reset, or we have

    constructor(upstream, { socket, wire }, request) {
        this.upstream = upstream;
        this.socket = socket;
        this.wire = wire; // below TLS; else the same
        this.request = request;
        this.closed = new Promise((resolve) => {
            socket.once('close', () => {
                this.isClosed = true;
                resolve();
                upstream.changes.changed();
            });
        });
        if (socket.destroyed) this.isClosed = true;
    }

    /** Resolves when the kernel has the bytes, or the connection is gone. */
    send(bytes) {
        if (this.isClosed || this.socket.destroyed) return Promise.resolve(false);
        return new Promise((resolve) => {
            const gone = () => resolve(false);
            this.socket.once('close', gone);
            this.socket.write(bytes, (error) => {
                this.socket.off('close', gone);
                resolve(!error);
            });
        });
    }

    fin() {
        this.socket.end();
    }

    rst() {
        this.wire.resetAndDestroy();
    }

    /** Ends the connection below TLS: without its farewell. */
    cut() {
        this.wire.end();
    }
}

export class Upstream {
    requests = []; // complete ones, in the order of their completion
    exchanges = [];
    connections = 0;
    unexpected = [];
    failures = []; // of scripts
    changes = new Changes();
    #queue = [];
    #always = null;
    #sockets = new Set();
    #server;

    /** Starts one on a free port; it stops with `owner` (a test context), and fails its test when a
     * request came that no script expected.  `certificate` (see certificate.mjs) makes it speak TLS;
     * `host` is an address of the loopback network. */
    static async start(owner, name, certificate, host = '127.0.0.1') {
        const upstream = new Upstream();
        upstream.name = name;
        upstream.host = host;
        upstream.scheme = certificate ? 'https' : 'http';
        const secureContext =
            certificate &&
            tls.createSecureContext({
                key: fs.readFileSync(certificate.keyFile),
                cert: fs.readFileSync(certificate.caFile),
            });
        upstream.#server = net.createServer({ noDelay: true, allowHalfOpen: true }, (wire) => {
            const options = { isServer: true, secureContext, allowHalfOpen: true };
            upstream.#accept(secureContext ? new tls.TLSSocket(wire, options) : wire, wire);
        });
        await new Promise((resolve) => upstream.#server.listen(0, host, resolve));
        upstream.port = upstream.#server.address().port;
        owner?.after(() => upstream.stop());
        return upstream;
    }

    get url() {
        return `${this.scheme}://${this.host}:${this.port}/v1`;
    }

    get count() {
        return this.requests.length;
    }

    get last() {
        return this.requests.at(-1);
    }

    /** Answers for the next requests, one each. */
    once(...answers) {
        this.#queue.push(...answers);
        return this;
    }

    /** The answer for every request that has none of its own; null = such a request is a fault. */
    always(answer) {
        this.#always = answer;
        return this;
    }

    /** Forgets records and scripts. */
    reset() {
        this.requests = [];
        this.exchanges = [];
        this.#queue = [];
        this.#always = null;
        return this;
    }

    until(predicate, what, ms = deadlineMs) {
        return this.changes.until(predicate, `${this.name}: ${what}`, ms);
    }

    /** Waits for the n-th request (from 1). */
    async request(n = 1) {
        await this.until(() => this.requests.length >= n, `request ${n}`);
        return this.requests[n - 1];
    }

    drop() {
        for (const socket of this.#sockets) socket.destroy();
    }

    /** Dies: its connections are reset, and its port refuses until `rise`. */
    die() {
        for (const socket of this.#sockets) socket.resetAndDestroy();
        return new Promise((resolve) => this.#server.close(resolve));
    }

    rise() {
        return new Promise((resolve) => this.#server.listen(this.port, this.host, resolve));
    }

    async stop() {
        this.drop();
        await new Promise((resolve) => this.#server.close(resolve));
        if (this.failures.length > 0) throw this.failures[0];
        if (this.unexpected.length > 0) {
            throw new Error(`${this.name}: unexpected request ${this.unexpected[0].startLine}`);
        }
    }

    #accept(socket, wire) {
        const connection = ++this.connections;
        socket.setMaxListeners(0); // each exchange watches for the end
        this.#sockets.add(socket);
        let turn = Promise.resolve(); // answers of one connection follow one another
        const reader = new MessageReader('request', {
            head: (request) => {
                request.connection = connection;
                if (/100-continue/i.test(request.header('expect') ?? '')) {
                    socket.write('HTTP/1.1 100 Continue\r\n\r\n');
                }
            },
            complete: (request) => {
                this.requests.push(request);
                const exchange = new Exchange(this, { socket, wire }, request);
                this.exchanges.push(exchange);
                turn = turn.then(() => this.#answer(exchange));
                this.changes.changed();
            },
        });
        socket.on('data', (bytes) => {
            try {
                reader.feed(bytes);
            } catch (error) {
                this.failures.push(error);
                socket.destroy();
            }
        });
        socket.on('end', () => {
            // The gateway has hung up: what a script still says is of no use to anybody.
            socket.destroy();
        });
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
            this.#sockets.delete(socket);
            this.changes.changed();
        });
    }

    async #answer(exchange) {
        const answer = this.#queue.shift() ?? this.#always;
        if (!answer) {
            this.unexpected.push(exchange.request);
            const body = '{"error":{"message":"unexpected request"}}';
            await exchange.send(
                `HTTP/1.1 500 Unexpected\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
            );
            return;
        }
        try {
            await answer(exchange);
        } catch (error) {
            this.failures.push(error);
        }
    }
}

/** A port that refuses connections. */
export async function refusedPort() {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}
