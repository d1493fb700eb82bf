// F26: several keys of one provider: calls are spread over them, and a bad one is left alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault, J1, reply } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat, respond } from './lib/requests.mjs';

const body = chat();
const secrets = ['sk-provider-one', 'provider-key-extra', 'provider-key-third'];
const key = ['env:P1_KEY', 'env:EXTRA_KEY', 'env:THIRD_KEY'];
const env = { EXTRA_KEY: secrets[1], THIRD_KEY: secrets[2] };

/** P1 with so many of the keys. */
const withKeys = (t, n, more = {}) => scene(t, { env, provider: { breaker: 'on' }, P1: { key: key.slice(0, n) }, ...more });

const keyOf = (request) => request.header('authorization').replace('Bearer ', '');
const used = (upstream) => upstream.requests.map(keyOf);
const ask = (s, also = {}) => call(s.gw, { body, ...also });

/** M1 answers as each key deserves: an answer, or a function that makes one. */
function byKey(s, answers) {
    s.M1.always((exchange) => (answers[keyOf(exchange.request)] ?? reply(J1))(exchange));
}

const resting = async (s) =>
    (await s.gw.cli(['status'])).resting
        .filter(({ model }) => model === 'gpt-4o-mini')
        .map(({ provider, key: number, state }) => [provider, number, state]);

test('F26 calls are spread over the keys', async (t) => {
    const s = await withKeys(t, 3);
    s.M1.always(reply(J1));
    await Promise.all(Array.from({ length: 120 }, () => ask(s)));
    for (const secret of secrets) {
        const n = used(s.M1).filter((one) => one === secret).length;
        assert.ok(n >= 15, `${secret}: ${n} of 120`);
    }
});

test('F26 a key that is refused or limited is left alone, and no caller sees it', async (t) => {
    for (const [name, bad, state] of [
        ['401', fault(401, { message: 'Incorrect API key provided' }), 'refuses us'],
        ['429', fault(429, { message: 'slow down' }, { 'Retry-After': '60' }), 'limits'],
        ['no money', fault(429, { message: 'pay', code: 'insufficient_quota' }), 'refuses us'],
    ]) {
        await t.test(`F26 ${name}`, async (st) => {
            const s = await withKeys(st, 2);
            byKey(s, { [secrets[1]]: bad });
            let attempts = 0;
            for (let i = 0; i < 40; i++) {
                const response = bodyIs(await ask(s), J1);
                attempts += (await s.gw.row(response)).attempts;
            }
            const of_bad = used(s.M1).filter((one) => one === secrets[1]);
            assert.equal(of_bad.length, 1, 'the bad key was tried once');
            assert.equal(attempts, 41);
            assert.equal(s.M2.count, 0, 'its provider is good for the same call all the same');
            assert.deepEqual(await resting(s), [['P1', 2, state]]);
            await s.gw.cli(['reload']);
            bodyIs(await ask(s), J1);
            assert.deepEqual(await resting(s), [['P1', 2, state]], 'also after a reload');
        });
    }
});

test('F26 only when no key is left is the provider left alone', async (t) => {
    const s = await withKeys(t, 2);
    const limited = fault(429, { message: 'slow down' }, { 'Retry-After': '60' });
    byKey(s, { [secrets[0]]: limited, [secrets[1]]: limited });
    s.M2.always(reply(J1));
    for (let i = 0; i < 4; i++) bodyIs(await ask(s), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [2, 4]);
    assert.deepEqual(new Set(used(s.M1)), new Set(secrets.slice(0, 2)));
    assert.deepEqual(await resting(s), [
        ['P1', null, 'limits'],
        ['P1', 1, 'limits'],
        ['P1', 2, 'limits'],
    ]);
});

test('F26 three tries are all that a call gets, and bad keys take none from the other providers', async (t) => {
    const s = await withKeys(t, 3);
    s.M1.always(fault(401, { message: 'no' }));
    s.M2.always(reply(J1));
    const response = bodyIs(await ask(s), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [2, 1]);
    assert.equal((await s.gw.row(response)).attempts, 3);
    bodyIs(await ask(s), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [3, 2], 'the third key, once');
    bodyIs(await ask(s), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [3, 3], 'now all of them rest');
});

test('F26 without a breaker nothing is remembered, but a call goes on with another key', async (t) => {
    const s = await withKeys(t, 2, { provider: { breaker: 'off' } });
    s.M2.always(reply(J1));
    byKey(s, { [secrets[1]]: fault(401, { message: 'no' }) });
    for (let i = 0; i < 20; i++) bodyIs(await ask(s), J1);
    assert.equal(s.M2.count, 0);
    const of_bad = used(s.M1).filter((one) => one === secrets[1]);
    assert.ok(of_bad.length > 1 && s.M1.count === 20 + of_bad.length, `${of_bad.length} of ${s.M1.count}`);
});

test('F26 a server that fails is no matter of the key', async (t) => {
    const s = await withKeys(t, 2);
    s.M1.once(fault(500, { message: 'ill' }));
    s.M2.always(reply(J1));
    bodyIs(await ask(s), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [1, 1], 'the next provider, not the next key');
});

test('F26 what the provider keeps is asked of the first key', async (t) => {
    const s = await withKeys(t, 3, {
        models: {
            film: { endpoints: 'video', offer: 'P1/film', price: 'video_ms 0.1 per second' },
            talk: { endpoints: 'responses', offer: 'P1/talk', price: ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'] },
        },
    });
    const made = JSON.stringify({ id: 'video_1', object: 'video', status: 'queued' });
    const said = JSON.stringify({
        id: 'resp_1',
        object: 'response',
        status: 'completed',
        output: [],
        usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
    });
    s.M1.always((exchange) => reply(/responses/.test(exchange.request.target) ? said : made)(exchange));
    for (let i = 0; i < 12; i++) {
        assert.equal((await ask(s, { path: '/v1/responses', body: respond({ model: 'talk' }) })).status, 200);
    }
    for (let i = 0; i < 4; i++) {
        const video = await ask(s, { path: '/v1/videos', body: { model: 'film', prompt: 'a cat', seconds: '1' } });
        assert.equal(video.status, 200);
        await s.gw.cli(['task', 'cancel', video.json.id, '--yes']);
    }
    assert.deepEqual(new Set(used(s.M1)), new Set([secrets[0]]));
    s.M1.requests.length = 0;
    const loose = Array.from({ length: 60 }, () => respond({ model: 'talk', store: false }));
    await Promise.all(loose.map((one) => ask(s, { path: '/v1/responses', body: one })));
    assert.equal(new Set(used(s.M1)).size, 3, 'what is not kept goes with any');
    s.M1.requests.length = 0;
    const on = Array.from({ length: 20 }, () => respond({ model: 'talk', store: false, previous_response_id: 'resp_1' }));
    for (const response of await Promise.all(on.map((one) => ask(s, { path: '/v1/responses', body: one }))))
        assert.equal(response.status, 200);
    assert.deepEqual(new Set(used(s.M1)), new Set([secrets[0]]), 'what goes on from what is kept, with its key');
});

test('F26 no key shows in what callers and operators read', async (t) => {
    const s = await withKeys(t, 2);
    s.M1.always(fault(400, { message: `bad value for ${secrets[1]} and ${secrets[0]}`, param: 'n' }));
    const response = await ask(s);
    assert.equal(response.status, 404);
    assert.match(response.json.error.message, /bad value for \*\*\* and (sk-)?\*\*\*/);
    const [p1] = await s.gw.cli(['provider', 'list']);
    assert.deepEqual([p1.key, p1.keys], ['set', 2]);
    const shown = (await s.gw.cliRaw(['-T'])).stdout;
    assert.equal(shown.match(/^key = \*\*\*$/gm).length, 3);
    for (const text of [shown, JSON.stringify(p1), s.gw.tail(1000)]) {
        for (const secret of secrets) assert.ok(!text.includes(secret));
    }
});

test('F26 provider test tries each key', async (t) => {
    const s = await withKeys(t, 2);
    const list = reply(JSON.stringify({ object: 'list', data: [{ id: 'up-mini' }] }));
    byKey(s, { [secrets[0]]: list, [secrets[1]]: list });
    assert.equal((await s.gw.cli(['provider', 'test', 'P1'])).keys, 2);
    assert.deepEqual(used(s.M1), secrets.slice(0, 2));
    byKey(s, { [secrets[0]]: list, [secrets[1]]: fault(401, { message: 'no such key' }) });
    const done = await s.gw.cliRaw(['provider', 'test', 'P1']);
    assert.equal(done.code, 1);
    assert.match(done.stderr, /provider "P1", key 2 of 2: status 401 .* does not accept the key \("no such key"\)/);
});
