// The public API page: its tables, row by row.  Its samples are in samples.test.mjs.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, J1, reply, S1, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';

const s = await scene({ after, name: 'page' }, { fixture: ['K1', 'K2', 'K6'] });
const { gw, M1, M2, reset } = s;

test('page-12 Content-Type is a suggestion', async () => {
    reset();
    M1.once(reply(J1));
    bodyIs(await call(gw, { type: null, body: chat() }), J1);
});

test('page-54 model is required', async () => {
    const body = chat({ model: undefined });
    const told = { param: 'model' };
    errorIs(await call(gw, { body }), 404, 'invalid_request_error', 'missing_parameter', told);
});

test('page-55 messages is required', async () => {
    const body = chat({ messages: undefined });
    const told = { param: 'messages' };
    errorIs(await call(gw, { body }), 404, 'invalid_request_error', 'missing_parameter', told);
});

test('page-56 stream: true streams, false and absent do not', async () => {
    reset();
    M1.once(stream(S1), reply(J1), reply(J1));
    const streamed = bodyIs(await call(gw, { body: chat({ stream: true }) }), S1);
    assert.match(streamed.header('content-type'), /^text\/event-stream/);
    const plain = bodyIs(await call(gw, { body: chat({ stream: false }) }), J1);
    assert.match(plain.header('content-type'), /^application\/json/);
    bodyIs(await call(gw, { body: chat() }), J1);
});

test('page-57 temperature goes on as it was written', async () => {
    reset();
    M1.once(reply(J1));
    const body = chat().replace('{', '{"temperature":0.70,');
    bodyIs(await call(gw, { body }), J1);
    assert.match(M1.last.text, /^\{"temperature":0\.70,/);
});

test('page-138 GET /models', async () => {
    const response = await call(gw, { method: 'GET', path: '/v1/models' });
    assert.equal(response.status, 200);
});

test('page-139 POST /chat/completions', async () => {
    reset();
    M1.once(reply(J1));
    bodyIs(await call(gw, { body: chat() }), J1);
    assert.equal(M1.last.target, '/v1/chat/completions');
});

test('page-153 401 invalid_token', async () => {
    const response = await call(gw, { key: 'sk-bad', body: chat() });
    errorIs(response, 401, 'invalid_token', 'unknown_token');
});

test('page-154 403 insufficient_quota: no balance, no permission', async () => {
    const poor = await call(gw, { key: 'sk-t6-0000000000', body: chat() });
    errorIs(poor, 403, 'insufficient_quota', 'insufficient_balance');
    const forbidden = await call(gw, { key: 'sk-t2-0000000000', body: chat({ model: 'gpt-4o' }) });
    errorIs(forbidden, 403, 'insufficient_quota', 'model_not_permitted');
});

test('page-155 404 invalid_request_error: path, parameter', async () => {
    const type = 'invalid_request_error';
    errorIs(await call(gw, { path: '/v1/nothing', body: chat() }), 404, type, 'unknown_path');
    errorIs(await call(gw, { body: chat({ stream: 'yes' }) }), 404, type, 'invalid_type');
});

test('page-156 429 rate_limit_error: the provider is limiting', async () => {
    reset();
    M1.once(fault(429, { message: 'x' }));
    M2.once(fault(429, { message: 'x' }));
    const response = await call(gw, { body: chat() });
    errorIs(response, 429, 'rate_limit_error', 'upstream_rate_limited');
});

test('page-157 502 server_error: failed, blocked, invalid', async (t) => {
    const cases = {
        failed: [fault(500, { message: 'x' }), 'upstream_error'],
        blocked: [fault(400, { message: 'x', code: 'content_filter' }), 'prompt_blocked'],
        invalid: [reply('<html>'), 'upstream_invalid_response'],
    };
    for (const [name, [answer, reason]] of Object.entries(cases)) {
        await t.test(`page-157 ${name}`, async () => {
            reset();
            M1.always(answer);
            M2.always(answer);
            errorIs(await call(gw, { body: chat() }), 502, 'server_error', reason);
        });
    }
});

test('page-159 the error example', async () => {
    const response = await call(gw, { key: null, body: chat() });
    assert.deepEqual(response.json, {
        error: { message: 'No Authorization header', type: 'invalid_token', code: 401 },
    });
});
