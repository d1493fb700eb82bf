// CORS: preflights and the headers that let a page in a browser read the answers.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, reply, S1, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';

const body = chat();
const s = await scene({ after, name: 'cors' }, { server: { cors: 'on' } });
const { gw, M1, M2, reset } = s;
const origin = { Origin: 'https://page.example' };

/** What a browser sends before a call with these headers. */
function preflight(names, method = 'POST') {
    return {
        method: 'OPTIONS',
        key: null,
        body: null,
        headers: {
            ...origin,
            'Access-Control-Request-Method': method,
            'Access-Control-Request-Headers': names.join(','),
        },
    };
}

/** A browser would let the page have this answer, and these of its headers. */
function isReadable(response, ...names) {
    assert.deepEqual(response.all('access-control-allow-origin'), ['*']);
    const exposed = response.header('access-control-expose-headers').split(', ');
    for (const name of ['x-request-id', 'retry-after', 'x-ratelimit-limit-requests', ...names]) {
        assert.ok(exposed.includes(name), name);
    }
    assert.equal(response.header('access-control-allow-credentials'), undefined);
}

/** The names that a preflight's answer allows. */
function allowedOf(response) {
    assert.equal(response.status, 204, response.text);
    assert.equal(response.complete, true);
    assert.equal(response.header('transfer-encoding'), undefined);
    isReadable(response);
    return response.header('access-control-allow-headers').split(', ');
}

test('cors-1 a preflight needs no key, asks no provider and leaves the connection open', async () => {
    reset();
    const names = ['authorization', 'content-type', 'x-stainless-lang', 'x-stainless-retry-count', 'openai-beta'];
    const client = await RawClient.open(gw, preflight(names));
    const response = await client.response(0);
    const allowed = allowedOf(response);
    for (const name of names) assert.ok(allowed.includes(name), name);
    assert.match(response.header('access-control-allow-methods'), /\bPOST\b/);
    assert.match(response.header('access-control-max-age'), /^\d+$/);
    assert.equal(M1.count + M2.count, 0);
    assert.deepEqual(await gw.cli(['usage', 'tail']), []);
    M1.once(reply(J1));
    await client.write(requestBytes({ body, headers: origin }));
    isReadable(bodyIs(await client.response(1), J1));
    client.close();
});

test('cors-1 headers that the API has no use for are not allowed', async () => {
    const allowed = allowedOf(await call(gw, preflight(['authorization', 'cookie', 'x-api-key', 'x-evil'])));
    assert.deepEqual(allowed, ['authorization', 'content-type', 'idempotency-key']);
});

test('cors-1 a preflight is answered whatever the path, so that the call itself tells what is wrong', async () => {
    for (const path of ['/v1/models', '/v1/foo', '/chat/completions']) {
        allowedOf(await call(gw, { ...preflight(['authorization']), path }));
    }
});

test('cors-2 every answer can be read: streams, refusals, local ones', async () => {
    reset();
    M1.once(stream(S1));
    isReadable(bodyIs(await call(gw, { body: chatStream, headers: origin }), S1));
    const refused = await call(gw, { body, key: 'sk-bad', headers: origin });
    errorIs(refused, 401, 'invalid_token', 'unknown_token');
    isReadable(refused, 'x-should-retry', 'retry-after-ms');
    isReadable(await call(gw, { path: '/v1/foo', body }));
    isReadable(await call(gw, { method: 'GET', path: '/v1/models', headers: origin }));
    isReadable(await call(gw, { method: 'GET', path: '/v1', key: null }));
});

test("cors-2 an upstream's own CORS headers do not pass", async () => {
    reset();
    M1.once(reply(J1, { headers: { 'Access-Control-Allow-Origin': 'https://other.example' } }));
    isReadable(bodyIs(await call(gw, { body }), J1));
});

test('cors-3 off: OPTIONS is a wrong method, and no answer says a word about origins', async (t) => {
    const off = await scene(t, { name: 'cors-off' });
    const response = await call(off.gw, preflight(['authorization']));
    errorIs(response, 404, 'invalid_request_error', 'method_not_allowed');
    off.M1.once(reply(J1));
    const answer = bodyIs(await call(off.gw, { body, headers: origin }), J1);
    for (const one of [response, answer]) {
        for (const [name] of one.headers) assert.doesNotMatch(name, /^access-control-/i);
    }
    await t.test('cors-3 a reload turns it on', async () => {
        off.gw.configure({ ...off.config, server: { cors: 'on' } });
        await off.gw.cli(['reload']);
        allowedOf(await call(off.gw, preflight(['authorization'])));
    });
});
