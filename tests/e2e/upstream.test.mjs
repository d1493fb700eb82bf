// U: connections to an upstream, how an answer is framed on them, and when one carries the next request.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';
import zlib from 'node:zlib';
import { event, data, events, fault, frame, hangUp, J1, lastFrame, raw, reply, S1 } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';

// One loop: each has connections of its own.
const server = { workers: 1 };
// Long requests cost next to nothing.
const price = ['in_text 0.001 per 1M tokens', 'out_text 0.001 per 1M tokens'];
const offer = ['P1/up-mini priority=1', 'P2/mini-b priority=2'];
const models = { 'gpt-4o-mini': { endpoints: 'chat', offer, price } };
const s = await scene({ after, name: 'upstream' }, { server, models });
const { gw, M1, M2, reset } = s;
const body = chat();
const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const whole = `${head}Content-Length: ${J1.length}\r\n\r\n${J1}`;

/** An answer in spite of whatever the connection does afterwards; gives the exchange. */
async function answered(answer, text = J1) {
    M1.once(answer);
    bodyIs(await call(gw, { body }), text);
    return M1.exchanges.at(-1);
}

test('U1 a connection carries request after request', async () => {
    reset();
    const before = M1.connections;
    for (let i = 0; i < 5; i++) await answered(reply(J1));
    assert.ok(M1.connections - before <= 1);
    assert.equal(new Set(M1.requests.map(({ connection }) => connection)).size, 1);
});

test('U1 answers that leave it as it is', async (t) => {
    const chunks = Buffer.concat([frame(J1), Buffer.from('0\r\nX-Trailer: a\r\nX-Other: b\r\n\r\n')]);
    const answers = {
        'with trailers': Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`), chunks]),
        'behind interim heads': `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n${whole}`,
        'by HTTP/1.0 that says so': whole.replace('1.1 200 OK', '1.0 200 OK\r\nConnection: keep-alive'),
        'with lines that end by LF alone': whole.replaceAll('\r\n', '\n'),
    };
    for (const [name, bytes] of Object.entries(answers)) {
        await t.test(`U1 ${name}`, async () => {
            reset();
            await answered(raw(bytes));
            await answered(reply(J1));
            assert.equal(M1.requests[0].connection, M1.requests[1].connection);
        });
    }
});

test('U2 answers after which it is closed', async (t) => {
    const both = `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answers = {
        'Connection: close': `${whole.replace('OK', 'OK\r\nConnection: close')}`,
        'HTTP/1.0': whole.replace('1.1', '1.0'),
        'bytes behind the answer': `${whole}HTTP/1.1 500 Smuggled\r\n\r\n`,
        'both framings': Buffer.concat([Buffer.from(both), frame(J1), Buffer.from(lastFrame)]),
    };
    for (const [name, bytes] of Object.entries(answers)) {
        await t.test(`U2 ${name}`, async () => {
            reset();
            const exchange = await answered(raw(bytes));
            await exchange.closed;
            await answered(reply(J1));
            assert.notEqual(M1.requests[0].connection, M1.requests[1].connection);
        });
    }
});

test('U3 an idle connection that the upstream closes, or speaks on, is closed at once', async (t) => {
    const ways = {
        fin: (exchange) => exchange.fin(),
        words: (exchange) => exchange.send('HTTP/1.1 408 Request Timeout\r\n\r\n'),
    };
    for (const [name, way] of Object.entries(ways)) {
        await t.test(`U3 ${name}`, async () => {
            reset();
            const exchange = await answered(reply(J1));
            await way(exchange);
            await exchange.closed;
            M1.once(reply(J1));
            const row = await gw.row(bodyIs(await call(gw, { body }), J1));
            assert.equal(row.attempts, 1);
        });
    }
});

test('U4 a pooled connection that dies under a request: once more there, on a new one', async (t) => {
    for (const how of ['fin', 'rst']) {
        await t.test(`U4 ${how}`, async () => {
            reset();
            await answered(reply(J1));
            M1.once(hangUp(how), reply(J1));
            const row = await gw.row(bodyIs(await call(gw, { body }), J1));
            const [first, second, third] = M1.requests.map(({ connection }) => connection);
            assert.equal(first, second);
            assert.notEqual(second, third);
            assert.equal(row.provider, 'P1');
            assert.equal(row.charge, '0.000000005', 'charged once');
        });
    }
    await t.test('U4 but not twice', async () => {
        reset();
        await answered(reply(J1));
        M1.once(hangUp('rst'), hangUp('rst'));
        M2.once(reply(J1));
        bodyIs(await call(gw, { body }), J1);
        assert.equal(M1.count, 3);
        assert.equal(M2.count, 1);
    });
});

/** An upstream that answers a request when its first bytes are there, and reads no more of it. */
async function hasty(owner, answer) {
    const seen = { read: 0 };
    const listener = net.createServer((socket) => {
        socket.on('error', () => {});
        seen.closed = new Promise((resolve) => {
            socket.once('close', resolve);
        });
        socket.once('data', (bytes) => {
            seen.read += bytes.length;
            socket.pause();
            answer(socket);
        });
    });
    await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
    owner.after(() => listener.close());
    seen.url = `http://127.0.0.1:${listener.address().port}/v1`;
    return seen;
}

test('U5 an answer before the request was read', async (t) => {
    const big = chat({ messages: [{ role: 'user', content: 'x'.repeat(20e6) }] });
    await t.test('U5 a whole one', async (st) => {
        const early = await hasty(st, (socket) => socket.write(whole));
        const e = await scene(st, { server, models, P1: { base_url: early.url } });
        bodyIs(await call(e.gw, { body: big }), J1);
    });
    await t.test('U5 a refusal, and a reset', async (st) => {
        const refusal = '{"error":{"message":"too big","type":"invalid_request_error"}}';
        const early = await hasty(st, (socket) => {
            const bytes = `HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nContent-Length: ${refusal.length}\r\n\r\n`;
            socket.write(bytes + refusal, () => socket.resetAndDestroy());
        });
        const e = await scene(st, { server, models, P1: { base_url: early.url } });
        const told = errorIs(await call(e.gw, { body: big }), 404, 'invalid_request_error', 'invalid_parameter');
        assert.match(told.message, /too big/);
    });
    await t.test('U5 a reset without an answer', async (st) => {
        const early = await hasty(st, (socket) => socket.resetAndDestroy());
        const e = await scene(st, { server, models, provider: { base_url: early.url } });
        errorIs(await call(e.gw, { body: big }), 502, 'server_error', 'upstream_disconnected');
    });
});

test('U5 a long request arrives as it was sent, edits and all', async () => {
    reset();
    const content = Array.from({ length: 3e5 }, (_, i) => `word ${i} `).join('');
    for (const messages of [content.slice(0, 65536), content].map((text) => [{ role: 'user', content: text }])) {
        M1.once(reply(J1));
        bodyIs(await call(gw, { body: chat({ messages }) }), J1);
        assert.deepEqual(M1.last.json, { model: 'up-mini', messages });
    }
});

test('U6 answers that two readers could understand differently are invalid', async (t) => {
    const tail = `Content-Length: ${J1.length}\r\n\r\n${J1}`;
    const answers = {
        'a folded line': `${head}X-A: b\r\n c\r\n${tail}`,
        'a blank before the colon': `${head}Content-Length : 1\r\n${tail}`,
        'no colon': `${head}word\r\n${tail}`,
        'a bare CR': `${head}X-A: b\rX-C: d\r\n${tail}`,
        'a NUL': `${head}X-A: b\0\r\n${tail}`,
        'two lengths': `${head}Content-Length: 1\r\n${tail}`,
        'a signed length': `${head}Content-Length: +${J1.length}\r\n\r\n${J1}`,
        'a transfer encoding that is not known': `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`,
        'another protocol': `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n${whole}`,
        'a flood of lines': `${head}${'X-A: b\r\n'.repeat(300)}${tail}`,
        'a flood of bytes': `${head}X-A: ${'b'.repeat(40000)}\r\n${tail}`,
        'a flood of interim heads': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(200) + whole,
        'a flood of trailers': `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X-A: b\r\n'.repeat(300)}\r\n`,
    };
    for (const [name, bytes] of Object.entries(answers)) {
        await t.test(`U6 ${name}`, async () => {
            reset();
            M1.once(raw(bytes));
            M2.once(raw(bytes));
            errorIs(await call(gw, { body }), 502, 'server_error', 'upstream_invalid_response');
            assert.equal(M1.count + M2.count, 2);
        });
    }
});

test('U7 encodings that nobody asked for', async (t) => {
    const encodings = {
        'x-gzip': zlib.gzipSync,
        deflate: zlib.deflateSync,
        Deflate: zlib.deflateRawSync,
        identity: (text) => Buffer.from(text),
    };
    for (const [name, encode] of Object.entries(encodings)) {
        await t.test(`U7 ${name}, in chunks of one byte`, async () => {
            reset();
            const chunks = [...encode(J1)].map((byte) => frame([byte]));
            const begin = `${head}Content-Encoding: ${name}\r\nTransfer-Encoding: chunked\r\n\r\n`;
            await answered(raw(Buffer.concat([Buffer.from(begin), ...chunks, Buffer.from(lastFrame)])));
        });
    }
    for (const [name, bytes] of Object.entries({
        br: zlib.brotliCompressSync(J1),
        'gzip, gzip': zlib.gzipSync(zlib.gzipSync(J1)),
        gzip: zlib.gzipSync(J1).subarray(0, -9),
    })) {
        await t.test(`U7 ${name} is invalid${name === 'gzip' ? ' when it is cut' : ''}`, async () => {
            reset();
            for (const M of [M1, M2]) M.once(reply(bytes, { headers: { 'Content-Encoding': name } }));
            errorIs(await call(gw, { body }), 502, 'server_error', 'upstream_invalid_response');
        });
    }
    await t.test('U7 a stream that unpacks to far more than its reader has room for', async () => {
        reset();
        const words = event(data.chunk(`{"content":"${'z'.repeat(16000)}"}`, 'null')).repeat(1500);
        const text = words + events(data.stop, data.done);
        const type = 'Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n';
        const packed = zlib.gzipSync(text);
        const begin = `HTTP/1.1 200 OK\r\n${type}Content-Length: ${packed.length}\r\n\r\n`;
        M1.once(raw(Buffer.concat([Buffer.from(begin), packed])));
        const client = await RawClient.connect(gw);
        await client.write(requestBytes({ body: chatStream }));
        await client.head();
        client.socket.pause();
        await M1.until(() => M1.count === 1, 'the request');
        const before = gw.rssBytes;
        client.socket.resume();
        bodyIs(await client.response(), text);
        client.close();
        assert.ok(gw.rssBytes - before < 16e6, `memory has grown by ${gw.rssBytes - before}`);
    });
});

test('U8 a stream ends its connection only by its own framing', async () => {
    reset();
    M1.once(raw(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ${S1.length}\r\n\r\n${S1}`));
    bodyIs(await call(gw, { body: chatStream }), S1);
    await answered(reply(J1));
    assert.equal(M1.requests[0].connection, M1.requests[1].connection);
    M1.once(fault(400, { message: 'no' }));
    assert.equal((await call(gw, { body })).status, 404);
    assert.equal(M1.requests[1].connection, M1.requests[2].connection, 'a refusal leaves it, too');
});
