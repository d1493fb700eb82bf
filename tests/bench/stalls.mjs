// Requests beside a provider that hangs, and without: in its name, its connection, its TLS.

import http from 'node:http';
import net from 'node:net';
import { blackhole } from '../e2e/lib/blackhole.mjs';
import { noSlowDns, slowDns } from '../e2e/lib/slow_dns.mjs';
import { spread } from './figures.mjs';
import { pause, Stand } from './stand.mjs';
import { requests } from './measure.mjs';

const waiting = 8; // requests that wait for the provider at any time
const connectMs = 1000;

function listen(server, options) {
    return new Promise((resolve) => server.listen(options, () => resolve(server.address().port)));
}

/** A listener that takes connections and says nothing. */
async function mute() {
    const sockets = new Set();
    const server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
    });
    const port = await listen(server, { port: 0, host: '127.0.0.1' });
    const end = () => {
        server.close();
        for (const socket of sockets) socket.destroy();
    };
    return { port, end };
}

const provider = (name, url) => `
[provider "${name}"]
base_url = ${url}
allow_private = on
connect_timeout = ${connectMs}ms
breaker = off

[model "bench-${name}"]
endpoints = chat
offer = ${name}/up
price = in_text 0.15 per 1M tokens
price = out_text 0.60 per 1M tokens
`;

/** Keeps so many requests waiting for the provider until it is ended; gives how many there were. */
function hangOn(stand, name) {
    const body = JSON.stringify({ model: `bench-${name}`, messages: [{ role: 'user', content: 'Hi' }] });
    const agent = new http.Agent({ keepAlive: true, maxSockets: waiting });
    let over = false;
    let count = 0;
    const one = () =>
        new Promise((resolve, reject) => {
            const headers = { Authorization: `Bearer ${stand.key}`, 'Content-Type': 'application/json' };
            const options = { agent, port: stand.gateway.port, method: 'POST', path: '/v1/chat/completions', headers };
            const call = http.request(options, (response) => {
                response.resume();
                response.on('end', () => (response.statusCode === 502 ? resolve() : reject(new Error(response.statusCode))));
            });
            call.on('error', reject);
            call.end(body);
        });
    const ones = Array.from({ length: waiting }, async () => {
        while (!over) {
            await one();
            count++;
        }
    });
    return async () => {
        over = true;
        await Promise.all(ones);
        agent.destroy();
        return count;
    };
}

async function round(stand, name, options, isFirst) {
    const figures = {};
    for (const what of isFirst ? ['without', 'beside'] : ['beside', 'without']) {
        const end = what === 'beside' ? hangOn(stand, name) : async () => 0;
        await pause(100);
        figures[what] = await requests(stand, stand.gateway, options);
        stand.count.refused += await end();
    }
    return figures;
}

/** Of each kind of hang: the ratio of p99 beside it and without, and the longest turn of the loop. */
export async function stalls(options, tell) {
    if (noSlowDns) throw new Error(noSlowDns);
    const ends = [];
    const quiet = await mute();
    const backlog = await blackhole({ after: (end) => ends.push(end) });
    ends.push(quiet.end);
    const more =
        provider('name', 'http://any.slow.internal:9/v1') +
        provider('backlog', `http://127.0.0.1:${backlog}/v1`) +
        provider('tls', `https://127.0.0.1:${quiet.port}/v1`);
    const end = () => ends.forEach((one) => one());
    const names = Object.entries(slowDns(8000).env).map(([name, value]) => `${name}=${value}`);
    const stand = await Stand.start('stalls', { wrap: ['env', ...names], more }).catch((error) => {
        end();
        throw error;
    });
    stand.count = { gateway: 0, nginx: 0, refused: 0 };
    const result = {};
    const few = { ...options, connections: Math.min(16, options.connections) };
    await requests(stand, stand.gateway, few);
    for (const name of ['name', 'backlog', 'tls']) {
        const rounds = [];
        for (let i = 0; i < options.rounds; i++) rounds.push(await round(stand, name, few, i % 2 === 0));
        const of = (make) => spread(rounds.map(make));
        const loops = stand.cli('status').loops.map(({ lag_max_ms: ms }) => ms);
        result[name] = {
            p99_ratio: of((r) => r.beside.p99_us / r.without.p99_us),
            p50_ratio: of((r) => r.beside.p50_us / r.without.p50_us),
            p99_us: of((r) => r.beside.p99_us),
            lag_ms: Math.max(...loops),
        };
        tell(name, result[name]);
    }
    end();
    await stand.stop(stand.count);
    return result;
}
