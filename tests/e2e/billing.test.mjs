// The balance as chat clients ask for it: limit and usage of the key's user, or of the key itself.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, reply } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';

const body = chat();
const fixture = ['K1', 'K1b', 'K4', 'K6', 'K7'];
const s = await scene({ after, name: 'billing' }, { fixture });
const { gw, M1, M2, reset } = s;

async function get(gateway, path, key, base = '/v1') {
    const response = await call(gateway, { method: 'GET', path: `${base}/dashboard/billing/${path}`, key });
    assert.equal(response.status, 200, response.text);
    assert.match(response.header('content-type'), /^application\/json\b/);
    return response.json;
}

/** What a chat client shows: the balance in USD, and what was used. */
async function shown(key, gateway = gw) {
    const { hard_limit_usd: limit } = await get(gateway, 'subscription', key);
    const dates = '?start_date=2026-11-01&end_date=2026-12-01';
    const { total_usage: cents } = await get(gateway, `usage${dates}`, key);
    return { left: Number((limit - cents / 100).toFixed(9)), used: Number((cents / 100).toFixed(9)) };
}

async function spend(key) {
    M1.reset().once(reply(J1));
    bodyIs(await call(gw, { body, key }), J1);
}

const key = 'sk-t1-0000000000';

test('billing-1 the shapes, with numbers', async () => {
    reset();
    assert.deepEqual(await get(gw, 'subscription', key), {
        object: 'billing_subscription',
        has_payment_method: true,
        soft_limit_usd: 1,
        hard_limit_usd: 1,
        system_hard_limit_usd: 1,
        access_until: 0,
    });
    assert.deepEqual(await get(gw, 'usage', key), { object: 'list', total_usage: 0 });
    assert.equal(M1.count + M2.count, 0);
});

test("billing-2 without a limit of the key's own it is the user's, over all its keys", async () => {
    await spend(key);
    await spend('sk-t1b-0000000000');
    for (const one of [key, 'sk-t1b-0000000000']) {
        assert.deepEqual(await shown(one), { left: 0.99999, used: 0.00001 });
    }
    assert.deepEqual(await get(gw, 'usage', key), { object: 'list', total_usage: 0.001 });
    await gw.cli(['user', 'credit', 'u1', '2.5']);
    assert.deepEqual(await shown(key), { left: 3.49999, used: 0.00001 });
});

test('billing-3 a key with a limit has its own balance, and an end', async () => {
    const secret = 'sk-limited-00000000';
    const options = ['--limit', '0.5/day', '--expires', '1h', '--secret-stdin'];
    const made = await gw.cli(['key', 'create', 'u1', ...options], { input: `${secret}\n` });
    assert.deepEqual(await shown(secret), { left: 0.5, used: 0 });
    await spend(secret);
    assert.deepEqual(await shown(secret), { left: 0.499995, used: 0.000005 });
    const { access_until: until } = await get(gw, 'subscription', secret);
    assert.equal(until, Math.floor(Date.parse(made.expires) / 1000));
    await gw.cli(['user', 'credit', 'u1', '-3.4']);
    const { balance } = await gw.cli(['user', 'show', 'u1']);
    assert.equal((await shown(secret)).left, Number(balance), "the user's money is less than the limit");
});

test('billing-4 no money is no reason to refuse; a bad key is', async () => {
    assert.deepEqual(await shown('sk-t6-0000000000'), { left: 0, used: 0 });
    assert.deepEqual(await shown('sk-t7-0000000000'), { left: 0, used: 0 });
    for (const path of ['subscription', 'usage']) {
        const asked = { method: 'GET', path: `/v1/dashboard/billing/${path}` };
        const disabled = await call(gw, { ...asked, key: 'sk-t4-0000000000' });
        errorIs(disabled, 401, 'invalid_token', 'token_disabled');
        errorIs(await call(gw, { ...asked, key: 'sk-bad' }), 401, 'invalid_token', 'unknown_token');
        const posted = await call(gw, { ...asked, method: 'POST', body: '{}' });
        errorIs(posted, 404, 'invalid_request_error', 'method_not_allowed');
    }
});

test('billing-5 the bare paths of old clients, with path_aliases', async (t) => {
    const aliased = await scene(t, { name: 'billing-bare', server: { path_aliases: 'on' } });
    assert.equal((await get(aliased.gw, 'subscription', key, '')).hard_limit_usd, 1);
    assert.equal((await get(aliased.gw, 'usage', key, '')).total_usage, 0);
});
