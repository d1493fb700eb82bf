// E14 to E18: clients of a stream that leave, stop reading, or wait in silence.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { data, event, events, S1u, stream, told } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { call, RawClient } from './lib/raw.mjs';
import { chatStream } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { Barrier, eventually, pace } from './lib/wait.mjs';

const s = await scene({ after, name: 'stream_client' });
const { gw, M1, reset } = s;

const row = (response, gateway = gw) => gateway.row(response);

/** Opens a stream and gives its client. */
const open = (gateway = gw, options = {}) => RawClient.open(gateway, { body: chatStream, ...options });

test('E14 the client closes after [DONE] without reading the end', async () => {
    reset();
    const gone = new Barrier();
    M1.once(
        told(async ({ send, last }) => {
            await send(S1u);
            await gone.passed();
            await last();
        }),
    );
    const client = await open();
    const response = await client.text('data: [DONE]\n\n');
    client.close();
    gone.open();
    const entry = await row(response);
    assert.equal(entry.charge, '0.000005000');
    assert.equal(entry.end, 'finished');
    assert.equal(entry.status, 200);
});

test('E15 the client closes after two events of an endless stream', async (t) => {
    const e = await scene(t, { provider: { drain: '0s' } });
    let upstream;
    e.M1.once(
        told(async ({ exchange, send }) => {
            upstream = exchange;
            await send(event(data.role));
            while (!exchange.isClosed) {
                await send(event(data.hi));
                await pace(5);
            }
        }),
    );
    const client = await open(e.gw);
    const response = await client.text(events(data.role, data.hi));
    const left = Date.now();
    client.close();
    await upstream.closed;
    assert.ok(Date.now() - left < 1000, 'the upstream was let go within a second');
    const entry = await row(response, e.gw);
    assert.equal(entry.end, 'client_gone');
    assert.ok(unitsOf(entry.charge) > 0, 'partial');
    const rows = await e.gw.cli(['usage', 'tail', '--limit', '200']);
    const same = rows.filter((one) => one.request_id === entry.request_id);
    assert.equal(same.length, 1, 'once');
    assert.equal(await e.gw.spent(), unitsOf(entry.charge));
});

test('E15 with a drain the usage is waited for', async () => {
    reset();
    const gone = new Barrier();
    M1.once(
        told(async ({ send, last }) => {
            await send(events(data.role, data.hi));
            await gone.passed();
            await send(events(data.there, data.stop, data.usage, data.done));
            await last();
        }),
    );
    const client = await open();
    const response = await client.text(events(data.role, data.hi));
    client.close();
    await eventually(() => client.socket.destroyed, 'the client is gone');
    gone.open();
    const entry = await row(response);
    assert.equal(entry.charge, '0.000005000');
    assert.equal(entry.source, 'upstream');
});

test('E16 the client stops reading', async (t) => {
    const e = await scene(t, { server: { stall_timeout: '1s' }, provider: { drain: '0s' } });
    const piece = event(data.chunk(`{"content":"${'z'.repeat(16384)}"}`, 'null'));
    let upstream;
    let taken = 0;
    e.M1.once(
        told(async ({ exchange, send }) => {
            upstream = exchange;
            await send(event(data.role));
            while (taken < 50e6 && (await send(piece))) taken += piece.length;
            await exchange.closed;
        }),
    );
    const before = e.gw.rssBytes;
    const client = await open(e.gw);
    const response = await client.text(event(data.role));
    client.socket.pause();
    await e.M1.until(() => upstream?.isClosed, 'the stall limit lets the upstream go');
    assert.ok(taken < 40e6, `the upstream was paused (took ${taken} bytes)`);
    assert.ok(e.gw.rssBytes - before < 16e6, `memory stays bounded (${e.gw.rssBytes - before})`);
    client.socket.resume();
    await client.connectionEnd();
    assert.equal(response.complete, false, 'not a clean end');
    const entry = await row(response, e.gw);
    assert.notEqual(entry.end, 'finished');
    assert.ok(unitsOf(entry.charge) > 0);
});

test('E17 keep-alive comments into a silent stream', { concurrency: true }, async (t) => {
    const e = await scene(t, { server: { sse_keepalive: '1s' } });
    const head = events(data.role, data.hi);
    const tail = events(data.there, data.stop, data.done);
    await t.test('E17 raw: three comments, between events only', async () => {
        const seen = new Barrier();
        e.M1.once(
            told(async ({ send, last }) => {
                await send(head);
                await seen.passed();
                await send(tail);
                await last();
            }),
        );
        const client = await open(e.gw);
        await client.text(head);
        await client.until(
            () => (client.responses[0].text.slice(head.length).match(/^:/gm) ?? []).length >= 3,
            'three comments',
        );
        seen.open();
        const response = await client.response();
        client.close();
        assert.equal(response.complete, true);
        const comments = response.text.slice(head.length, response.text.length - tail.length);
        assert.match(comments, /^(:[^\r\n]*\n\n){3,4}$/);
        assert.equal(response.text, head + comments + tail);
    });
    e.M1.always(
        told(async ({ send, last }) => {
            await send(head);
            await pace(2300);
            await send(tail);
            await last();
        }),
    );
    await eachSdk(t, 'E17', async (sdk) => {
        const result = await sdk.run('stream', { url: e.gw.url });
        assert.deepEqual(result, { content: 'Hi there', chunks: 4 });
    });
});

test('E18 no comments where the upstream uses ids', { concurrency: true }, async (t) => {
    const e = await scene(t, { server: { sse_keepalive: '1s' } });
    const withIds = (...texts) => texts.map((text, i) => `id: ${i}\ndata: ${text}\n\n`).join('');
    const head = withIds(data.role, data.hi);
    const tail = withIds(data.there, data.stop, data.done);
    e.M1.always(
        told(async ({ send, last }) => {
            await send(head);
            await pace(2300);
            await send(tail);
            await last();
        }),
    );
    await t.test('E18 raw', async () => {
        bodyIs(await call(e.gw, { body: chatStream }), head + tail);
    });
    const run = async (sdk) => {
        const result = await sdk.run('stream', { url: e.gw.url });
        assert.deepEqual(result, { content: 'Hi there', chunks: 4 });
    };
    await eachSdk(t, 'E18', run, /python/);
});
