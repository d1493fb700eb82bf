// X3: Vercel's AI SDK and LangChain against the gateway: what they read at a fresh quickstart, what they
// throw, how often they call.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { data, events, fault, S1u, stream } from './lib/answers.mjs';
import { aiSdks, embedders, frameworks, langChains, rerank } from './lib/frameworks.mjs';
import { Gateway, scene } from './lib/gateway.mjs';
import { Proxy } from './lib/proxy.mjs';
import { begunStream, RS1 } from './lib/response_answers.mjs';
import { models } from './lib/response_scene.mjs';

const fresh = await Gateway.quickstart({ name: 'frameworks-fresh' });
after(async () => {
    await fresh.settled().finally(() => fresh.stop());
});
const s = await scene({ after, name: 'frameworks' }, { models, fixture: ['K1', 'K6'] });
const { gw, M1, M2, reset } = s;

const together = { concurrency: true };
const quickstart = { url: fresh.url, key: fresh.key };

/** A subtest of each, all at once where `t` has concurrency. */
const each = (t, id, body, some = frameworks) =>
    Promise.all(some.map((one) => t.test(`${id} ${one.name}`, () => body(one))));

const hello = /^Hello from the sandbox.*Say hello\./;

test('X3 generate', together, async (t) => {
    await each(t, 'X3 generate:', async (framework) => {
        const done = await framework.generate(quickstart);
        assert.match(done.content ?? '', hello, JSON.stringify(done));
        assert.ok(done.usage > 0);
    });
});

test('X3 stream', together, async (t) => {
    await each(t, 'X3 stream:', async (framework) => {
        const done = await framework.stream(quickstart);
        assert.equal(done.error, undefined, JSON.stringify(done));
        assert.match(done.content, hello);
        assert.ok(done.pieces > 5, 'word by word');
    });
});

test('X3 the AI SDK knows why an answer ended', together, async (t) => {
    const body = async (framework) => {
        assert.equal((await framework.generate(quickstart)).end, 'stop');
        assert.equal((await framework.stream(quickstart)).end, 'stop');
        assert.equal((await framework.tool(quickstart)).end, 'tool-calls');
    };
    await each(t, 'X3 ends:', body, aiSdks);
});

test('X3 tool call', together, async (t) => {
    await each(t, 'X3 tool call:', async (framework) => {
        const done = await framework.tool(quickstart);
        assert.equal(done.name, 'weather', JSON.stringify(done));
        assert.deepEqual(done.arguments, {});
    });
});

test('X3 embeddings', together, async (t) => {
    const asked = { ...quickstart, model: 'text-embedding-3-small', values: ['one', 'one two'] };
    for (const [name, embed] of Object.entries(embedders)) {
        await t.test(`X3 embeddings: ${name}`, async () => {
            const vectors = await embed(asked);
            assert.deepEqual(
                vectors.map((one) => one.length),
                [1536, 1536],
            );
            assert.ok(vectors[0].some((one) => one !== 0));
        });
    }
});

test('X3 rerank, by the AI SDK', async () => {
    const documents = ['a green pear', 'the stock exchange', 'a red apple'];
    const asked = { ...quickstart, model: 'rerank-1', query: 'red apple', documents };
    const done = await rerank({ ...asked, topN: 2 });
    assert.equal(done.order?.length, 2, JSON.stringify(done));
    assert.equal(done.order[0], 2);
    assert.equal(done.top, 'a red apple');
    const { error } = await rerank({ ...asked, model: 'nope' });
    assert.equal(error.class, 'AI_APICallError');
    assert.equal(error.status, 404);
    assert.equal(error.message, "The model 'nope' does not exist", 'it reads the message at the top');
});

const mistake = { message: 'x is wrong', type: 'invalid_request_error', param: 'x', code: 'bad_x' };

/** What LangChain makes of a status; the AI SDK has one class, and says whether to try again. */
const rows = {
    'a mistake of the caller': {
        answer: fault(400, mistake),
        status: 404,
        type: 'invalid_request_error',
        class: 'NotFoundError',
        reason: 'MODEL_NOT_FOUND',
        calls: 1,
    },
    'a provider that fails': {
        answer: fault(500, { message: 'x' }),
        status: 502,
        type: 'server_error',
        class: 'InternalServerError',
        reason: null,
        calls: 2,
    },
    'a limit of a second': {
        answer: fault(429, { message: 'x' }, { 'Retry-After': 1 }),
        status: 429,
        type: 'rate_limit_error',
        class: 'RateLimitError',
        reason: 'MODEL_RATE_LIMIT',
        calls: 2,
    },
    'a bad key': {
        key: 'sk-bad',
        status: 401,
        type: 'invalid_token',
        class: 'AuthenticationError',
        reason: 'MODEL_AUTHENTICATION',
        calls: 1,
    },
    'no money': {
        key: 'sk-t6-0000000000',
        status: 403,
        type: 'insufficient_quota',
        class: 'PermissionDeniedError',
        reason: null,
        calls: 1,
    },
};

for (const [name, want] of Object.entries(rows)) {
    test(`X3 ${name}`, together, async (t) => {
        M1.reset().always(want.answer ?? null);
        M2.reset().always(want.answer ?? null);
        await each(t, `X3 ${name}:`, async (framework) => {
            const proxy = await Proxy.start(t, gw);
            const { error } = await framework.generate({ url: proxy.url, key: want.key, retries: 1 });
            assert.equal(error?.status, want.status, JSON.stringify(error));
            assert.equal(error.type, want.type);
            assert.equal(error.code, want.status, 'an integer is accepted');
            if (langChains.includes(framework)) {
                assert.equal(error.class, want.class);
                assert.equal(error.reason, want.reason);
            } else {
                assert.equal(error.class, 'AI_APICallError');
                assert.equal(error.retryable, want.calls > 1);
            }
            assert.equal(proxy.requests.length, want.calls);
        });
    });
}

const isResponses = (framework) => framework.name.endsWith('responses');

async function broken(framework, answer) {
    reset();
    M1.once(answer);
    const done = await framework.stream({ url: gw.url });
    assert.equal(done.content, 'Hi there');
    assert.ok(done.error, 'not a silent end');
    assert.equal(done.error.class, langChains.includes(framework) ? 'APIError' : 'AI_StreamProviderError');
    return done.error;
}

const begun = [data.role, data.hi, data.there];

test('X3 a stream that is cut throws, behind what has come', async (t) => {
    await each(t, 'X3 cut:', async (framework) => {
        const answer = stream(isResponses(framework) ? begunStream : events(...begun), 'rst');
        const { message } = await broken(framework, answer);
        assert.match(message, /closed the stream before it was complete/);
    });
});

test('X3 a provider that tells an error in its stream', async (t) => {
    const told = '{"error":{"message":"x broke","type":"server_error","code":null}}';
    const body = async (framework) => {
        const { message } = await broken(framework, stream(events(...begun, told)));
        assert.match(message, /x broke/);
    };
    await each(
        t,
        'X3 told:',
        body,
        frameworks.filter((one) => !isResponses(one)),
    );
});

test('X3 a whole stream with the usage that they ask for', async (t) => {
    await each(t, 'X3 whole:', async (framework) => {
        reset();
        M1.once(stream(isResponses(framework) ? RS1 : S1u));
        const done = await framework.stream({ url: gw.url });
        assert.equal(done.error, undefined, JSON.stringify(done));
        assert.equal(done.content, 'Hi there');
        assert.equal(done.usage, 5);
    });
});
