// G1: limits of requests, tokens and concurrency, of whom they count, and what callers are told.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, data, events, fault, reply, S1, told, withUsage } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { Proxy } from './lib/proxy.mjs';
import { openStream } from './lib/open_stream.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { Barrier, eventually } from './lib/wait.mjs';

const s = await scene({ after, name: 'rates' }, { fixture: [] });
const { gw, M1, M2, reset } = s;
const body = chat();
const models = { method: 'GET', path: '/v1/models', body: undefined };

const set = (...words) => gw.cli(['limit', 'set', ...words]);
const rm = (...words) => gw.cli(['limit', 'rm', ...words]);

let made = 0;

/** A user with money in a group of his own, and the secrets of so many keys. */
async function caller({ keys = 1, group } = {}) {
    const name = `r${made++}`;
    const owned = group ?? `g-${name}`;
    if (!group) await gw.cli(['group', 'add', owned, '--models', '*']);
    await gw.cli(['user', 'add', name, '--group', owned, '--credit', '1']);
    const one = { name, group: owned, keys: [], ids: [] };
    for (let i = 0; i < keys; i++) {
        const secret = `sk-${name}-${i}-0000000000`;
        const key = await gw.cli(['key', 'create', name, '--secret-stdin'], { input: `${secret}\n` });
        one.keys.push(secret);
        one.ids.push(String(key.id));
    }
    return one;
}

/** The headers of one metric: [limit, remaining, reset]. */
function left_of(response, metric) {
    return ['limit', 'remaining', 'reset'].map((what) => response.header(`x-ratelimit-${what}-${metric}`));
}

/** A 429 with this reason whose wait is `ms` less what has passed since `began`. */
function limited(response, reason, { ms, began, message } = {}) {
    errorIs(response, 429, 'rate_limit_error', reason, message ? { message } : {});
    const seconds = response.header('retry-after');
    const exact = Number(response.header('retry-after-ms'));
    assert.equal(seconds, String(Math.ceil(exact / 1000)));
    if (ms === undefined) return;
    const passed = performance.now() - began;
    assert.ok(exact <= ms && exact >= ms - passed - 1, `${exact} of ${ms} ms, ${passed} ms later`);
    assert.equal(response.header('x-should-retry'), undefined);
}

function good(response, remaining) {
    bodyIs(response, J1);
    assert.equal(left_of(response, 'requests')[1], String(remaining));
}

/** Two requests of two pass, the third, by any of `same`, does not; `others` are not concerned. */
async function twoOfTwo({ first, same, others, reason, words, message, more = {} }) {
    reset();
    M1.always(reply(J1));
    await set(...words, 'requests', '2/min');
    const began = performance.now();
    const answers = [];
    for (const key of [first, same]) answers.push(await call(gw, { key, body, ...more }));
    good(answers[0], 1);
    good(answers[1], 0);
    assert.deepEqual(left_of(answers[0], 'requests'), ['2', '1', '30s']);
    for (const key of [first, same]) {
        const refused = await call(gw, { key, body, ...more });
        limited(refused, reason, { ms: 30000, began, message });
        assert.deepEqual(left_of(refused, 'requests').slice(0, 2), ['2', '0']);
        assert.match(left_of(refused, 'requests')[2], /^(1m0s|5\d(\.\d+)?s)$/);
        assert.equal(left_of(refused, 'tokens')[0], undefined, 'no limit, no header');
    }
    assert.equal(M1.count, 2, 'a refusal reaches no provider');
    for (const other of others) bodyIs(await call(gw, { body, ...other }), J1);
    await rm(...words, 'requests');
    const free = await call(gw, { key: first, body, ...more });
    bodyIs(free, J1);
    assert.equal(left_of(free, 'requests')[0], undefined);
}

test('G1 requests of a key', async () => {
    const { keys, ids } = await caller({ keys: 2 });
    await twoOfTwo({
        first: keys[0],
        same: keys[0],
        others: [{ key: keys[1] }],
        reason: 'token_rate_limited',
        words: ['key', ids[0]],
        message: /^Rate limit reached for this token: 2 requests per minute$/,
    });
});

test('G1 requests of a user', async () => {
    const { name, group, keys } = await caller({ keys: 2 });
    const other = await caller({ group });
    await twoOfTwo({
        first: keys[0],
        same: keys[1],
        others: [{ key: other.keys[0] }],
        reason: 'user_rate_limited',
        words: ['user', name],
        message: /^Rate limit reached for this user: 2 requests per minute$/,
    });
});

test('G1 requests of a group', async () => {
    const { group, keys } = await caller();
    const member = await caller({ group });
    const other = await caller();
    await twoOfTwo({
        first: keys[0],
        same: member.keys[0],
        others: [{ key: other.keys[0] }],
        reason: 'group_rate_limited',
        words: ['group', group],
        message: /^Rate limit reached for this group: 2 requests per minute$/,
    });
});

test('G1 requests of each user of a group', async () => {
    const { group, keys } = await caller({ keys: 2 });
    const member = await caller({ group });
    await twoOfTwo({
        first: keys[0],
        same: keys[1],
        others: [{ key: member.keys[0] }, { key: member.keys[0] }],
        reason: 'user_rate_limited',
        words: ['group_user', group],
        message: /^Rate limit reached for this user: 2 requests per minute$/,
    });
});

test('G1 requests for a model', async () => {
    const { keys } = await caller();
    const other = await caller();
    await twoOfTwo({
        first: keys[0],
        same: other.keys[0],
        others: [{ key: keys[0], body: chat({ model: 'gpt-4o' }) }],
        reason: 'model_rate_limited',
        words: ['model', 'gpt-4o-mini'],
        message: /^Rate limit reached for this model: 2 requests per minute$/,
    });
});

test('G1 requests of each key that has no limit of its own', async () => {
    reset();
    M1.always(reply(J1));
    const { keys, ids } = await caller({ keys: 2 });
    await set('key', '*', 'requests', '1/day');
    await set('key', ids[1], 'requests', '2/day');
    good(await call(gw, { key: keys[0], body }), 0);
    const refused = await call(gw, { key: keys[0], body });
    limited(refused, 'token_rate_limited');
    // Longer than any client should wait: it comes back in a minute, or an SDK gives up at once.
    assert.equal(refused.header('retry-after'), '60');
    assert.equal(refused.header('retry-after-ms'), '60000');
    assert.equal(refused.header('x-should-retry'), 'false');
    assert.match(left_of(refused, 'requests')[2], /^23h59m\d|^24h0m0s/);
    good(await call(gw, { key: keys[1], body }), 1);
    good(await call(gw, { key: keys[1], body }), 0);
    await rm('key', '*', 'requests', 'day');
    bodyIs(await call(gw, { key: keys[0], body }), J1);
    const list = await gw.cli(['limit', 'list']);
    assert.deepEqual(list.filter((one) => one.scope === 'key'), [
        { scope: 'key', name: ids[1], metric: 'requests', amount: '2/day', burst: 2, model: null },
    ]);
});

test('G1 a burst, and requests for one model of a key', async () => {
    reset();
    M1.always(reply(J1));
    const { keys, ids } = await caller();
    const key = keys[0];
    await set('key', ids[0], 'requests', '600/min', '--burst', '1', '--model', 'gpt-4o-mini');
    const began = performance.now();
    const first = await call(gw, { key, body });
    bodyIs(first, J1);
    assert.deepEqual(left_of(first, 'requests'), ['600', '0', '100ms']);
    const refused = await call(gw, { key, body });
    if (refused.status === 429) {
        limited(refused, 'token_rate_limited', {
            ms: 100,
            began,
            message: /^Rate limit reached for this token: 600 requests per minute of this model$/,
        });
        assert.equal(refused.header('retry-after'), '1');
    }
    const other = await call(gw, { key, body: chat({ model: 'gpt-4o' }) });
    bodyIs(other, J1);
    assert.equal(left_of(other, 'requests')[0], undefined);
    await eventually(async () => (await call(gw, { key, body })).status === 200, 'a tenth of a second');
});

test('G1 what costs nothing is counted by the request', async () => {
    reset();
    M1.always(reply(J1));
    const { keys, ids } = await caller();
    const key = keys[0];
    await set('key', ids[0], 'requests', '3/day');
    await set('key', ids[0], 'concurrent', '1');
    await set('key', ids[0], 'tokens', '1/day'); // no chat of it passes, and it does not matter here
    for (const left of ['2', '1', '0']) {
        const answer = await call(gw, { ...models, key });
        assert.equal(answer.status, 200);
        assert.equal(left_of(answer, 'requests')[1], left);
        assert.equal(left_of(answer, 'tokens')[0], undefined);
    }
    limited(await call(gw, { ...models, key }), 'token_rate_limited');
    limited(await call(gw, { method: 'GET', path: '/v1/videos', key }), 'token_rate_limited');
    limited(await call(gw, { method: 'GET', path: '/v1/videos/task_x/content', key }), 'token_rate_limited');
    // Nothing is counted that was refused for what it is.
    errorIs(await call(gw, { method: 'GET', path: '/v1/nowhere', key }), 404, 'invalid_request_error', 'unknown_path');
    errorIs(await call(gw, { key, body: '{' }), 404, 'invalid_request_error', 'invalid_json');
    assert.equal(M1.count, 0);
});

/* --- tokens --------------------------------------------------------------------------------------- */

/** What the headers say is left of tokens. */
const left = (response) => Number(left_of(response, 'tokens')[1]);

test('G1 tokens', async (t) => {
    const { name, keys } = await caller();
    const key = keys[0];
    const limit = 5000;
    const ask = (more = {}) => call(gw, { key, body: chat({ max_tokens: 20, ...more }) });
    await set('user', name, 'tokens', `${limit}/day`);
    let estimate;
    await t.test('G1 tokens are admitted by estimate and corrected by usage', async () => {
        reset();
        M1.always(reply(J1));
        const first = await ask();
        bodyIs(first, J1);
        estimate = limit - left(first);
        assert.ok(estimate > 20 && estimate < 40, `${estimate} of a short prompt and 20`);
        assert.equal(left_of(first, 'tokens')[0], String(limit));
        assert.match(left_of(first, 'tokens')[2], /^\d+m\d+(\.\d+)?s$/);
        const second = await ask();
        bodyIs(second, J1);
        assert.equal(left(first) - left(second), 5, 'three and two were used');
    });
    await t.test('G1 tokens that the provider had cached are not counted', async () => {
        const before = left(await ask());
        M1.reset().once(
            reply(
                withUsage(
                    '{"prompt_tokens":1000,"completion_tokens":7,"total_tokens":1007,' +
                        '"prompt_tokens_details":{"cached_tokens":900}}',
                ),
            ),
        );
        assert.equal((await ask()).status, 200);
        M1.always(reply(J1));
        assert.equal(before - left(await ask()), 5 + 100 + 7);
    });
    await t.test('G1 tokens of a failure come back', async () => {
        reset();
        M1.always(reply(J1));
        const before = left(await ask());
        M1.reset().once(fault(500, { message: 'no' }));
        M2.once(fault(500, { message: 'no' }));
        const failed = await ask();
        errorIs(failed, 502, 'server_error', 'upstream_error');
        assert.equal(before - left(failed), 5, 'told with failures, too');
        M1.always(reply(J1));
        assert.equal(before - left(await ask()), 5);
    });
    await t.test('G1 tokens of a long answer that was not limited: 1024 are taken, and given back', async () => {
        const before = left(await ask());
        const unsaid = await ask({ max_tokens: undefined });
        assert.equal(before - 5 - left(unsaid), 1024 - 20);
        const generous = await ask({ max_tokens: 100000 });
        assert.equal(before - 10 - left(generous), 4096 - 20, 'no more than so many');
        assert.equal(before - 15 - left(await ask()), 0);
    });
    await t.test('G1 tokens of streams', async () => {
        const before = left(await ask());
        M1.reset().once(told(async ({ send, last }) => {
            await send(events(data.role, data.hi, data.there, data.stop, data.usage, data.done));
            await last();
        }));
        const streamed = await call(gw, { key, body: chat({ stream: true, max_tokens: 20 }) });
        bodyIs(streamed, S1);
        assert.equal(before - left(streamed), 5);
        M1.always(reply(J1));
        assert.equal(before - left(await ask()), 10);
    });
    await t.test('G1 tokens used beyond the limit are a debt', async () => {
        M1.reset().once(
            reply(withUsage('{"prompt_tokens":6000,"completion_tokens":1000,"total_tokens":7000}')),
        );
        assert.equal((await ask()).status, 200);
        const refused = await ask();
        limited(refused, 'user_rate_limited', { message: /^Rate limit reached for this user: 5000 tokens per day$/ });
        assert.equal(refused.header('x-should-retry'), 'false');
        assert.equal(left(refused), 0);
        assert.equal((await call(gw, { ...models, key })).status, 200);
    });
    await t.test('G1 tokens of a prompt that is larger than the limit', async () => {
        await rm('user', name, 'tokens');
        await set('user', name, 'tokens', '1000/min');
        M1.reset().always(reply(J1));
        const huge = { messages: [{ role: 'user', content: 'word '.repeat(3000) }] };
        const refused = await ask(huge);
        errorIs(refused, 429, 'rate_limit_error', 'user_rate_limited', {
            message: /1000 tokens per minute; this request is larger than what may be used at once$/,
        });
        assert.equal(refused.header('retry-after'), undefined, 'no wait helps');
        assert.equal(refused.header('x-should-retry'), 'false');
        assert.equal(M1.count, 0);
        // Only the room for its answer is too large: a full bucket will do.
        bodyIs(await ask({ max_tokens: 4000 }), J1);
    });
});

/* --- how many at once ----------------------------------------------------------------------------- */

test('G1 concurrency', async (t) => {
    const words = ({ name, group, ids }) => ({
        key: ['key', ids[0], 'this token'],
        user: ['user', name, 'this user'],
        group: ['group', group, 'this group'],
        group_user: ['group_user', group, 'this user'],
        model: ['model', 'gpt-4o-mini', 'this model'],
    });
    for (const scope of ['key', 'user', 'group', 'group_user', 'model']) {
        await t.test(`G1 concurrency of a ${scope}`, async () => {
            reset();
            const one = await caller();
            const key = one.keys[0];
            const [, name, whom] = words(one)[scope];
            await set(scope, name, 'concurrent', '2');
            const streams = [await openStream(s, { key }), await openStream(s, { key })];
            const refused = await call(gw, { key, body });
            limited(refused, 'concurrency_limited', {
                message: new RegExp(`^Too many requests at the same time: 2 for ${whom}$`),
            });
            assert.equal(refused.header('retry-after'), '1');
            assert.equal(refused.header('retry-after-ms'), '1000');
            assert.equal(M1.count, 2);
            streams[0].gate.open();
            bodyIs(await streams[0].client.response(), S1);
            M1.once(reply(J1));
            bodyIs(await call(gw, { key, body }), J1);
            streams[1].gate.open();
            bodyIs(await streams[1].client.response(), S1);
            await rm(scope, name, 'concurrent');
        });
    }
    await t.test('G1 concurrency: every end of a request gives its place back', async (st) => {
        reset();
        const { keys, ids } = await caller();
        const key = keys[0];
        await set('key', ids[0], 'concurrent', '1');
        const fits = () =>
            eventually(async () => {
                M1.reset().always(reply(J1));
                return (await call(gw, { key, body })).status === 200;
            }, 'the place is free');
        await st.test('G1 concurrency: a failure', async () => {
            M1.once(fault(500, { message: 'no' }));
            M2.once(fault(500, { message: 'no' }));
            assert.equal((await call(gw, { key, body })).status, 502);
            bodyIs(await (M1.once(reply(J1)), call(gw, { key, body })), J1);
        });
        await st.test('G1 concurrency: a refusal of what it is', async () => {
            assert.equal((await call(gw, { key, body: chat({ model: 'none' }) })).status, 404);
            assert.equal((await call(gw, { key, method: 'GET', path: '/v1/models/none' })).status, 404);
            bodyIs(await (M1.once(reply(J1)), call(gw, { key, body })), J1);
        });
        await st.test('G1 concurrency: a client that leaves keeps its place while the rest is read', async () => {
            const { client, gate } = await openStream(s, { key });
            client.close();
            await gw.logged(/fault CLIENT_CLOSED/);
            limited(await call(gw, { key, body }), 'concurrency_limited');
            gate.open();
            await fits();
        });
        await st.test('G1 concurrency: a client that leaves before there is an answer', async () => {
            const gate = new Barrier();
            M1.reset().once(async (exchange) => {
                await gate.passed();
                await reply(J1)(exchange);
            });
            const client = await RawClient.open(gw, { key, body });
            await M1.request(1);
            client.close();
            gate.open();
            await fits();
        });
    });
});

/* --- together ------------------------------------------------------------------------------------- */

test('G1 limits are told before money, and a refusal takes nothing', async () => {
    reset();
    M1.always(reply(J1));
    const { name, keys, ids } = await caller();
    const key = keys[0];
    const dear = chat({ max_tokens: 2000000 });
    await set('key', ids[0], 'requests', '2/day');
    await set('user', name, 'requests', '3/day');
    for (let i = 0; i < 3; i++) {
        const refused = await call(gw, { key, body: dear });
        errorIs(refused, 403, 'insufficient_quota', 'insufficient_balance');
        assert.equal(left_of(refused, 'requests')[1], '2');
    }
    good(await call(gw, { key, body }), 1);
    good(await call(gw, { key, body }), 0);
    limited(await call(gw, { key, body: dear }), 'token_rate_limited');
    limited(await call(gw, { key, body }), 'token_rate_limited');
    await rm('key', ids[0], 'requests');
    good(await call(gw, { key, body }), 0); // of the user's three the refused ones took none
    limited(await call(gw, { key, body }), 'user_rate_limited');
    assert.equal(M1.count, 3);
});

/* --- providers ------------------------------------------------------------------------------------ */

test('G1 a provider whose limit is used up is passed over', async (t) => {
    const { name, keys } = await caller();
    const key = keys[0];
    await set('provider', 'P1', 'requests', '2/day');
    await t.test('G1 the next provider answers', async () => {
        reset();
        M1.once(reply(J1), reply(J1));
        M2.once(reply(J1), reply(J1));
        for (let i = 0; i < 4; i++) bodyIs(await call(gw, { key, body }), J1);
        assert.deepEqual([M1.count, M2.count], [2, 2]);
        assert.equal(left_of(await call(gw, { ...models, key }), 'requests')[0], undefined, 'not the caller s affair');
    });
    await t.test('G1 all of them: 429 with the shortest wait, nothing sent, held or counted', async () => {
        reset();
        await set('provider', 'P2', 'requests', '1/min');
        await set('user', name, 'requests', '20/day');
        M2.once(reply(J1));
        const began = performance.now();
        good(await call(gw, { key, body }), 19);
        limited(await call(gw, { key, body }), 'upstream_rate_limited', { ms: 60000, began });
        assert.equal(M1.count + M2.count, 1);
        await rm('provider', 'P2', 'requests');
        M2.once(reply(J1));
        good(await call(gw, { key, body }), 18);
    });
    await t.test('G1 one has failed and the other is used up: the failure is told', async () => {
        reset();
        await rm('provider', 'P1', 'requests');
        await set('provider', 'P2', 'requests', '1/day');
        M1.once(fault(500, { message: 'no' }), fault(500, { message: 'no' }));
        M2.once(reply(J1));
        bodyIs(await call(gw, { key, body }), J1);
        errorIs(await call(gw, { key, body }), 502, 'server_error', 'upstream_error');
        await rm('provider', 'P2', 'requests');
    });
    await t.test('G1 its limit is used up while another provider is asked', async () => {
        reset();
        await set('provider', 'P2', 'requests', '1/day');
        const gate = new Barrier();
        const slow = async (exchange) => {
            await gate.passed();
            await fault(500, { message: 'no' })(exchange);
        };
        M1.once(slow, fault(500, { message: 'no' }));
        M2.once(reply(J1));
        const first = await RawClient.open(gw, { key, body });
        await M1.request(1);
        bodyIs(await call(gw, { key, body }), J1);
        gate.open();
        errorIs(await first.response(), 502, 'server_error', 'upstream_error');
        assert.deepEqual([M1.count, M2.count], [2, 1]);
        await rm('provider', 'P2', 'requests');
        first.close();
    });
    await t.test('G1 tokens and concurrency of a provider', async () => {
        reset();
        await set('provider', 'P1', 'tokens', '100/day');
        await set('provider', 'P1', 'concurrent', '1');
        const { client, gate } = await openStream(s, { key });
        M2.once(reply(J1));
        bodyIs(await call(gw, { key, body: chat({ max_tokens: 20 }) }), J1);
        gate.open();
        bodyIs(await client.response(), S1);
        M1.once(reply(withUsage('{"prompt_tokens":90,"completion_tokens":9,"total_tokens":99}')));
        assert.equal((await call(gw, { key, body: chat({ max_tokens: 20 }) })).status, 200);
        M2.once(reply(J1));
        bodyIs(await call(gw, { key, body: chat({ max_tokens: 20 }) }), J1);
        assert.deepEqual([M1.count, M2.count], [2, 2]);
        await rm('provider', 'P1', 'tokens');
        await rm('provider', 'P1', 'concurrent');
    });
});

/* --- SDKs ----------------------------------------------------------------------------------------- */

test('G1 SDKs come back when they are told to, and not where it is of no use', async (t) => {
    reset();
    M1.always(reply(J1));
    await eachSdk(t, 'G1', async (sdk, st) => {
        const { ids, keys } = await caller({ keys: 2 });
        const proxy = await Proxy.start(st, gw);
        const ask = (key) => sdk.run('chat', { url: proxy.url, key, retries: 2 });
        await set('key', ids[0], 'requests', '60/min', '--burst', '1');
        await set('key', ids[1], 'requests', '1/day');
        const one = await ask(keys[0]);
        assert.equal(one.error, undefined, JSON.stringify(one));
        const began = performance.now();
        const two = await ask(keys[0]);
        assert.equal(two.error, undefined, JSON.stringify(two));
        // Slow machines may have waited long enough by themselves.
        const calls = proxy.requests.length;
        assert.ok(calls <= 3, `${calls} calls`);
        if (calls === 3) assert.ok(performance.now() - began > 100, 'it has waited');
        assert.equal((await ask(keys[1])).error, undefined);
        const { error } = await ask(keys[1]);
        assert.equal(error.class, 'RateLimitError');
        assert.equal(error.status, 429);
        assert.equal(error.reason, 'token_rate_limited');
        assert.equal(proxy.requests.length, calls + 2, 'asked once');
    });
});

/* --- races ---------------------------------------------------------------------------------------- */

test('G1 200 keys on 64 connections race one group: never over, never under', async () => {
    reset();
    M1.always(reply(J1));
    const limit = 300;
    const group = 'race';
    await gw.cli(['group', 'add', group, '--models', '*']);
    await gw.cli(['user', 'add', 'racer', '--group', group, '--credit', '10']);
    const keys = Array.from({ length: 200 }, (_, i) => `sk-race-${i}-0000000000`);
    for (const secret of keys) await gw.admin('key', 'create', { user: 'racer', secret });
    await set('group', group, 'requests', `${limit}/day`);
    const clients = await Promise.all(Array.from({ length: 64 }, () => RawClient.connect(gw)));
    const rounds = 13; // 832 requests
    let passed = 0;
    let refused = 0;
    await Promise.all(
        clients.map(async (client, c) => {
            for (let i = 0; i < rounds; i++) {
                const key = keys[(c * rounds + i) % keys.length];
                await client.write(requestBytes({ key, body }));
                const answer = await client.response(i, 60000);
                if (answer.status === 200) passed++;
                else limited(answer, 'group_rate_limited');
                refused += answer.status === 429;
            }
            client.close();
        }),
    );
    assert.equal(passed + refused, 64 * rounds);
    assert.equal(passed, M1.count);
    assert.equal(passed, limit);
});
