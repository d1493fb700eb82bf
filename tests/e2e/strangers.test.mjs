// G1: keys that are not good, from one address.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';

const models = { method: 'GET', path: '/v1/models', body: undefined };

test('G1 more than 30 failed keys a minute from an address', async (t) => {
    const { gw } = await scene(t, { fixture: ['K1', 'K2', 'K4'] });
    const from = '127.0.0.77';
    const bad = (i) => call(gw, { ...models, key: `sk-guess-${i}`, from });
    const began = performance.now();
    for (let i = 0; i < 30; i++) errorIs(await bad(i), 401, 'invalid_token', 'unknown_token');
    const refused = [];
    for (let i = 30; i < 40; i++) refused.push(await bad(i));
    const told = refused.filter((one) => one.status === 429);
    // A try comes back every two seconds.
    assert.ok(told.length >= 10 - Math.ceil((performance.now() - began) / 2000), `${told.length} were told`);
    for (const one of told) {
        errorIs(one, 429, 'rate_limit_error', 'address_rate_limited');
        assert.match(one.header('retry-after'), /^[12]$/);
        assert.ok(Number(one.header('retry-after-ms')) <= 2000);
    }
    // Good keys are not concerned, also when they are looked up for the first time.
    for (const key of ['sk-t1-0000000000', 'sk-t2-0000000000']) {
        assert.equal((await call(gw, { ...models, key, from })).status, 200);
    }
    errorIs(await call(gw, { ...models, key: 'sk-t4-0000000000', from }), 401, 'invalid_token', 'token_disabled');
    const elsewhere = await call(gw, { ...models, key: 'sk-guess-0', from: '127.0.0.78' });
    errorIs(elsewhere, 401, 'invalid_token', 'unknown_token');
    assert.equal((await call(gw, { ...models, key: null, from })).status, 401, 'no key is no failed key');
});
