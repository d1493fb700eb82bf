// F9, F13, G27, G28, S15: what is learned of providers, and who is asked for it.
// Every case has a gateway of its own: they are about what one request teaches the next.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault, J1, reply } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene, sub } from './lib/gateway.mjs';
import { call, RawClient } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eventually } from './lib/wait.mjs';

const body = chat();
const learning = { provider: { breaker: 'on' } };

const ask = (s) => call(s.gw, { body });

test('F13 a provider that limits is left alone for as long as it says', async (t) => {
    const inAnHour = new Date(Date.now() + 3600e3).toUTCString();
    const forms = {
        'Retry-After in seconds': [{ 'Retry-After': '70' }],
        'Retry-After as a date': [{ 'Retry-After': inAnHour }],
        'retry-after-ms': [{ 'retry-after-ms': '70000' }],
        'x-ratelimit-reset-requests': [{ 'x-ratelimit-reset-requests': '6m0s' }],
        'its sentence': [{}, 'Rate limit reached. Please try again in 6m57s.'],
        'nothing said': [{}],
    };
    for (const [name, [headers, message = 'slow down']] of Object.entries(forms)) {
        await sub(t, `F13 ${name}`, learning, async (s) => {
            s.M1.once(fault(429, { message }, headers));
            s.M2.always(reply(J1));
            bodyIs(await ask(s), J1);
            bodyIs(await ask(s), J1);
            assert.deepEqual([s.M1.count, s.M2.count], [1, 2], 'the second goes straight to P2');
        });
    }
});

test('F9 a provider that refuses our account is asked last', async (t) => {
    for (const [status, message] of [
        [401, 'bad key'],
        [402, 'pay'],
        [403, 'no'],
        [404, 'model not found'],
    ]) {
        await sub(t, `F9 ${status}`, learning, async (s) => {
            s.M1.once(fault(status, { message, code: status === 404 ? 'model_not_found' : null }));
            s.M2.always(reply(J1));
            bodyIs(await ask(s), J1);
            bodyIs(await ask(s), J1);
            assert.deepEqual([s.M1.count, s.M2.count], [1, 2]);
            s.M2.always(fault(500, { message: 'ill' }));
            s.M1.always(reply(J1));
            bodyIs(await ask(s), J1);
            assert.deepEqual([s.M1.count, s.M2.count], [2, 3], 'when nobody else is left, it is asked');
            s.M2.always(reply(J1));
            bodyIs(await ask(s), J1);
            assert.deepEqual([s.M1.count, s.M2.count], [3, 3], 'it was good: it is the first again');
        });
    }
});

test('G27 all providers limit: 429 until the first of them may be asked, and nobody is', async (t) => {
    const s = await scene(t, learning);
    s.M1.once(fault(429, { message: 'slow down' }, { 'Retry-After': '50' }));
    s.M2.once(fault(429, { message: 'slow down' }, { 'Retry-After': '40' }));
    errorIs(await ask(s), 429, 'rate_limit_error', 'upstream_rate_limited');
    const response = await ask(s);
    errorIs(response, 429, 'rate_limit_error', 'upstream_rate_limited');
    const wait = Number(response.header('retry-after'));
    assert.ok(wait > 30 && wait <= 40, `${wait} s`);
    assert.equal(response.header('x-should-retry'), undefined);
    assert.deepEqual([s.M1.count, s.M2.count], [1, 1]);
    assert.equal(await s.gw.spent(), 0);
    const { resting } = await s.gw.cli(['status']);
    const told = resting.filter(({ model }) => model === 'gpt-4o-mini');
    assert.deepEqual(told.map(({ provider, state }) => [provider, state]), [['P1', 'limits'], ['P2', 'limits']]);
    assert.ok(told.every(({ for_ms: ms }) => ms > 30e3 && ms <= 50e3), JSON.stringify(told));
});

test('G28 all providers fail: 502 until one of them may be probed, and nobody is asked', async (t) => {
    const s = await scene(t, learning);
    s.M1.always(fault(500, { message: 'ill' }));
    s.M2.always(fault(500, { message: 'ill' }));
    for (let i = 0; i < 5; i++) errorIs(await ask(s), 502, 'server_error', 'upstream_error');
    const response = await ask(s);
    errorIs(response, 502, 'server_error', 'no_provider', { message: /gpt-4o-mini/ });
    const wait = Number(response.header('retry-after'));
    assert.ok(wait >= 1 && wait <= 3, `${wait} s`);
    assert.deepEqual([s.M1.count, s.M2.count], [5, 5]);
    assert.equal(await s.gw.spent(), 0);
});

test('S15 a provider that is ill is probed by one request at a time, and no caller sees it', async (t) => {
    const s = await scene(t, learning);
    s.M1.always(fault(500, { message: 'ill' }));
    s.M2.always(reply(J1));
    for (let i = 0; i < 8; i++) bodyIs(await ask(s), J1);
    assert.equal(s.M1.count, 5, 'the breaker is open');
    let answer;
    s.M1.always((exchange) => new Promise((resolve) => (answer = (reply) => resolve(reply(exchange)))));
    // Callers come all the time; the first after the while is the probe.
    const waiting = [];
    await eventually(async () => {
        const one = ask(s);
        waiting.push(one);
        await Promise.race([one, s.M1.request()]);
        return s.M1.count > 5;
    }, 'a probe');
    for (const response of await Promise.all(Array.from({ length: 8 }, () => ask(s)))) bodyIs(response, J1);
    assert.equal(s.M1.count, 6, 'one probe');
    answer(reply(J1));
    for (const response of await Promise.all(waiting)) bodyIs(response, J1);
    s.M1.always(reply(J1));
    const before = s.M2.count;
    bodyIs(await ask(s), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [7, before], 'it is the first again');
});

test('S15 a probe whose caller has gone tells all the same that the provider is well', async (t) => {
    const s = await scene(t, learning);
    s.M1.always(fault(500, { message: 'ill' }));
    s.M2.always(reply(J1));
    for (let i = 0; i < 8; i++) bodyIs(await ask(s), J1);
    assert.equal(s.M1.count, 5, 'the breaker is open');
    const answers = [];
    s.M1.always((exchange) => new Promise((resolve) => answers.push(() => resolve(reply(J1)(exchange)))));
    await eventually(async () => {
        const client = await RawClient.open(s.gw, { body });
        await Promise.race([client.head(), s.M1.request()]);
        client.close();
        return s.M1.count > 5;
    }, 'a probe');
    const spent = await s.gw.spent();
    await eventually(() => answers.length === 1, 'it is asked');
    answers[0]();
    await eventually(async () => (await s.gw.spent()) > spent, 'it is charged');
    const two = [ask(s), ask(s)];
    await eventually(() => answers.length === 3, 'both ask the first');
    for (const answer of answers) answer();
    for (const response of await Promise.all(two)) bodyIs(response, J1);
});
