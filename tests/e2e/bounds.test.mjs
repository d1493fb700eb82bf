// Y: clients that leave, and clients that never read: what they took is given back, and soon.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { data, event, events, hang, told } from './lib/answers.mjs';
import { scene } from './lib/gateway.mjs';
import { RawClient, requestBytes } from './lib/raw.mjs';
import { chatStream } from './lib/requests.mjs';
import { deadlineMs, eventually, pace } from './lib/wait.mjs';

const leavers = 21;
const noticedMs = deadlineMs / 200; // 50 ms; sanitizer builds are slow

/** Ways to leave: a close, a reset, and the end of what one has to say. */
const ways = {
    FIN: (client) => client.close(),
    RST: (client) => client.reset(),
    'half a close': (client) => client.socket.end(),
};

/** What an upstream is doing when the client leaves; `seen`: what the client has read by then. */
const moments = {
    'before an answer': { answer: hang(), seen: null },
    'in a silent stream': {
        answer: told(async ({ exchange, send }) => {
            await send(events(data.role, data.hi));
            await exchange.closed;
        }),
        seen: events(data.role, data.hi),
    },
    'in a busy stream': {
        answer: told(async ({ exchange, send }) => {
            await send(events(data.role, data.hi));
            while (!exchange.isClosed && (await send(event(data.hi)))) await pace(1);
        }),
        seen: events(data.role, data.hi),
    },
};

function fdsOf(gw) {
    return fs.readdirSync(`/proc/${gw.child.pid}/fd`).length;
}

/** A client in the middle of its stream, and the upstream's end of it. */
async function open(s, { seen }) {
    const n = s.M1.count + 1;
    const client = await RawClient.connect(s.gw);
    await client.write(requestBytes({ body: chatStream }));
    await s.M1.request(n);
    if (seen) await client.text(seen);
    return { client, exchange: s.M1.exchanges[n - 1] };
}

test('Y1 a client that leaves frees its upstream at once', async (t) => {
    const s = await scene(t, { provider: { drain: '0s' } });
    for (const [when, moment] of Object.entries(moments)) {
        for (const [how, leave] of Object.entries(ways)) {
            await t.test(`Y1 ${when}, by ${how}`, async () => {
                s.M1.reset().always(moment.answer);
                const took = [];
                for (let i = 0; i < leavers; i++) {
                    const { client, exchange } = await open(s, moment);
                    const left = performance.now();
                    leave(client);
                    await exchange.closed;
                    took.push(performance.now() - left);
                    client.close();
                }
                took.sort((a, b) => a - b);
                const told = took.map((ms) => ms.toFixed(1)).join(' ');
                assert.ok(took[Math.floor(leavers / 2)] <= noticedMs, `noticed after ms: ${told}`);
                assert.ok(took.at(-1) <= deadlineMs / 10, `noticed after ms: ${told}`);
            });
        }
    }
});

async function atRest(s) {
    const status = await s.gw.cli(['status']);
    const requests = status.loops.reduce((sum, loop) => sum + loop.requests, 0);
    const connections = status.loops.reduce((sum, loop) => sum + loop.connections, 0);
    const inFlight = status.providers.reduce((sum, one) => sum + one.in_flight, 0);
    return requests === 0 && connections <= 1 && inFlight === 0; // the one that asks
}

test('Y1 fifty that leave together leave nothing behind', async (t) => {
    const s = await scene(t, { provider: { drain: '0s' } });
    let fds;
    for (let round = 0; round < 3; round++) {
        for (const moment of Object.values(moments)) {
            s.M1.reset().always(moment.answer);
            const all = await Promise.all(Array.from({ length: 50 }, () => open(s, moment)));
            for (const { client } of all) client.reset();
            await Promise.all(s.M1.exchanges.map((exchange) => exchange.closed));
        }
        await eventually(() => atRest(s), 'no request is left');
        fds ??= fdsOf(s.gw); // the first round has made what is made once
        await eventually(() => fdsOf(s.gw) <= fds, `the ${fds} descriptors of the first round`);
        await s.gw.settled();
    }
});

test('Y2 a drain ends at its limit', async (t) => {
    const s = await scene(t, { provider: { drain: '400ms' } });
    for (const name of ['in a silent stream', 'in a busy stream']) {
        await t.test(`Y2 ${name}`, async () => {
            s.M1.reset().always(moments[name].answer);
            const { client, exchange } = await open(s, moments[name]);
            const left = performance.now();
            client.close();
            await exchange.closed;
            const took = performance.now() - left;
            assert.ok(took >= 390 && took <= 400 + deadlineMs / 10, `freed after ${took} ms`);
        });
    }
});

const readers = 8;
const streamBytes = 24e6; // more than the kernel's buffers on the way hold
const perStream = 512e3; // of the gateway's memory

/** Eight clients ask for a long stream and read nothing; gives them when the upstreams stand still. */
async function unread(s, answer, sent) {
    s.M1.always(answer);
    const connecting = Array.from({ length: readers }, () => RawClient.connect(s.gw));
    const clients = await Promise.all(connecting);
    for (const client of clients) {
        client.socket.pause();
        client.write(requestBytes({ body: chatStream }));
    }
    await s.M1.request(readers);
    let last = 0;
    let quiet = 0;
    await eventually(() => {
        quiet = sent() === last ? quiet + 1 : 0;
        last = sent();
        return last > 0 && quiet === 15;
    }, 'the upstreams are paused', 3 * deadlineMs);
    return clients;
}

test('Y3 clients that never read keep memory bounded', async (t) => {
    const piece = event(data.chunk(`{"content":"${'z'.repeat(16000)}"}`, 'null'));
    const count = Math.ceil(streamBytes / piece.length);
    const end = events(data.stop, data.done);
    for (const direct of ['on', 'off']) {
        await t.test(`Y3 direct = ${direct}`, async (st) => {
            const provider = { idle_timeout: '60s', whole_timeout: '60s' };
            const s = await scene(st, { server: { direct }, provider });
            let sent = 0;
            const answer = told(async ({ send, last }) => {
                for (let i = 0; i < count && (await send(piece)); i++) sent += piece.length;
                await send(end);
                await last();
            });
            const before = s.gw.rssBytes;
            const clients = await unread(s, answer, () => sent);
            assert.ok(sent < (readers * streamBytes) / 2, `the upstreams were paused at ${sent}`);
            const grown = s.gw.rssBytes - before;
            assert.ok(grown < readers * perStream, `memory has grown by ${grown}`);

            for (const client of clients) client.socket.resume();
            for (const client of clients) {
                const response = await client.response(0, 6 * deadlineMs);
                assert.equal(response.complete, true, 'not cut');
                assert.equal(response.bytes, count * piece.length + end.length, 'nothing is lost');
                client.close();
            }
            const kept = s.gw.rssBytes - before;
            assert.ok(kept < readers * perStream, `memory stays at ${kept} more`);
        });
    }
});
