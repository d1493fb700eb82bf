// K: embeddings in base64 from providers that tell numbers only.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, raw, reply } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { Upstream } from './lib/upstream.mjs';

const path = '/v1/embeddings';
const M = await Upstream.start({ after }, 'M');
const providers = {};
const models = {};
const more = { endpoints: 'embeddings', price: 'in_text 1 per 1M tokens' };
for (const how of ['native', 'convert', 'strip']) {
    providers[how] = { base_url: M.url, embeddings_base64: how };
    models[how] = { ...more, offer: `${how}/up` };
}
models.picky = { ...more, offer: 'strip/up', drop: 'user, dimensions' };
models.dropped = { ...more, offer: 'convert/up', drop: 'encoding_format' };
models.either = { ...more, offer: ['convert/up', 'P2/b priority=2'] };
const s = await scene({ after, name: 'embeddings' }, { providers, models, server: { reply_buffer: '64k' } });
const { gw, M2 } = s;

const base64 = (floats) => Buffer.from(new Float32Array(floats).buffer).toString('base64');
const usage = '"usage":{"prompt_tokens":7,"total_tokens":7}';
const list = (...vectors) =>
    `{"object":"list", "data":[${vectors.map((v, i) => `{"index":${i},"embedding":${v}}`)}],"model":"up",${usage}}`;
const some = [0.1, -2.5, 1e-3, 3, -0.0072968333];
const numbers = list(`[ ${some.join(' , ')} ]`, '[1]');
const texts = list(`"${base64(some)}"`, '"AACAPw=="');

/** What the provider saw of a body; it answers with `answer`, the client gets `expected`. */
async function seen(body, answer, expected) {
    M.reset().once(reply(answer));
    const response = bodyIs(await call(gw, { path, body }), expected);
    assert.equal(Number(M.last.header('content-length')), M.last.body.length);
    assert.equal((await gw.row(response)).charge, '0.000007000');
    return M.last.body.toString();
}

test('K2 convert: numbers are asked for, and encoded; nothing else of the answer changes', async () => {
    const body = '{"model":"convert", "encoding_format" : "base64","input":"x"}';
    const sent = '{"model":"up", "encoding_format" : "float","input":"x"}';
    assert.equal(await seen(body, numbers, texts), sent);
});

test('K2 convert: who asks for numbers, or for nothing, gets the answer as it came', async () => {
    for (const asked of ['', '"encoding_format":"float",', '"encoding_format":null,']) {
        const body = `{"model":"convert",${asked}"input":"x"}`;
        assert.equal(await seen(body, numbers, numbers), body.replace('"convert"', '"up"'));
    }
});

test('K2 convert: an answer that is in base64 already stays', async () => {
    await seen('{"model":"convert","encoding_format":"base64","input":"x"}', texts, texts);
});

test('K2 strip: the member is left out, and numbers are encoded if it asked for that', async () => {
    const sent = '{"model":"up","input":"x"}';
    assert.equal(await seen('{"model":"strip","input":"x","encoding_format":"base64"}', numbers, texts), sent);
    assert.equal(await seen('{"model":"strip","encoding_format":"float","input":"x"}', numbers, numbers), sent);
    const picky = '{"dimensions":5,"model":"picky","encoding_format":"base64","user":"u","input":"x"}';
    assert.equal(await seen(picky, numbers, texts), sent);
});

test('K2 convert: what a model does not take counts as not given', async () => {
    const body = '{"model":"dropped","encoding_format":"base64","input":"x"}';
    assert.equal(await seen(body, numbers, numbers), '{"model":"up","input":"x"}');
});

test('K2 native: neither request nor answer is touched', async () => {
    const body = '{"model":"native","encoding_format":"base64","input":"x"}';
    assert.equal(await seen(body, numbers, numbers), body.replace('"native"', '"up"'));
});

test('K2 an answer longer than can be held is encoded as it passes', async () => {
    const vectors = Array.from({ length: 500 }, (_, i) => Array.from({ length: 768 }, (_, j) => (i - j) / 1024));
    const body = '{"model":"convert","encoding_format":"base64","input":"x"}';
    const answer = list(...vectors.map((v) => JSON.stringify(v)));
    assert.ok(answer.length > 3e6);
    await seen(body, answer, list(...vectors.map((v) => `"${base64(v)}"`)));
    const zeros = vectors.map(() => Array(768).fill(0)); // these grow
    await seen(body, list(...zeros.map((v) => JSON.stringify(v))), list(...zeros.map((v) => `"${base64(v)}"`)));
});

test('K2 the next provider is asked as the client did', async () => {
    const body = '{"model":"either","encoding_format":"base64","input":"x"}';
    const unusable = [
        fault(500, { message: 'x' }),
        reply(list('[1,null]')),
        reply(list('[1e400]')),
        reply('{"data":[{"embedding":[1,,2]}]}'),
        raw('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"data":[{"embedding":[1', 'fin'),
    ];
    for (const answer of unusable) {
        M.reset().once(answer);
        M2.reset().once(reply(numbers));
        bodyIs(await call(gw, { path, body }), numbers);
        assert.equal(M.last.body.toString(), '{"model":"up","encoding_format":"float","input":"x"}');
        assert.equal(M2.last.body.toString(), '{"model":"b","encoding_format":"base64","input":"x"}');
    }
});

const near = (got) => {
    assert.equal(got.length, some.length);
    some.forEach((v, i) => assert.ok(Math.abs(got[i] - v) <= Math.abs(v) * 1e-6, `${got[i]} is not ${v}`));
};

test('sdk embeddings: SDKs ask for base64 by themselves', async (t) => {
    for (const [as, answer, asked] of [
        ['native', texts, 'base64'],
        ['convert', numbers, 'float'],
        ['strip', numbers, undefined],
    ]) {
        const id = as === 'native' ? 'K1' : 'K2';
        await eachSdk(t, `${id} ${as}`, async (sdk) => {
            M.reset().always(reply(answer));
            const { vectors, usage: total } = await sdk.run('embed', { url: gw.url, as, input: 'x' });
            near(vectors[0]);
            assert.deepEqual(vectors[1], [1]);
            assert.equal(total, 7);
            assert.equal(JSON.parse(M.last.body).encoding_format, asked);
        });
    }
});
