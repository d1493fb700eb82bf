// L: speech: sound that passes as it comes, its event stream, and what both cost.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, test } from 'node:test';
import { fault, frame, lastFrame, raw, reply, stream } from './lib/answers.mjs';
import { bodyIs, errorIs, typedErrorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call as callRaw, RawClient, requestBytes } from './lib/raw.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { Barrier, deadlineMs, eventually } from './lib/wait.mjs';

const offer = ['P1/up-tts priority=1', 'P2/tts-b priority=2'];
const models = {
    'only-one': { endpoints: 'speech', offer: ['P1/up'], price: 'characters 1 per 1M characters' },
    'by-tokens': {
        endpoints: 'speech',
        offer,
        price: ['in_text 1 per 1M tokens', 'out_audio 100 per 1M tokens'],
    },
};
const path = '/v1/audio/speech';
const s = await scene({ after, name: 'speech' }, { models });
const { gw, M1, M2, reset } = s;

function speak(more = {}) {
    return { model: 'tts-1', input: '你好', voice: 'alloy', ...more };
}

function call(body = speak()) {
    return callRaw(gw, { path, body });
}

async function open(body = speak(), options = {}) {
    const client = await RawClient.connect(gw);
    await client.write(requestBytes({ path, body, ...options }));
    return client;
}

const row = (response) => gw.row(response);

/** Bytes of no format, zeros and all other values among them. */
function noise(n) {
    return Buffer.from(Uint8Array.from({ length: n }, (_, i) => (i * 7 + (i >> 8)) & 255));
}

function headOf(type, more = '') {
    const line = type ? `Content-Type: ${type}\r\n` : '';
    return `HTTP/1.1 200 OK\r\n${line}${more}Transfer-Encoding: chunked\r\n\r\n`;
}

/** Sound in pieces; `between` is awaited before each of them but the first. */
function sound(pieces, { type = 'audio/mpeg', more, between, end = 'last' } = {}) {
    return async (exchange) => {
        await exchange.send(headOf(type, more));
        for (const [i, piece] of pieces.entries()) {
            if (i > 0) await between?.(i);
            await exchange.send(frame(piece));
        }
        if (end === 'last') await exchange.send(lastFrame);
        if (end === 'rst') exchange.rst();
        if (end === 'fin') exchange.fin();
    };
}

const mega = noise(1 << 20);
const twenty = Array.from({ length: 20 }, (_, i) =>
    mega.subarray(Math.floor((i * mega.length) / 20), Math.floor(((i + 1) * mega.length) / 20)),
);

test('L3 1 MB in 20 pieces: each goes on before the next has come', async () => {
    reset();
    const gate = new Barrier();
    const more = 'Content-Disposition: attachment; filename="a.mp3"\r\nSet-Cookie: a=b\r\n';
    M1.once(sound(twenty, { more, between: (i) => (i === 19 ? gate.passed() : null) }));
    const client = await open();
    const came = mega.length - twenty[19].length - 1024;
    await client.until(() => client.responses[0]?.bytes >= came || client.ended, 'all but the last');
    assert.equal(client.responses[0].bytes, came, 'the end is held, it may be the last word');
    gate.open();
    const response = bodyIs(await client.response(), mega);
    client.close();
    assert.equal(response.header('content-type'), 'audio/mpeg');
    assert.equal(response.header('x-accel-buffering'), 'no');
    assert.equal(response.header('content-disposition'), 'attachment; filename="a.mp3"');
    assert.equal(response.header('set-cookie'), undefined);
    assert.equal(response.header('transfer-encoding'), 'chunked');
    assert.equal(M1.last.target, path);
    assert.deepEqual(JSON.parse(M1.last.body), speak({ model: 'up-tts' }));
    const entry = await row(response);
    assert.equal(entry.charge, '0.000002000', '你好 is two characters');
    assert.equal(entry.hold, entry.charge);
    assert.equal(entry.endpoint, 'speech');
    assert.equal(entry.end, 'finished');
    assert.equal(entry.stream, false);
});

test('L3 characters are code points, however they are spelled', async () => {
    for (const [input, charge] of [
        ['"\\u4f60\\u597d"', '0.000002000'],
        ['"\\ud83d\\ude00a"', '0.000002000'],
        ['"é\\n\\u0000"', '0.000003000'],
        [JSON.stringify('字'.repeat(4096)), '0.004096000'],
    ]) {
        reset();
        M1.once(sound([noise(10)]));
        const body = `{"response_format":"mp3","input":${input},"model":"tts-1","voice":{"id":"v"},"instructions":"slow"}`;
        const response = bodyIs(await call(body), noise(10));
        assert.equal((await row(response)).charge, charge);
    }
});

test('L3 types: any sound, none at all, bytes that look like JSON', async () => {
    for (const [type, bytes] of [
        ['audio/pcm', Buffer.from('{"a"')],
        ['application/octet-stream', Buffer.from('<x')],
        [null, noise(5000)],
        ['audio/wav', noise(1)],
    ]) {
        reset();
        M1.once(sound([bytes], { type }));
        const response = bodyIs(await call(), bytes);
        assert.equal(response.header('content-type'), type ?? 'application/octet-stream');
    }
    reset();
    M1.once(reply(noise(3000), { type: 'audio/mpeg' }));
    bodyIs(await call(), noise(3000));
});

test('L3 over HTTP/1.0', async () => {
    reset();
    M1.once(sound(twenty));
    const client = await open(speak(), { http: '1.0' });
    const response = await client.response();
    client.close();
    assert.ok(response.body.equals(mega));
});

test('L4 cut in the middle: no clean end', async () => {
    for (const end of ['rst', 'fin']) {
        reset();
        const client = await open();
        const seen = new Barrier();
        M1.once(async (exchange) => {
            await sound(twenty.slice(0, 10), { end: null })(exchange);
            await seen.passed();
            if (end === 'rst') exchange.rst();
            else exchange.fin();
        });
        await client.until(() => client.responses[0]?.bytes > 0 || client.ended, 'a beginning');
        seen.open();
        const response = await client.response();
        assert.equal(response.complete, false);
        assert.ok(mega.subarray(0, response.bytes).equals(response.body));
        const entry = await row(response);
        assert.equal(entry.end, 'upstream_gone');
        assert.equal(entry.charge, '0.000002000');
        assert.equal(M2.count, 0);
        client.close();
    }
});

test('L4 silence in the middle: no clean end', async () => {
    const t = await scene({ after, name: 'speech-idle' }, { provider: { idle_timeout: '300ms' } });
    t.M1.once(async (exchange) => {
        await sound([noise(9000)], { end: null })(exchange);
        await exchange.closed;
    });
    const response = await callRaw(t.gw, { path, body: speak() });
    assert.equal(response.complete, false);
    const entry = await t.gw.row(response);
    assert.equal(entry.end, 'timeout');
});

test('L4 no whole limit: sound may take longer, a first byte may not', async () => {
    const provider = { whole_timeout: '300ms', first_byte_timeout: '600ms' };
    const t = await scene({ after, name: 'speech-first' }, { provider });
    let began = 0;
    const past = () => eventually(() => Date.now() - began > 700, 'the limits are past');
    t.M1.once(async (exchange) => {
        began = Date.now();
        await sound([noise(2000), noise(2000)], { between: past })(exchange);
    });
    const long = await callRaw(t.gw, { path, body: speak() });
    bodyIs(long, Buffer.concat([noise(2000), noise(2000)]));
    t.M1.once((exchange) => exchange.closed);
    t.M2.once((exchange) => exchange.closed);
    const none = await callRaw(t.gw, { path, body: speak() });
    errorIs(none, 502, 'server_error', 'upstream_timeout');
});

const delta = (text) => `event: speech.audio.delta\ndata: {"type":"speech.audio.delta","audio":"${text}"}\n\n`;
const done =
    'event: speech.audio.done\ndata: {"type":"speech.audio.done","usage":' +
    '{"input_tokens":14,"output_tokens":101,"total_tokens":115}}\n\n';
const sse = { model: 'by-tokens', stream_format: 'sse' };

test('L5 stream_format sse: usage is in the last word', async () => {
    reset();
    const text = delta('AAAA') + delta('A'.repeat(400000)) + done;
    M1.once(stream(text));
    const response = bodyIs(await call(speak(sse)), text);
    assert.equal(response.header('content-type'), 'text/event-stream');
    assert.equal(response.header('x-accel-buffering'), 'no');
    const entry = await row(response);
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.charge, '0.010114000');
    assert.equal(entry.stream, true);
    reset();
    M1.once(stream(delta('AAAA') + done));
    const counted = await row(await call(speak({ stream_format: 'sse' })));
    assert.equal(counted.charge, '0.000002000');
});

test('L5 sse cut, and broken by an error', async () => {
    reset();
    M1.once(stream(delta('AAAA')));
    const cut = await call(speak({ stream_format: 'sse' }));
    typedErrorIs(cut, delta('AAAA'));
    assert.equal((await row(cut)).charge, '0.000002000');
    reset();
    const error = 'event: error\ndata: {"type":"error","error":{"type":"server_error","message":"x"}}\n\n';
    M1.once(stream(delta('AAAA') + error));
    bodyIs(await call(speak({ stream_format: 'sse' })), delta('AAAA') + error);
    reset();
    M1.once(stream(error));
    M2.once(stream(delta('AAAA') + done));
    bodyIs(await call(speak({ stream_format: 'sse' })), delta('AAAA') + done);
});

test('L5 not what was asked for: sound for events, events for sound', async () => {
    reset();
    M1.once(sound([noise(5000)]));
    M2.once(stream(delta('AAAA') + done));
    bodyIs(await call(speak({ stream_format: 'sse' })), delta('AAAA') + done);
    reset();
    M1.once(stream(delta('AAAA') + done));
    M2.once(sound([noise(5000)]));
    bodyIs(await call(speak({ stream_format: 'audio' })), noise(5000));
});

test('L5 a model priced by tokens whose sound tells no usage is estimated', async () => {
    reset();
    M1.once(sound([noise(5000)]));
    const entry = await row(await call(speak({ model: 'by-tokens', input: 'Good morning, how are you?' })));
    assert.equal(entry.source, 'estimated');
    assert.ok(Number(entry.charge) > 0 && Number(entry.charge) <= Number(entry.hold));
});

test('L6 an error with 200, JSON, HTML, and nothing', async () => {
    const wrong = {
        'an error': [reply('{"error":{"message":"boom","type":"server_error"}}'), /^upstream_/],
        'an error as text': [reply('{"error":{"message":"boom"}}', { type: 'text/plain' }), /^upstream_/],
        'an error without a type': [reply('{"error":{"message":"boom"}}', { type: null }), /^upstream_/],
        'JSON that is no error': [reply('{"audio":"AAAA"}'), /^upstream_/],
        HTML: [reply('<html>hi</html>', { type: 'text/html' }), /^upstream_invalid_response$/],
        nothing: [reply('', { type: 'audio/mpeg' }), /^upstream_invalid_response$/],
        'a cut before any byte': [raw(headOf('audio/mpeg'), 'rst'), /^upstream_disconnected$/],
    };
    for (const [name, [answer, reason]] of Object.entries(wrong)) {
        reset();
        M1.once(answer);
        const response = await call(speak({ model: 'only-one' }));
        assert.match(response.json.error?.reason ?? '', reason, name);
        errorIs(response, 502, 'server_error', response.json.error.reason);
        assert.equal((await row(response)).charge, '0.000000000', name);
        reset();
        M1.once(answer);
        M2.once(sound([noise(2000)]));
        bodyIs(await call(), noise(2000));
    }
});

test('L6 a parameter error of the provider is the caller’s', async () => {
    reset();
    M1.once(fault(400, { message: 'no such voice', type: 'invalid_request_error', param: 'voice' }));
    errorIs(await call(), 404, 'invalid_request_error', 'invalid_parameter', { param: 'voice' });
    const response = await call(speak({ stream_format: 'video' }));
    errorIs(response, 404, 'invalid_request_error', 'invalid_value', { param: 'stream_format' });
});

test('L3 a client that leaves: the sound is read to its end and charged', async () => {
    reset();
    const gate = new Barrier();
    M1.once(sound(twenty, { between: (i) => (i === 10 ? gate.passed() : null) }));
    const client = await open();
    await client.until(() => client.responses[0]?.bytes > 0, 'a beginning');
    const id = client.responses[0].header('x-request-id');
    client.reset();
    await gw.logged(new RegExp(`${id} fault CLIENT`));
    gate.open();
    const entry = await gw.usage(id);
    assert.equal(entry.end, 'client_gone');
    assert.equal(entry.status, 499);
    assert.equal(entry.charge, '0.000002000');
});

test('L3 100 MB to a client that reads late: memory is bounded', async () => {
    reset();
    const piece = noise(100000);
    const pieces = 1000; // more than the kernel's buffers take, which grow to tens of MB
    let sent = 0;
    M1.once(async (exchange) => {
        await exchange.send(headOf('audio/pcm'));
        for (let i = 0; i < pieces && (await exchange.send(frame(piece))); i++) sent += piece.length;
        await exchange.send(lastFrame);
    });
    const before = gw.rssBytes;
    const client = await RawClient.connect(gw);
    client.socket.pause();
    await client.write(requestBytes({ path, body: speak() }));
    let last = 0;
    let quiet = 0;
    await eventually(() => {
        quiet = sent === last ? quiet + 1 : 0;
        last = sent;
        return sent > 0 && quiet === 15;
    }, 'the upstream is paused');
    assert.ok(sent < pieces * piece.length, `paused at ${sent}`);
    const grown = gw.rssBytes - before;
    assert.ok(grown < 2e6, `memory has grown by ${grown}`);
    client.socket.resume();
    const response = await client.response(0, 3 * deadlineMs);
    assert.equal(response.complete, true);
    assert.equal(response.bytes, pieces * piece.length);
    client.close();
});

test('sdk speech', async (t) => {
    reset();
    M1.always(sound(twenty));
    await eachSdk(t, 'sdk speech', async (sdk) => {
        const into = `${gw.dir}/${sdk.name}`;
        const { type } = await sdk.run('speech', { url: gw.url, input: '你好', into });
        assert.ok(fs.readFileSync(into).equals(mega));
        assert.equal(type, 'audio/mpeg');
    });
});
