// error_dialect = openai: native statuses and slugs, and the error classes that SDKs make of them.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { data, events, fault, J1, reply, stream } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { Proxy } from './lib/proxy.mjs';
import { call } from './lib/raw.mjs';
import { chat, chatStream, respondStream } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';

const request = 'invalid_request_error';
const body = chat();
const server = { error_dialect: 'openai', max_body_json: '64k' };
const perToken = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const s = await scene(
    { after, name: 'openai-errors' },
    {
        server,
        fixture: ['K1', 'K2', 'K6'],
        models: { both: { endpoints: 'chat responses', offer: 'P1/up', price: perToken } },
    },
);
const { gw, M1, M2, reset } = s;
const proxy = await Proxy.start({ after }, gw);

/** An error as OpenAI writes it: type, then param, then a text for a code. */
function told(response, status, type, code, reason = code) {
    assert.equal(response.status, status, response.text);
    const { error } = response.json;
    assert.deepEqual(Object.keys(error).slice(0, 4), ['message', 'type', 'param', 'code']);
    assert.deepEqual([error.type, error.code, error.reason], [type, code, reason]);
    assert.equal(error.request_id, response.header('x-request-id'));
    return error;
}

test('openai-1 what the gateway refuses', async () => {
    reset();
    const ask = (options) => call(gw, { body, ...options });
    told(await ask({ key: null }), 401, request, 'invalid_api_key', 'missing_authorization');
    told(await ask({ key: 'sk-bad' }), 401, request, 'invalid_api_key', 'unknown_token');
    const poor = await ask({ key: 'sk-t6-0000000000' });
    told(poor, 403, 'insufficient_quota', 'insufficient_quota', 'insufficient_balance');
    const foreign = await ask({ key: 'sk-t2-0000000000', body: chat({ model: 'gpt-4o' }) });
    assert.equal(told(foreign, 403, request, 'model_not_found', 'model_not_permitted').param, 'model');
    told(await ask({ path: '/v1/foo' }), 404, request, 'unknown_path');
    told(await ask({ body: chat({ model: 'nope' }) }), 404, request, 'model_not_found');
    const got = await ask({ method: 'GET', body: null });
    told(got, 405, request, 'method_not_allowed');
    assert.equal(got.header('allow'), 'POST');
    told(await ask({ body: '{' }), 400, request, 'invalid_json');
    const missing = await ask({ body: chat({ messages: undefined }) });
    assert.equal(told(missing, 400, request, 'missing_parameter').param, 'messages');
    told(await ask({ body: chat({ user: 'x'.repeat(70000) }) }), 413, request, 'body_too_large');
    const xml = { headers: { 'Content-Type': 'application/xml' } };
    told(await ask(xml), 415, request, 'unsupported_content_type');
    assert.equal(M1.count + M2.count, 0);
});

const mistake = { message: "Invalid 'temperature'", param: 'temperature', code: 'above_max' };
const tooLong = { message: 'x', code: 'context_length_exceeded' };
const blocked = { message: 'x', code: 'content_filter' };

test('openai-2 what providers refuse, and the status in the books', async () => {
    const limited = 'upstream_rate_limited';
    for (const [upstream, error, status, type, code, reason] of [
        [400, mistake, 400, request, 'above_max'],
        [422, mistake, 422, request, 'above_max'],
        [400, tooLong, 400, request, 'context_length_exceeded'],
        [413, { message: 'x' }, 413, request, 'request_too_large'],
        [400, blocked, 400, request, 'content_policy_violation', 'prompt_blocked'],
        [500, { message: 'x' }, 502, 'server_error', 'upstream_error'],
        [429, { message: 'x' }, 429, 'rate_limit_error', 'rate_limit_exceeded', limited],
        [401, { message: 'x' }, 502, 'server_error', 'upstream_unavailable'],
    ]) {
        M1.reset().always(fault(upstream, error));
        M2.reset().always(fault(upstream, error));
        const response = await call(gw, { body });
        told(response, status, type, code, reason);
        const row = await gw.row(response);
        assert.deepEqual([row.status, row.reason, row.charge], [status, reason ?? code, '0.000000000']);
    }
});

test('openai-3 a stream that breaks', async () => {
    reset();
    const begun = events(data.role, data.hi);
    M1.once(stream(begun));
    const response = await call(gw, { body: chatStream });
    const { error } = JSON.parse(response.text.slice(begun.length + 'data: '.length));
    assert.deepEqual([error.type, error.code], ['server_error', 'upstream_truncated']);
    const typed = (type, number, more) =>
        `event: ${type}\ndata: {"type":"${type}","sequence_number":${number},${more}}\n\n`;
    const created = typed('response.created', 0, '"response":{"id":"resp_1"}');
    M1.once(stream(created + typed('response.output_text.delta', 1, '"delta":"Hi"')));
    const asked = respondStream.replace('gpt-4o-mini', 'both');
    const { text } = await call(gw, { body: asked, path: '/v1/responses' });
    const last = JSON.parse(text.slice(text.lastIndexOf('data: ') + 'data: '.length));
    assert.deepEqual([last.type, last.code, last.sequence_number], ['error', 'upstream_truncated', 2]);
    assert.equal(last.error.code, 'upstream_truncated');
});

/** name: [the provider's answer or null, key, class, status, code, calls] */
const key = 'sk-t1-0000000000';
const rows = {
    'a bad parameter': [fault(400, mistake), key, 'BadRequestError', 400, 'above_max', 1],
    'too long a context': [fault(400, tooLong), key, 'BadRequestError', 400, tooLong.code, 1],
    'a blocked prompt': [fault(400, blocked), key, 'BadRequestError', 400, 'content_policy_violation', 1],
    'an unprocessable body': [fault(422, mistake), key, 'UnprocessableEntityError', 422, 'above_max', 1],
    'a bad key': [null, 'sk-bad', 'AuthenticationError', 401, 'invalid_api_key', 1],
    'no money': [null, 'sk-t6-0000000000', 'PermissionDeniedError', 403, 'insufficient_quota', 1],
    'a failing provider': [fault(500, { message: 'x' }), key, 'InternalServerError', 502, 'upstream_error', 3],
};

test('openai-4 error classes of the SDKs', async (t) => {
    for (const [name, [answer, key, ...want]] of Object.entries(rows)) {
        await t.test(`openai-4 ${name}`, { concurrency: true }, async (st) => {
            M1.reset().always(answer);
            M2.reset().always(answer);
            await eachSdk(st, `openai-4 ${name}:`, async (sdk) => {
                const before = proxy.callsOf(sdk);
                const { error } = await sdk.run('chat', { url: proxy.url, retries: 2, key });
                const calls = proxy.callsOf(sdk) - before;
                assert.deepEqual([error?.class, error?.status, error?.code, calls], want);
            });
        });
    }
});

test('openai-5 it is a switch: a reload changes it, details can be left out', async (t) => {
    const plain = await scene(t, { name: 'dialect-switch' });
    const ask = async () => (await call(plain.gw, { body: '{' })).json.error;
    assert.equal((await ask()).code, 404);
    plain.gw.configure({ ...plain.config, server: { error_dialect: 'openai', error_details: 'off' } });
    await plain.gw.cli(['reload']);
    const bare = await ask();
    assert.deepEqual(Object.keys(bare), ['message', 'type', 'param', 'code']);
    assert.equal(bare.code, 'invalid_json');
    plain.M1.once(reply(J1));
    bodyIs(await call(plain.gw, { body }), J1);
});
