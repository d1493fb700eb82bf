// Every route against everything that can be wrong with a request to it.  A new endpoint is a new row.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { messages } from './lib/requests.mjs';
import { refusedPort } from './lib/upstream.mjs';

const invalid = 'invalid_request_error';

/** The routes of this release.  `body`: the least good one; `paid`: it goes to a provider. */
const routes = [
    {
        method: 'POST',
        path: '/v1/chat/completions',
        paid: true,
        body: { model: 'gpt-4o-mini', messages },
        required: { model: 'string', messages: 'array' },
    },
    {
        method: 'POST',
        path: '/v1/completions',
        paid: true,
        body: { model: 'gpt-4o-mini', prompt: 'Say hello.' },
        required: { model: 'string', prompt: 'text or array' },
    },
    {
        method: 'POST',
        path: '/v1/responses',
        paid: true,
        body: { model: 'gpt-4o-mini', input: 'hello' },
        required: { model: 'string' },
    },
    {
        method: 'POST',
        path: '/v1/embeddings',
        paid: true,
        body: { model: 'gpt-4o-mini', input: 'hello' },
        required: { model: 'string', input: 'text or array' },
    },
    {
        method: 'POST',
        path: '/v1/moderations',
        paid: true,
        body: { model: 'gpt-4o-mini', input: 'hello' },
        required: { model: 'string', input: 'text or array' },
    },
    {
        method: 'POST',
        path: '/v1/rerank',
        paid: true,
        body: { model: 'gpt-4o-mini', query: 'q', documents: ['a'] },
        required: { model: 'string', query: 'string', documents: 'array' },
    },
    {
        method: 'POST',
        path: '/v1/images/generations',
        paid: true,
        body: { model: 'gpt-4o-mini', prompt: 'a cat' },
        required: { model: 'string', prompt: 'string' },
    },
    {
        method: 'POST',
        path: '/v1/images/edits',
        paid: true,
        body: { model: 'gpt-4o-mini', prompt: 'a cat' },
        required: { model: 'string', prompt: 'string' },
    },
    {
        method: 'POST',
        path: '/v1/audio/speech',
        paid: true,
        body: { model: 'gpt-4o-mini', input: 'hello', voice: 'alloy' },
        required: { model: 'string', input: 'string', voice: 'text or object' },
    },
    { method: 'GET', path: '/v1/models' },
    { method: 'GET', path: '/v1/models/gpt-4o-mini' },
    { method: 'GET', path: '/v1/dashboard/billing/subscription' },
    { method: 'GET', path: '/v1/dashboard/billing/usage' },
];

// One model for every endpoint.
const everything = {
    endpoints: 'chat completions responses embeddings rerank moderation images speech',
    offer: ['P1/up', 'P2/up priority=2'],
    price: ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens', 'out_image 1 per 1M tokens', 'characters 1 per 1M characters'],
};
const dead = `http://127.0.0.1:${await refusedPort()}/v1`;
const s = await scene(
    { after, name: 'walk' },
    {
        provider: { base_url: dead },
        fixture: ['K1', 'K2', 'K6', 'K8', 'KE'],
        models: { 'gpt-4o-mini': everything, 'gpt-4o': everything },
    },
);
const { gw } = s;

function ask(route, options = {}) {
    return call(gw, { method: route.method, path: route.path, body: route.body, ...options });
}

/** A refusal for a parameter: its reason is one of several that are right. */
function parameterIs(response, reasons, param) {
    const told = response.json.error?.reason;
    assert.match(String(told), reasons);
    errorIs(response, 404, invalid, told, { param });
}

const wrongOf = {
    string: [5, true, [], {}],
    array: ['text', 5, {}, true],
    'text or array': [5, {}, true],
    'text or object': [5, [], true],
};
const emptyOf = { string: '', array: [], 'text or array': '', 'text or object': '' };

for (const route of routes) {
    const name = `walk ${route.method} ${route.path}`;
    test(`${name}`, async (t) => {
        await t.test(`${name}: no key`, async () => {
            const response = await ask(route, { key: null });
            assert.equal(response.status, 401);
            assert.equal(response.json.error.message, 'No Authorization header');
        });
        await t.test(`${name}: a bad key`, async () => {
            errorIs(await ask(route, { key: 'sk-bad' }), 401, 'invalid_token', 'unknown_token');
        });
        if (!route.paid) {
            await t.test(`${name}: no money is needed`, async () => {
                assert.equal((await ask(route, { key: 'sk-t6-0000000000' })).status, 200);
            });
            return;
        }
        await t.test(`${name}: a forbidden group`, async () => {
            const endpoint = await ask(route, { key: 'sk-te-0000000000' });
            errorIs(endpoint, 403, 'insufficient_quota', 'endpoint_not_permitted');
            const model = await ask(route, { key: 'sk-t2-0000000000', body: { ...route.body, model: 'gpt-4o' } });
            errorIs(model, 403, 'insufficient_quota', 'model_not_permitted', { param: 'model' });
        });
        await t.test(`${name}: a key without the model`, async () => {
            const response = await ask(route, { key: 'sk-t8-0000000000' });
            errorIs(response, 403, 'insufficient_quota', 'token_model_not_permitted');
        });
        await t.test(`${name}: no money`, async () => {
            const response = await ask(route, { key: 'sk-t6-0000000000' });
            errorIs(response, 403, 'insufficient_quota', 'insufficient_balance');
        });
        for (const [field, type] of Object.entries(route.required)) {
            const with_ = (value) => ask(route, { body: { ...route.body, [field]: value } });
            await t.test(`${name}: ${field} missing`, async () => {
                parameterIs(await with_(undefined), /^missing_parameter$/, field);
            });
            await t.test(`${name}: ${field} null`, async () => {
                parameterIs(await with_(null), /^(missing_parameter|invalid_type)$/, field);
            });
            await t.test(`${name}: ${field} of a wrong type`, async () => {
                for (const value of wrongOf[type]) {
                    parameterIs(await with_(value), /^invalid_type$/, field);
                }
            });
            await t.test(`${name}: ${field} empty`, async () => {
                const response = await with_(emptyOf[type]);
                parameterIs(response, /^(missing_parameter|invalid_value)$/, field);
            });
        }
        await t.test(`${name}: no body`, async () => {
            const headers = { 'Content-Length': 0 };
            errorIs(await ask(route, { body: null, headers }), 404, invalid, 'invalid_json');
        });
        await t.test(`${name}: the upstream is down`, async () => {
            errorIs(await ask(route), 502, 'server_error', 'upstream_unreachable');
        });
        await t.test(`${name}: nothing of all this was charged`, async () => {
            for (const user of ['u1', 'u2', 'u0']) assert.equal(await gw.spent(user), 0);
        });
    });
}
