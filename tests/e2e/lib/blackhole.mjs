// An address where connecting hangs: a listener that never accepts, with its backlog filled up, so
// that the kernel drops further SYNs.

import { spawn } from 'node:child_process';
import net from 'node:net';

const listener = `
const net = require('net');
const server = net.createServer(() => {});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    process.stdout.write(server.address().port + '\\n');
});
`;

/** Gives its port; it ends with `owner`. */
export async function blackhole(owner) {
    const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] });
    const port = await new Promise((resolve) => {
        child.stdout.once('data', (bytes) => resolve(Number(String(bytes))));
    });
    child.kill('SIGSTOP');
    // Backlog 1 holds two connections; the others are in the middle of their handshake.
    const fill = Array.from({ length: 6 }, () => {
        const socket = net.connect({ port, host: '127.0.0.1' });
        socket.on('error', () => {});
        return socket;
    });
    owner.after(() => {
        for (const socket of fill) socket.destroy();
        child.kill('SIGKILL');
    });
    await new Promise((resolve) => fill[1].once('connect', resolve));
    return port;
}
