// Q: what a provider's section changes of the requests that it gets.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, J1, raw, reply, S1, S1u, stream, withUsage } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { Upstream } from './lib/upstream.mjs';

// One upstream plays every provider; a model of the same name leads to each.
const M = await Upstream.start({ after }, 'M');
const perToken = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const key = 'env:P1_KEY';
const dialects = {
    plain: { key },
    'api-key': { key, auth: 'api-key' },
    'x-api-key': { key, auth: 'x-api-key' },
    keyless: {},
    eager: { key, accept_sse: 'force' },
    total: { key, completion_from_total: 'on' },
    xai: { key, usage_dialect: 'xai' },
    anthropic: { key, usage_dialect: 'anthropic' },
    unsure: { key, images_retry_ambiguous: 'on' },
    headers: {
        key,
        header: ['X-Region: eu west', 'X-Second-Key: Bearer env:P2_KEY'],
        header_allow: 'traceparent, X-Team',
    },
    azure: {
        key,
        auth: 'api-key',
        base_url: M.url.replace('/v1', '/openai/'),
        path: [
            'chat /deployments/{model}/chat/completions',
            'image_generations /deployments/{model}/images/generations',
        ],
        query: 'api-version=2024-10-21',
    },
};
const providers = {};
const models = {};
for (const [name, flags] of Object.entries(dialects)) {
    providers[name] = { base_url: M.url, ...flags };
    models[name] = { endpoints: 'chat', offer: `${name}/up`, price: perToken };
}
const pictures = { endpoints: 'images', price: 'images 0.25 per image' };
models['picture-again'] = { ...pictures, offer: ['unsure/up', 'P2/up priority=2'] };
models['picture-once'] = { ...pictures, offer: ['plain/up', 'unsure/up priority=2'] };
models['my-org/gpt:4.1%'] = { endpoints: 'chat', offer: 'azure/my-org/gpt:4.1%', price: perToken };
models['azure-pictures'] = { ...pictures, offer: 'azure/dall-e-3' };
models['azure-vectors'] = { endpoints: 'embeddings', offer: 'azure/ada', price: perToken };
models.elsewhere = { endpoints: 'chat', offer: ['azure/a', 'P2/b priority=2'], price: perToken };
const s = await scene({ after, name: 'provider' }, { providers, models });
const { gw, M2 } = s;
await gw.cli(['user', 'credit', 'u1', '1000']);

/** What the provider saw of a chat request that it answered. */
async function seen(name, { body = {}, headers, answer = reply(J1), expected = J1 } = {}) {
    M.reset();
    M.once(answer);
    const response = bodyIs(await call(gw, { body: chat({ model: name, ...body }), headers }), expected);
    assert.equal(M.count, 1);
    return { request: M.last, response };
}

const made = '{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}]}';
const paint = (model) => call(gw, { path: '/v1/images/generations', body: { model, prompt: 'a cat' } });

test('Q4 the key goes by the scheme of its provider, and no other', async () => {
    const sent = { authorization: 'Bearer sk-provider-one', 'api-key': 'sk-provider-one', 'x-api-key': 'sk-provider-one' };
    const schemes = { plain: 'authorization', 'api-key': 'api-key', 'x-api-key': 'x-api-key', keyless: null };
    for (const [name, scheme] of Object.entries(schemes)) {
        const headers = { 'api-key': 'a', 'x-api-key': 'b', 'x-goog-api-key': 'c', Cookie: 'd' };
        const { request } = await seen(name, { headers });
        for (const [header, value] of Object.entries(sent)) {
            assert.deepEqual(request.all(header), header === scheme ? [value] : [], `${name}: ${header}`);
        }
        assert.deepEqual([...request.all('x-goog-api-key'), ...request.all('cookie')], []);
    }
});

test('Q4 accept_sse: a stream is asked for by its type, an answer as the client does', async () => {
    const headers = { Accept: 'application/json' };
    const streamed = { body: { stream: true }, headers, answer: stream(S1u), expected: S1 };
    assert.deepEqual((await seen('eager', streamed)).request.all('accept'), ['text/event-stream']);
    assert.deepEqual((await seen('plain', streamed)).request.all('accept'), ['application/json']);
    assert.deepEqual((await seen('eager', { headers })).request.all('accept'), ['application/json']);
    assert.deepEqual((await seen('eager')).request.all('accept'), ['*/*']);
});

test('Q6 header: a provider gets headers of its own, with secrets from where they are kept', async () => {
    const { request } = await seen('headers');
    assert.deepEqual(request.all('x-region'), ['eu west']);
    assert.deepEqual(request.all('x-second-key'), ['Bearer sk-provider-two']);
    assert.deepEqual((await seen('plain')).request.all('x-region'), []);
    const { stdout } = await gw.cliRaw(['-T']);
    assert.match(stdout, /^header = X-Second-Key: Bearer \*\*\*$/m);
    assert.doesNotMatch(stdout, /sk-provider/);
});

test('Q6 header_allow: listed headers of the client pass, to that provider only', async () => {
    const headers = [
        ['Traceparent', '00-1-2-01'],
        ['x-team', 'a'],
        ['X-Team', 'b'],
        ['X-Other', 'c'],
        ['Cookie', 'd'],
        ['X-Region', 'us'],
    ];
    const { request } = await seen('headers', { headers });
    assert.deepEqual(request.all('traceparent'), ['00-1-2-01']);
    assert.deepEqual(request.all('x-team'), ['a', 'b']);
    assert.deepEqual(request.all('x-region'), ['eu west'], 'what the provider sets is not the client\'s');
    assert.deepEqual([...request.all('x-other'), ...request.all('cookie')], []);
    const plain = (await seen('plain', { headers })).request;
    assert.deepEqual([...plain.all('traceparent'), ...plain.all('x-team')], []);
});

test('Q6 header_allow: what the client names in Connection ends at the gateway', async () => {
    const headers = { Connection: 'close, X-Team', 'X-Team': 'a', traceparent: '00-1-2-01' };
    const { request } = await seen('headers', { headers });
    assert.deepEqual(request.all('x-team'), []);
    assert.deepEqual(request.all('traceparent'), ['00-1-2-01']);
});

test('Q5 Azure: the deployment in the path, the version behind it, the key in api-key', async () => {
    const { request } = await seen('azure');
    assert.equal(request.target, '/openai/deployments/up/chat/completions?api-version=2024-10-21');
    assert.deepEqual(request.all('api-key'), ['sk-provider-one']);
    assert.deepEqual(request.all('authorization'), []);
    assert.equal(request.body.toString(), chat({ model: 'up' }));
});

test('Q5 the name of a model cannot leave its place in the path', async () => {
    const { request } = await seen('my-org/gpt:4.1%');
    const deployment = 'my-org%2Fgpt%3A4.1%25';
    assert.equal(request.target, `/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`);
    assert.equal(JSON.parse(request.body).model, 'my-org/gpt:4.1%');
});

test('Q5 each endpoint has its path; one without is at the usual place, with the query', async () => {
    const vectors = '{"object":"list","data":[{"embedding":"AACAPw==","index":0}],"usage":{"prompt_tokens":1}}';
    M.reset().once(reply(made), reply(vectors));
    bodyIs(await paint('azure-pictures'), made);
    bodyIs(await call(gw, { path: '/v1/embeddings', body: { model: 'azure-vectors', input: 'x' } }), vectors);
    assert.deepEqual(
        M.requests.map((request) => request.target),
        [
            '/openai/deployments/dall-e-3/images/generations?api-version=2024-10-21',
            '/openai/embeddings?api-version=2024-10-21',
        ],
    );
});

test('Q5 the next provider has a path of its own', async () => {
    M.reset().once(fault(500, { message: 'x' }));
    M2.reset().once(reply(J1));
    bodyIs(await call(gw, { body: chat({ model: 'elsewhere' }) }), J1);
    assert.equal(M.last.target, '/openai/deployments/a/chat/completions?api-version=2024-10-21');
    assert.equal(M2.last.target, '/v1/chat/completions');
});

test('Q4 completion_from_total: what is not prompt is charged as completion', async () => {
    const text = withUsage('{"prompt_tokens":3,"completion_tokens":2,"total_tokens":12}');
    const charge = async (name) => {
        const { response } = await seen(name, { answer: reply(text), expected: text });
        return (await gw.row(response)).charge;
    };
    assert.equal(await charge('plain'), '0.000005000');
    assert.equal(await charge('total'), '0.000012000');
});

test('Q4 usage_dialect: what the figures of a provider mean', async () => {
    const usages = {
        xai: '{"prompt_tokens":3,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":2}}',
        anthropic:
            '{"input_tokens":3,"cache_read_input_tokens":100,"cache_creation_input_tokens":10,"output_tokens":2}',
    };
    const counters = async (name, dialect) => {
        const text = withUsage(usages[dialect]);
        const { response } = await seen(name, { answer: reply(text), expected: text });
        return (await gw.row(response)).counters;
    };
    assert.deepEqual(await counters('plain', 'xai'), { in_text: 3, out_reasoning: 2 });
    assert.deepEqual(await counters('xai', 'xai'), { in_text: 3, out_text: 2, out_reasoning: 2 });
    assert.deepEqual(await counters('plain', 'anthropic'), { in_cached: 3, out_text: 2 });
    assert.deepEqual(await counters('anthropic', 'anthropic'), { in_text: 3, in_cached: 100, in_cache_write: 10, out_text: 2 });
});

test('I6 images_retry_ambiguous: a picture that may have been made is asked of the next provider', async () => {
    M.reset().always(raw('', 'rst')); // on a pooled connection it is asked twice
    M2.reset().once(reply(made));
    const response = bodyIs(await paint('picture-again'), made);
    assert.equal(M2.last.target, '/v1/images/generations');
    assert.equal((await gw.row(response)).charge, '0.250000000');
});

test('I6 it is the word of the provider that failed, not of the next one', async () => {
    M.reset().once(raw('', 'rst'));
    const response = await paint('picture-once');
    errorIs(response, 502, 'server_error', 'upstream_disconnected');
    assert.equal(response.header('x-should-retry'), 'false');
    assert.equal(M.count, 1);
});
