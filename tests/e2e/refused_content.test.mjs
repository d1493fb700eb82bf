// F8: content that a provider refuses: told as a server error that is of no use to retry, asked of no
// other provider, and refused again for a while without asking.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault, J1, reply } from './lib/answers.mjs';
import { bodyIs, errorIs, released } from './lib/expect.mjs';
import { scene, sub } from './lib/gateway.mjs';
import { Proxy } from './lib/proxy.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { eventually } from './lib/wait.mjs';

const body = chat();
const invalid = 'invalid_request_error';

/** A gateway as it is by default. */
const remembers = { server: { blocked_memory: '60s' } };

test('F8 content that a provider refuses', async (t) => {
    const refusals = {
        DeepSeek: fault(400, { message: 'Content Exists Risk', type: invalid, code: invalid }),
        Azure: fault(400, {
            message: "The response was filtered due to the prompt triggering Azure OpenAI's policy",
            type: null,
            param: 'prompt',
            code: 'content_filter',
            status: 400,
        }),
        OpenRouter: fault(403, {
            message: 'Your chosen model requires moderation and your input was flagged',
            code: 403,
            metadata: { reasons: ['violence'], flagged_input: 'x' },
        }),
    };
    for (const [name, answer] of Object.entries(refusals)) {
        await sub(t, `F8 ${name}`, remembers, async (s, st) => {
            s.M1.always(answer);
            const response = await call(s.gw, { body });
            errorIs(response, 502, 'server_error', 'prompt_blocked');
            assert.equal(response.header('x-should-retry'), 'false');
            assert.equal(s.M2.count, 0);
            await released(s, response);
            const again = await call(s.gw, { body });
            errorIs(again, 502, 'server_error', 'prompt_blocked', { message: /a moment ago/ });
            assert.equal(again.header('x-should-retry'), 'false');
            assert.equal(s.M1.count, 1, 'asked once');
            const proxy = await Proxy.start(st, s.gw);
            await eachSdk(st, 'F8', async (sdk) => {
                const before = proxy.callsOf(sdk);
                const { error } = await sdk.run('chat', { url: proxy.url, retries: 2 });
                assert.equal(error?.class, 'InternalServerError');
                assert.equal(proxy.callsOf(sdk) - before, 1, 'one call');
            });
        });
    }
});

test('F8 what is refused again without asking', async (t) => {
    const filtered = fault(400, { message: 'No', code: 'content_filter' });
    const isBlocked = async (s, options = {}) =>
        errorIs(await call(s.gw, { body, ...options }), 502, 'server_error', 'prompt_blocked');
    await sub(t, 'F8 the same prompt of the same user, of the same model', { ...remembers, fixture: ['K1', 'K1b', 'K2'] }, async (s) => {
        s.M1.always(filtered);
        await isBlocked(s);
        await isBlocked(s, { key: 'sk-t1b-0000000000' });
        assert.equal(s.M1.count, 1);
        await isBlocked(s, { key: 'sk-t2-0000000000' });
        assert.equal(s.M1.count, 2, 'another user asks');
        await isBlocked(s, { body: body.replace('hello', 'HELLO') });
        assert.equal(s.M1.count, 3, 'another prompt of the same length is asked');
        await isBlocked(s, { body: body.replace('hello', 'hello there') });
        assert.equal(s.M1.count, 4, 'and one of another');
        assert.equal(s.M2.count, 0);
    });
    await sub(t, 'F8 no longer than it is remembered', { server: { blocked_memory: '1s' } }, async (s) => {
        s.M1.always(filtered);
        await isBlocked(s);
        await eventually(async () => {
            await isBlocked(s);
            return s.M1.count === 2;
        }, 'asked again');
    });
    await sub(t, 'F8 blocked_memory = off', { server: { blocked_memory: 'off' } }, async (s) => {
        s.M1.always(filtered);
        await isBlocked(s);
        await isBlocked(s);
        assert.equal(s.M1.count, 2);
    });
    await sub(t, 'F8 failover_on_block = on', { server: { ...remembers.server, failover_on_block: 'on' } }, async (s) => {
        s.M1.always(filtered);
        s.M2.once(reply(J1), reply(J1), filtered);
        bodyIs(await call(s.gw, { body }), J1);
        bodyIs(await call(s.gw, { body }), J1);
        await isBlocked(s);
        await isBlocked(s);
        assert.deepEqual([s.M1.count, s.M2.count], [3, 3]);
    });
});

test('F8 content that a provider refuses in words of its own', async (t) => {
    const error = ['blocked risk_control', 'account your plan has ended', 'server content_filter'];
    const s = await scene(t, { provider: { error } });
    s.M1.once(fault(422, { message: 'No', code: 'risk_control' }));
    errorIs(await call(s.gw, { body }), 502, 'server_error', 'prompt_blocked');
    s.M1.once(fault(400, { message: 'Your plan has ended.', code: 'x' }));
    s.M2.once(reply(J1));
    bodyIs(await call(s.gw, { body: chat({ user: 'a' }) }), J1);
    // The same word that is known of all means something else here.
    s.M1.once(fault(400, { message: 'No', code: 'content_filter' }));
    s.M2.once(reply(J1));
    bodyIs(await call(s.gw, { body: chat({ user: 'b' }) }), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [3, 2]);
});
