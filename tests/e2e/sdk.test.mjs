// The official SDKs against the gateway: what they return, what they raise, how often they call.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { data, event, events, fault, J1, raw, reply, S1, S1u, stream } from './lib/answers.mjs';
import { scene } from './lib/gateway.mjs';
import { Proxy } from './lib/proxy.mjs';
import { eachSdk, replay } from './lib/sdk.mjs';

const fixture = ['K1', 'K2', 'K6'];
const s = await scene({ after, name: 'sdk' }, { fixture });
const { gw, M1, M2 } = s;
const proxy = await Proxy.start({ after }, gw);

/** Sets both providers' answers and gives a runner that counts calls. */
function both(answer, other = answer) {
    M1.reset().always(answer);
    M2.reset().always(other);
    return async (sdk, operation, options = {}) => {
        const before = proxy.callsOf(sdk);
        const outcome = await sdk.run(operation, { url: proxy.url, retries: 2, ...options });
        return { ...outcome, calls: proxy.callsOf(sdk) - before };
    };
}

test('sdk models.list', async (t) => {
    const run = both(null);
    await eachSdk(t, 'sdk models.list', async (sdk) => {
        const { ids, calls } = await run(sdk, 'models', { key: 'sk-t2-0000000000' });
        assert.deepEqual(ids, ['gpt-4o-mini']);
        assert.equal(calls, 1);
    });
});

test('sdk chat', async (t) => {
    const run = both(reply(J1));
    await eachSdk(t, 'sdk chat', async (sdk) => {
        const { content, usage, request_id, calls } = await run(sdk, 'chat');
        assert.equal(content, 'Hi there');
        assert.equal(usage, 5);
        assert.match(request_id, /^req_/);
        assert.equal(calls, 1);
    });
    await t.test('sdk chat replay', async () => {
        assert.equal((await replay.run('chat', { url: gw.url })).content, 'Hi there');
    });
});

test('sdk chat streamed', async (t) => {
    const run = both(stream(S1u));
    await eachSdk(t, 'sdk chat streamed', async (sdk) => {
        const { content, chunks, calls } = await run(sdk, 'stream');
        assert.equal(content, 'Hi there');
        assert.equal(chunks, 4, 'the usage event is not there: choices[0] is safe');
        assert.equal(calls, 1);
    });
    await t.test('sdk chat streamed replay', async () => {
        const outcome = await replay.run('stream', { url: gw.url });
        assert.deepEqual(outcome, { content: 'Hi there', chunks: 4 });
    });
});

test('sdk tool calls', async (t) => {
    const call = '{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{}"}}';
    const answer = J1.replace('"content":"Hi there"', `"content":null,"tool_calls":[${call}]`);
    const run = both(reply(answer.replace('"stop"', '"tool_calls"')));
    await eachSdk(t, 'sdk tool calls', async (sdk) => {
        const outcome = await run(sdk, 'tools');
        assert.equal(outcome.name, 'weather');
        assert.equal(outcome.arguments, '{}');
        assert.equal(M1.last.json.tools[0].function.name, 'weather');
    });
});

test('sdk tool calls streamed', async (t) => {
    const delta = (text) => data.chunk(`{"tool_calls":[{"index":0,${text}}]}`, 'null');
    const text = events(
        delta('"id":"call_1","type":"function","function":{"name":"weather","arguments":""}'),
        delta('"function":{"arguments":"{\\"city\\":"}'),
        delta('"function":{"arguments":"\\"Paris\\"}"}'),
        data.chunk('{}', '"tool_calls"'),
        data.done,
    );
    const run = both(stream(text));
    await eachSdk(t, 'sdk tool calls streamed', async (sdk) => {
        const outcome = await run(sdk, 'toolsStream');
        assert.equal(outcome.name, 'weather');
        assert.deepEqual(JSON.parse(outcome.arguments), { city: 'Paris' });
    });
});

const mistake = { message: 'x is wrong', type: 'invalid_request_error', param: 'x', code: 'bad_x' };
const rows = {
    '404 with an integer code': {
        answer: fault(400, mistake),
        class: 'NotFoundError',
        code: 404,
        calls: 1,
    },
    502: { answer: fault(500, { message: 'x' }), class: 'InternalServerError', code: 502, calls: 3 },
    '502 with x-should-retry: false': {
        answer: fault(400, { message: 'x', code: 'content_filter' }),
        class: 'InternalServerError',
        code: 502,
        calls: 1,
    },
    '429 with retry-after: 1': {
        answer: fault(429, { message: 'x' }, { 'Retry-After': 1 }),
        class: 'RateLimitError',
        code: 429,
        calls: 3,
        leastMs: 1800,
    },
    '429 with a long wait': {
        answer: fault(429, { message: 'x' }, { 'Retry-After': 90 }),
        class: 'RateLimitError',
        code: 429,
        calls: 1,
    },
    401: { key: 'sk-bad', class: 'AuthenticationError', code: 401, calls: 1 },
    403: { key: 'sk-t6-0000000000', class: 'PermissionDeniedError', code: 403, calls: 1 },
    '200 with an error object': {
        answer: reply('{"error":{"message":"x","code":"server_error"}}'),
        class: 'InternalServerError',
        code: 502,
        calls: 3,
    },
    '200 cut JSON': {
        answer: reply(J1.slice(0, 80)),
        class: 'InternalServerError',
        code: 502,
        calls: 3,
    },
};

test('sdk errors: class and number of calls', async (t) => {
    for (const [name, want] of Object.entries(rows)) {
        await t.test(`sdk errors: ${name}`, { concurrency: true }, async (st) => {
            const run = both(want.answer ?? null);
            await eachSdk(st, `sdk errors: ${name}:`, async (sdk) => {
                const began = Date.now();
                const { error, calls } = await run(sdk, 'chat', { key: want.key ?? 'sk-t1-0000000000' });
                assert.equal(error?.class, want.class, JSON.stringify(error));
                assert.equal(error.code, sdk.codeOf(want.code));
                assert.equal(error.status, want.code);
                assert.equal(calls, want.calls);
                assert.ok(Date.now() - began >= (want.leastMs ?? 0), 'it waited');
            });
        });
    }
});

const broken = {
    'clean end, no [DONE]': stream(events(data.role, data.hi)),
    'connection cut': stream(events(data.role, data.hi), 'rst'),
    'an error event': stream(events(data.role) + event('{"error":{"message":"x","type":"server_error"}}')),
};

test('sdk streams that break raise an API error', async (t) => {
    for (const [name, answer] of Object.entries(broken)) {
        await t.test(`sdk streams: ${name}`, async (st) => {
            const run = both(answer);
            await eachSdk(st, `sdk streams: ${name}:`, async (sdk) => {
                const { error } = await run(sdk, 'stream', { retries: 0 });
                assert.equal(error?.api, true, JSON.stringify(error));
                assert.equal(error.connection, false);
            });
        });
    }
});

test('sdk streams: comments and ids of the upstream', async (t) => {
    const text = S1.replaceAll('data: ', 'id: 1\ndata: ');
    const run = both(raw(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${text}`, 'fin'));
    await eachSdk(t, 'sdk streams: ids:', async (sdk) => {
        assert.equal((await run(sdk, 'stream')).content, 'Hi there');
    });
});

test('sdk replay raises what openai-python raises', async () => {
    both(fault(400, mistake));
    const { error } = await replay.run('chat', { url: gw.url });
    assert.equal(error.status, 404);
    assert.equal(error.code, 404);
    const list = await replay.run('models', { url: gw.url });
    assert.ok(list.ids.includes('gpt-4o-mini'));
});
