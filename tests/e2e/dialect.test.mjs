// Q: what the configuration changes of requests and answers.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, J1, reply, S1, S1u, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat, messages } from './lib/requests.mjs';

const invalid = 'invalid_request_error';
const perToken = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const s = await scene(
    { after, name: 'dialect' },
    {
        fixture: ['K1', 'K8'],
        models: {
            usual: { endpoints: 'chat', default_for: 'chat', offer: 'P1/"up"', price: perToken },
            bare: {
                endpoints: 'chat',
                drop: 'temperature, max_tokens n',
                offer: ['P1/up', 'P2/up priority=2'],
                price: perToken,
            },
            embed: { endpoints: 'embeddings', offer: 'P1/up', price: 'in_text 1 per 1M tokens' },
        },
    },
);
const { gw, M1, M2, reset } = s;

/** What P1 saw of a body that was answered by `answer`. */
async function seen(body, { answer = reply(J1), path = '/v1/chat/completions', expected = J1 } = {}) {
    reset();
    M1.once(answer);
    const response = bodyIs(await call(gw, { path, body }), expected);
    const { request } = M1.exchanges[0];
    assert.equal(Number(request.header('content-length')), request.body.length);
    return { text: request.body.toString(), request, response };
}

const said = JSON.stringify(messages);

test('Q1 no model: the default of the endpoint, and all other bytes as they came', async () => {
    const name = '"model":"\\"up\\""';
    for (const [body, expected] of [
        [`{"messages":${said}}`, `{${name},"messages":${said}}`],
        [` {\n "messages" : ${said} }\n`, ` {${name},\n "messages" : ${said} }\n`],
        [`{"model":null,"messages":${said}}`, `{${name},"messages":${said}}`],
        [`{"messages":${said},"model" : null }`, `{"messages":${said},"model" : "\\"up\\"" }`],
    ]) {
        const { text, response } = await seen(body);
        assert.equal(text, expected);
        assert.equal((await gw.row(response)).model, 'usual');
    }
});

test('Q1 no model in a stream: usage is asked for beside it', async () => {
    const as = { answer: stream(S1u), expected: S1 };
    const { text } = await seen(`{"stream":true,"messages":${said}}`, as);
    assert.deepEqual(JSON.parse(text), {
        model: '"up"',
        stream: true,
        stream_options: { include_usage: true },
        messages,
    });
});

test('Q1 a model that is named is not replaced; "" and other types are no model', async () => {
    const { text } = await seen(chat());
    assert.equal(JSON.parse(text).model, 'up-mini');
    M1.reset();
    for (const [model, reason] of [
        ['', 'missing_parameter'],
        [5, 'invalid_type'],
    ]) {
        const response = await call(gw, { body: chat({ model }) });
        errorIs(response, 404, invalid, reason, { param: 'model' });
    }
    assert.equal(M1.count, 0);
});

test('Q1 an endpoint without a default, and a key that may not use the default', async () => {
    M1.reset();
    const embed = await call(gw, { path: '/v1/embeddings', body: { input: 'x' } });
    errorIs(embed, 404, invalid, 'missing_parameter', { param: 'model' });
    const key = 'sk-t8-0000000000';
    const other = await call(gw, { body: { messages }, key });
    errorIs(other, 403, 'insufficient_quota', 'token_model_not_permitted', { param: 'model' });
    assert.equal(M1.count, 0);
});

test('Q3 members that a model does not take are left out; all other bytes stay', async () => {
    for (const [body, expected] of [
        [
            `{"temperature":0.10,"model":"bare" , "messages":${said},"x":{"temperature":1}, "n": 2}`,
            `{"model":"up" , "messages":${said},"x":{"temperature":1}}`,
        ],
        [
            `{"model":"bare","temperature":1,"messages":${said},"\\u0074emperature":2}`,
            `{"model":"up","messages":${said}}`,
        ],
        [`{"model":"bare","messages":${said},"seed":1e400}`, `{"model":"up","messages":${said},"seed":1e400}`],
    ]) {
        assert.equal((await seen(body)).text, expected);
    }
});

test('Q3 at every attempt, and with what a stream adds', async () => {
    M1.reset().once(fault(500, { message: 'x' }));
    M2.reset().once(stream(S1u));
    const body = `{"model":"bare","stream":true,"max_tokens":3,"messages":${said}}`;
    bodyIs(await call(gw, { body }), S1);
    for (const upstream of [M1, M2]) {
        assert.equal(
            upstream.last.body.toString(),
            `{"model":"up","stream_options":{"include_usage":true},"stream":true,"messages":${said}}`,
        );
    }
});

test('Q3 a limit that is left out limits nothing: more is held', async () => {
    const holdOf = async (model) => {
        const { response } = await seen(chat({ model, max_tokens: 5 }));
        return Number((await gw.row(response)).hold);
    };
    assert.ok((await holdOf('usual')) < 0.0001);
    assert.ok((await holdOf('bare')) > 0.004, 'default_output is held for');
});

test('Q3 what is given a thousand times apart is refused', async () => {
    M1.reset();
    const body = `{"model":"bare","messages":${said}${',"temperature":1,"a":2'.repeat(1000)}}`;
    errorIs(await call(gw, { body }), 404, invalid, 'duplicate_parameter', { param: 'temperature' });
    assert.equal(M1.count, 0);
});
