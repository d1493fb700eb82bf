// K and R: embeddings, rankings and moderations, which answer with a list; and text completions.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { event, reply, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';

const offer = ['P1/up', 'P2/up priority=2'];
const s = await scene(
    { after, name: 'lists' },
    {
        models: {
            embed: { endpoints: 'embeddings', offer, price: 'in_text 1 per 1M tokens' },
            units: { endpoints: 'rerank', offer, price: 'search_units 0.000001 per search' },
            tokens: { endpoints: 'rerank', offer, price: 'in_text 1 per 1M tokens' },
            judge: { endpoints: 'moderation', offer, price: 'in_text 1 per 1M tokens' },
            'judge-free': {
                endpoints: 'moderation',
                default_for: 'moderation',
                offer,
                price: 'requests 0 per request',
            },
            davinci: {
                endpoints: 'completions',
                offer,
                price: ['in_text 1 per 1M tokens', 'out_text 100 per 1M tokens'],
            },
        },
    },
);
const { gw, M1, M2, reset } = s;

function ask(path, body) {
    reset();
    return call(gw, { path, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

async function answered(path, body, answer) {
    M1.reset();
    M1.once(reply(answer));
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = bodyIs(await call(gw, { path, body: text }), answer);
    return gw.row(response);
}

const vector = (index) => `{"object":"embedding","index":${index},"embedding":"AACAPw=="}`;
const vectors = `{"object":"list","data":[${vector(0)}],"model":"up","usage":{"prompt_tokens":7,"total_tokens":7}}`;

test('K1 the request passes with its encoding, the reply as it came', async () => {
    const body = '{"model":"embed","input":"hello there","encoding_format":"base64"}';
    const entry = await answered('/v1/embeddings', body, vectors);
    assert.equal(M1.last.target, '/v1/embeddings');
    assert.equal(M1.last.body.toString(), body.replace('"embed"', '"up"'));
    assert.equal(entry.endpoint, 'embeddings');
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.charge, '0.000007000');
});

test('K3 token ids for an input, and usage at the end of a 2 MB reply', async () => {
    const ids = Array.from({ length: 2048 }, (_, i) => [i, i + 1, 100000]);
    const many = Array.from({ length: 2048 }, (_, i) => vector(i).replace('AACAPw==', 'A'.repeat(1000)));
    const answer = `{"object":"list","data":[${many}],"usage":{"total_tokens":6144}}`;
    const entry = await answered('/v1/embeddings', { model: 'embed', input: ids }, answer);
    assert.equal(entry.charge, '0.006144000');
    assert.ok(Number(entry.hold) >= Number(entry.charge), `hold ${entry.hold}`);
});

test('K3 no usage: the input is estimated', async () => {
    const answer = `{"object":"list","data":[${vector(0)}]}`;
    const entry = await answered('/v1/embeddings', { model: 'embed', input: 'one two three' }, answer);
    assert.equal(entry.source, 'estimated');
    assert.ok(Number(entry.charge) > 0);
});

test('K1 an empty list is no answer', async () => {
    reset();
    M1.once(reply('{"object":"list","data":[]}'));
    M2.once(reply(vectors));
    const response = await call(gw, {
        path: '/v1/embeddings',
        body: '{"model":"embed","input":"x"}',
    });
    bodyIs(response, vectors);
});

test('B9 a model of another kind', async () => {
    const response = await ask('/v1/chat/completions', {
        model: 'embed',
        messages: [{ role: 'user', content: 'x' }],
    });
    errorIs(response, 404, 'invalid_request_error', 'endpoint_not_supported', { param: 'model' });
    assert.equal(M1.count, 0);
});

const query = { query: 'what', documents: ['a b c', 'd e f'] };
const ranked = '"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]';

test('R1 Cohere: search units', async () => {
    const answer = `{"id":"x",${ranked},"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}`;
    const entry = await answered('/v1/rerank', { model: 'units', ...query }, answer);
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.charge, '0.000001000');
});

test('R1 Jina: tokens; a price by units takes one', async () => {
    const answer = `{"model":"up","usage":{"total_tokens":38},${ranked}}`;
    assert.equal((await answered('/v1/rerank', { model: 'tokens', ...query }, answer)).charge, '0.000038000');
    const unit = await answered('/v1/rerank', { model: 'units', ...query }, answer);
    assert.equal(unit.charge, '0.000001000');
    assert.equal(unit.source, 'estimated', 'nobody has told of units');
});

test('R1 SiliconFlow: tokens in meta', async () => {
    const answer = `{"id":"x",${ranked},"meta":{"tokens":{"input_tokens":15,"output_tokens":0}}}`;
    assert.equal((await answered('/v1/rerank', { model: 'tokens', ...query }, answer)).charge, '0.000015000');
});

test('R1 Voyage: data in place of results', async () => {
    const answer = '{"object":"list","data":[{"index":0,"relevance_score":0.5}],"usage":{"total_tokens":26}}';
    assert.equal((await answered('/v1/rerank', { model: 'tokens', ...query }, answer)).charge, '0.000026000');
});

test('R1 no usage: tokens are estimated, units counted by the hundred', async () => {
    const documents = Array.from({ length: 101 }, () => 'words in a row');
    const answer = `{${ranked}}`;
    const units = await answered('/v1/rerank', { model: 'units', query: 'q', documents }, answer);
    assert.equal(units.source, 'estimated');
    assert.equal(units.charge, '0.000002000');
    const tokens = await answered('/v1/rerank', { model: 'tokens', ...query }, answer);
    assert.equal(tokens.source, 'estimated');
    assert.ok(Number(tokens.charge) > 0 && Number(tokens.charge) <= Number(tokens.hold));
});

test('R2 without query, without documents: the message stands at the top too', async () => {
    for (const [body, param] of [
        [{ model: 'units', documents: ['a'] }, 'query'],
        [{ model: 'units', query: 'q', documents: [] }, 'documents'],
    ]) {
        const response = await ask('/v1/rerank', body);
        const error = errorIs(response, 404, 'invalid_request_error', 'missing_parameter', { param });
        assert.equal(response.json.message, error.message);
    }
    const response = await ask('/v1/rerank', { model: 'units', query: 'q', documents: Array(10001).fill('a') });
    errorIs(response, 404, 'invalid_request_error', 'invalid_value', { param: 'documents' });
    assert.equal(M1.count, 0);
});

const judged = '{"id":"modr-1","model":"up","results":[{"flagged":false,"categories":{"hate":false}}]}';

test('Q2 moderations: a text, texts, parts; counted by their input, which nobody reports', async () => {
    const picture = { type: 'image_url', image_url: { url: 'https://example.com/x.png' } };
    let last = 0;
    for (const input of ['one two', ['one two', 'three four five'], [{ type: 'text', text: 'hi' }, picture]]) {
        const entry = await answered('/v1/moderations', { model: 'judge', input }, judged);
        assert.equal(M1.last.target, '/v1/moderations');
        assert.deepEqual(JSON.parse(M1.last.body), { model: 'up', input });
        assert.equal(entry.endpoint, 'moderation');
        assert.equal(entry.source, 'estimated');
        assert.ok(Number(entry.charge) > last, `${entry.charge} for ${JSON.stringify(input)}`);
        assert.ok(Number(entry.hold) >= Number(entry.charge));
        last = Number(entry.charge);
    }
});

test('Q2 moderations: no model is the default, which may cost nothing', async () => {
    const entry = await answered('/v1/moderations', '{"input":"x"}', judged);
    assert.equal(M1.last.body.toString(), '{"model":"up","input":"x"}');
    assert.equal(entry.model, 'judge-free');
    assert.equal(entry.charge, '0.000000000');
});

test('Q2 moderations: an answer without results is none; another provider is asked', async () => {
    reset();
    M1.once(reply('{"id":"modr-1","results":[]}'));
    M2.once(reply(judged));
    bodyIs(await call(gw, { path: '/v1/moderations', body: { model: 'judge', input: 'x' } }), judged);
});

test('D1 text completions: whole, and as a stream with its usage asked for', async () => {
    const answer =
        '{"id":"c","object":"text_completion","choices":[{"text":" hi","index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}';
    const body = { model: 'davinci', prompt: 'say' };
    const entry = await answered('/v1/completions', body, answer);
    assert.equal(entry.endpoint, 'completions');
    assert.equal(entry.charge, '0.000102000');
    const events = [
        '{"choices":[{"text":" hi","index":0,"finish_reason":null}]}',
        '{"choices":[{"text":"","index":0,"finish_reason":"stop"}]}',
        '{"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}',
        '[DONE]',
    ].map(event);
    M1.reset();
    M1.once(stream(events.join('')));
    const response = await call(gw, {
        path: '/v1/completions',
        body: JSON.stringify({ ...body, stream: true }),
    });
    bodyIs(response, events[0] + events[1] + events[3]);
    assert.match(M1.last.body.toString(), /"stream_options":\{"include_usage":true\}/);
    assert.equal((await gw.row(response)).charge, '0.000102000');
});
