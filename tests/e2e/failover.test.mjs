// S: the sixteen scenarios of the public failover benchmark, against scripted providers.  Needs no
// package of npm: where an SDK must raise, the standard library's replay of one does.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { data, event, events, fault, frame, hang, hangUp, J1, reply, S1, S1u, stream, streamHead, told } from './lib/answers.mjs';
import { bodyIs, errorIs, streamErrorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { replay } from './lib/replay.mjs';
import { chat, chatStream } from './lib/requests.mjs';

const body = chat();
const firstByteMs = 300;
const solo = { endpoints: 'chat', offer: 'P1/up-solo', price: ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'] };

const limits = { first_byte_timeout: `${firstByteMs}ms`, whole_timeout: '600ms', idle_timeout: '300ms' };
const s = await scene({ after, name: 'scenarios' }, { provider: limits, models: { solo } });
const { gw, M1, M2 } = s;

/** P2 answers what P1 did not, and is the only one that is paid. */
async function secondAnswers(answer, { triesMax = 1 } = {}) {
    s.reset();
    M1.always(answer);
    M2.once(reply(J1));
    const response = bodyIs(await call(gw, { body }), J1);
    assert.ok(M1.count <= triesMax, `${M1.count} tries`);
    const row = await gw.row(response);
    assert.deepEqual([row.provider, row.attempts, row.charge], ['P2', M1.count + 1, '0.000005000']);
    s.reset();
    M1.always(answer);
    M2.once(stream(S1u));
    bodyIs(await call(gw, { body: chatStream }), S1);
}

/** What a model with one offer says then. */
async function soloSays(answer, ...expected) {
    s.reset();
    M1.always(answer);
    const response = await call(gw, { body: chat({ model: 'solo' }) });
    errorIs(response, ...expected);
    assert.equal((await gw.row(response)).charge, '0.000000000');
    return response;
}

const limiting = fault(429, { message: 'Slow down', type: 'requests' }, { 'Retry-After': '7' });

test('S01 429 with Retry-After', async () => {
    await secondAnswers(limiting);
    const response = await soloSays(limiting, 429, 'rate_limit_error', 'upstream_rate_limited');
    assert.equal(response.header('retry-after'), '7');
});

test('S02 429 that stays', async () => {
    const always = fault(429, { message: 'Slow down', type: 'requests' });
    for (let round = 0; round < 3; round++) await secondAnswers(always);
    await soloSays(always, 429, 'rate_limit_error', 'upstream_rate_limited');
    s.reset();
    M1.always(always);
    M2.always(always);
    errorIs(await call(gw, { body }), 429, 'rate_limit_error', 'upstream_rate_limited');
    assert.deepEqual([M1.count, M2.count], [1, 1], 'each provider once');
});

test('S03 one 500', async () => {
    const broken = fault(500, { message: 'oops' });
    await secondAnswers(broken);
    await soloSays(broken, 502, 'server_error', 'upstream_error');
});

test('S04 503', async () => {
    const busy = fault(503, { message: 'oops' });
    await secondAnswers(busy);
    await soloSays(busy, 502, 'server_error', 'upstream_overloaded');
});

test('S05 TCP reset', async () => {
    // On a pooled connection that dies under it a request is sent once more.
    await secondAnswers(hangUp('rst'), { triesMax: 2 });
    await soloSays(hangUp('rst'), 502, 'server_error', 'upstream_disconnected');
});

/** P2 is asked as soon as the limit of P1's first event has passed; of three rounds the best. */
async function secondIsAskedInTime(silent) {
    let best = Infinity;
    for (let round = 0; round < 3; round++) {
        s.reset();
        let asked, left;
        M1.once((exchange) => {
            asked = performance.now();
            return silent(exchange);
        });
        M2.once((exchange) => {
            left = performance.now();
            return stream(S1)(exchange);
        });
        bodyIs(await call(gw, { body: chatStream }), S1);
        assert.deepEqual([M1.count, M2.count], [1, 1]);
        best = Math.min(best, left - asked);
    }
    assert.ok(best >= firstByteMs - 50 && best <= firstByteMs + 50, `P2 after ${best} ms`);
}

test('S06 a silent upstream', () => secondIsAskedInTime(hang()));

test('S07 a slow first token', () =>
    secondIsAskedInTime(
        told(async ({ exchange, send }) => {
            await send(': still thinking\n\n');
            await exchange.closed;
        }),
    ));

const begun = events(data.role, data.hi);

/** A stream that breaks after its first events: an error event, no [DONE], one charge, no second try. */
async function breaksAfterBegin(tell, reason) {
    s.reset();
    M1.always(told(tell));
    const before = await gw.spent();
    const response = await call(gw, { body: chatStream });
    streamErrorIs(response, begun, reason);
    assert.doesNotMatch(response.text, /\[DONE\]/);
    const row = await gw.row(response);
    assert.equal(row.attempts, 1);
    assert.ok(Number(row.charge) > 0, 'what came is paid');
    assert.equal(Math.round((await gw.spent()) - before), Math.round(Number(row.charge) * 1e6), 'once');
    const { error } = await replay.run('stream', { url: gw.url });
    assert.equal(error?.class, 'APIError', JSON.stringify(error));
    assert.deepEqual([M1.count, M2.count], [2, 0]);
}

test('S08 a stream that is cut', () =>
    breaksAfterBegin(async ({ exchange, send }) => {
        await send(begun);
        exchange.fin();
    }, 'upstream_disconnected'));

test('S09 a stream that stalls', () =>
    breaksAfterBegin(async ({ exchange, send }) => {
        await send(begun);
        await exchange.closed;
    }, 'upstream_timeout'));

test('S10 a chunk that is malformed', () =>
    breaksAfterBegin(async ({ exchange, send }) => {
        await send(begun);
        await exchange.send('zz\r\nrubbish\r\n');
        await exchange.closed;
    }, 'upstream_disconnected'));

test('S11 no [DONE], but a finish_reason', async () => {
    s.reset();
    const text = events(data.role, data.hi, data.there, data.stop);
    M1.always(stream(text));
    bodyIs(await call(gw, { body: chatStream }), text);
    const { content, error } = await replay.run('stream', { url: gw.url });
    assert.equal(error, undefined);
    assert.equal(content, 'Hi there');
    assert.equal(M2.count, 0);
});

test('S12 too long a context', async () => {
    s.reset();
    const message = "This model's maximum context length is 8192 tokens.";
    M1.once(fault(400, { message, type: 'invalid_request_error', code: 'context_length_exceeded' }));
    const also = { message: /maximum context length is 8192/ };
    errorIs(await call(gw, { body }), 404, 'invalid_request_error', 'context_length_exceeded', also);
    assert.equal(M2.count, 0);
});

test('S13 a content filter', async () => {
    s.reset();
    M1.once(fault(400, { message: 'Filtered', type: null, code: 'content_filter' }));
    const response = await call(gw, { body: chat({ messages: [{ role: 'user', content: 'S13' }] }) });
    errorIs(response, 502, 'server_error', 'prompt_blocked');
    assert.equal(response.header('x-should-retry'), 'false');
    assert.equal(M2.count, 0);
});

test('S14 the fallback refuses', async () => {
    s.reset();
    M1.once(fault(500, { message: 'oops' }));
    M2.once(fault(400, { message: 'No such tool', type: 'invalid_request_error', param: 'tools', code: null }));
    const also = { message: /^No such tool/, param: 'tools' };
    errorIs(await call(gw, { body }), 404, 'invalid_request_error', 'invalid_parameter', also);
});

test('S16 one charge, for the attempt that answered', async () => {
    s.reset();
    const before = await gw.spent();
    M1.once(async (exchange) => {
        // Its usage has come, its answer has not.
        await exchange.send(streamHead);
        await exchange.send(frame(event(data.usage.replace('"choices":[]', '"choices":[],"error":{"message":"x"}'))));
        exchange.fin();
    });
    M2.once(stream(S1u));
    const response = bodyIs(await call(gw, { body: chatStream }), S1);
    const row = await gw.row(response);
    assert.deepEqual([row.provider, row.attempts, row.charge], ['P2', 2, '0.000005000']);
    assert.equal(Math.round((await gw.spent()) - before), 5);
});
