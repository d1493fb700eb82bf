// A counting wire between clients and the gateway: passes every byte on and tells how many requests
// went by, and what they looked like.  SDK retries are counted here.

import net from 'node:net';
import { MessageReader } from './http.mjs';

export class Proxy {
    requests = []; // heads have arrived
    host = '127.0.0.1';
    #sockets = new Set();
    #server;

    static #count = 0;

    static async start(owner, target) {
        const proxy = new Proxy();
        // Each is a host of its own: what the gateway counts of an address is of one proxy's clients.
        const localAddress = `127.0.1.${(Proxy.#count++ % 254) + 1}`;
        proxy.#server = net.createServer({ noDelay: true }, (client) => {
            const { host, port } = target;
            const server = net.connect({ host, port, localAddress, noDelay: true });
            const reader = new MessageReader('request', {
                head: (request) => proxy.requests.push(request),
            });
            client.on('data', (bytes) => reader.feed(bytes));
            proxy.#join(client, server);
            proxy.#join(server, client);
        });
        await new Promise((resolve) => proxy.#server.listen(0, proxy.host, resolve));
        proxy.port = proxy.#server.address().port;
        owner.after(() => proxy.stop());
        return proxy;
    }

    #join(from, to) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.resetAndDestroy());
        from.on('close', () => {
            this.#sockets.delete(from);
            to.destroySoon();
        });
    }

    get url() {
        return `http://${this.host}:${this.port}`;
    }

    /** Requests of one SDK, where several are at work. */
    callsOf({ agent }) {
        return this.requests.filter((request) => request.header('user-agent') === agent).length;
    }

    stop() {
        for (const socket of this.#sockets) socket.destroy();
        return new Promise((resolve) => this.#server.close(resolve));
    }
}
