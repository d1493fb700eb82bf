// U18: a provider whose name, connection or TLS hangs is nobody else's trouble.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { J1, reply } from './lib/answers.mjs';
import { blackhole } from './lib/blackhole.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { isSanitized } from './lib/place.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { noSlowDns, slowDns } from './lib/slow_dns.mjs';
import { eventually } from './lib/wait.mjs';

const price = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const threads = (gw) => fs.readdirSync(`/proc/${gw.child.pid}/task`).length;

/** A scene with a third provider, of which `slow` is a model, and `both` one that M2 has, too. */
function sceneWith(owner, P3, more = {}) {
    return scene(owner, {
        server: { workers: 1 },
        providers: { P3: { allow_private: 'on', breaker: 'off', connect_timeout: '600ms', ...P3 } },
        models: {
            slow: { endpoints: 'chat', offer: 'P3/up', price },
            both: { endpoints: 'chat', offer: ['P3/up', 'P2/up priority=2'], price },
        },
        ...more,
    });
}

/** Many calls of the slow provider at once; meanwhile the others are served, and no loop waits. */
async function hangsAlone(s) {
    const { gw, M1, M2 } = s;
    M1.always(reply(J1));
    M2.always(reply(J1));
    bodyIs(await call(gw, { body: chat() }), J1);
    const before = threads(gw);
    let most = before;
    let over = false;
    const slow = Array.from({ length: 40 }, () => call(gw, { body: chat({ model: 'slow' }) }));
    const all = Promise.all(slow).finally(() => {
        over = true;
    });
    let served = 0;
    while (!over) {
        bodyIs(await call(gw, { body: chat() }), J1);
        most = Math.max(most, threads(gw));
        served++;
    }
    for (const response of await all) errorIs(response, 502, 'server_error', 'upstream_connect_timeout');
    assert.ok(served > 10, `${served} others were served meanwhile`);
    const failed_over = await call(gw, { body: chat({ model: 'both' }) });
    bodyIs(failed_over, J1);
    assert.equal((await gw.row(failed_over)).provider, 'P2');
    const lag = await gw.lagMs();
    if (!isSanitized) assert.ok(lag <= 20 + s.gw.takenMs, `a turn of ${lag} ms`);
    return { threads: most - before };
}

test('U18 a name whose look-up hangs: one thread, which nobody waits for', { skip: noSlowDns }, async (t) => {
    const slow = slowDns(8000);
    const s = await sceneWith(t, { base_url: 'http://a.slow.internal:9/v1' }, { env: slow.env, leave: true });
    const more = await hangsAlone(s);
    // One look-up a second at the most, until each of them has ended after its eight.
    assert.ok(more.threads <= 3, `${more.threads} threads`);
    assert.ok(slow.lookups() >= 1 && slow.lookups() <= 3, `${slow.lookups()} look-ups`);
    await s.gw.settled();
    const began = performance.now();
    await s.gw.stop();
    assert.ok(performance.now() - began < 5000, 'the end does not wait for the resolver');
});

test('U18 a look-up that is slow: once, for all who wait for it', { skip: noSlowDns }, async (t) => {
    const slow = slowDns(300);
    const s = await sceneWith(t, { base_url: 'http://unused.slow.internal:9/v1', connect_timeout: '5s' }, { env: slow.env });
    const { port } = new URL(s.M1.url);
    s.gw.configure({
        ...s.config,
        providers: { ...s.config.providers, P3: { ...s.config.providers.P3, base_url: `http://b.slow.internal:${port}/v1` } },
    });
    await s.gw.cli(['reload']);
    s.M1.always(reply(J1));
    const all = await Promise.all(Array.from({ length: 40 }, () => call(s.gw, { body: chat({ model: 'slow' }) })));
    for (const response of all) bodyIs(response, J1);
    assert.equal(slow.lookups(), 1);
    const lag = await s.gw.lagMs();
    assert.ok(lag <= 20 + s.gw.takenMs, `a turn of ${lag} ms`);
});

test('U18 a client that goes while the name is looked up takes no other with it', { skip: noSlowDns }, async (t) => {
    const slow = slowDns(400);
    const s = await sceneWith(t, { base_url: 'http://c.slow.internal:9/v1', connect_timeout: '5s' }, { env: slow.env });
    const { port } = new URL(s.M1.url);
    s.gw.configure({
        ...s.config,
        providers: { ...s.config.providers, P3: { ...s.config.providers.P3, base_url: `http://c.slow.internal:${port}/v1` } },
    });
    await s.gw.cli(['reload']);
    s.M1.always(reply(J1));
    const body = chat({ model: 'slow' });
    const gone = net.connect(s.gw.port, s.gw.host);
    gone.write(
        `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer sk-t1-0000000000\r\n` +
            `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await eventually(() => slow.lookups() === 1, 'the look-up of the first');
    const other = call(s.gw, { body });
    gone.resetAndDestroy();
    bodyIs(await other, J1);
    assert.ok(slow.lookups() <= 2);
});

test('U18 a listener with a full backlog', async (t) => {
    const port = await blackhole(t);
    const s = await sceneWith(t, { base_url: `http://127.0.0.1:${port}/v1` });
    assert.ok((await hangsAlone(s)).threads <= 1);
});

test('U18 a listener that never says its part of TLS', async (t) => {
    const sockets = new Set();
    const listener = net.createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
    });
    await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
    t.after(() => {
        for (const socket of sockets) socket.destroy();
        listener.close();
    });
    const s = await sceneWith(t, { base_url: `https://127.0.0.1:${listener.address().port}/v1` });
    assert.ok((await hangsAlone(s)).threads <= 1);
});

test('U18 a name that is none: all who wait for it are told at once', { skip: noSlowDns }, async (t) => {
    const s = await sceneWith(t, { base_url: 'http://nothing.invalid.internal:9/v1', connect_timeout: '8s' });
    const all = await Promise.all(Array.from({ length: 20 }, () => call(s.gw, { body: chat({ model: 'slow' }) })));
    for (const response of all) errorIs(response, 502, 'server_error', 'upstream_unreachable');
});
