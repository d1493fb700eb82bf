// D and H: answers that come whole, and what is charged for them.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import zlib from 'node:zlib';
import { data, events, frame, J1, lastFrame, raw, reply, stream, withUsage } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';

// Every counter costs something else, so that a sum tells its parts.
const split = {
    endpoints: 'chat',
    offer: ['P1/up-mini priority=1', 'P2/mini-b priority=2'],
    price: [
        'in_text 1 per 1M tokens',
        'in_cached 10 per 1M tokens',
        'out_text 100 per 1M tokens',
        'out_reasoning 1000 per 1M tokens',
    ],
    max_output: 64,
    default_output: 16,
};
const s = await scene({ after, name: 'reply' }, { models: { split } });
const { gw, M1, M2, reset } = s;
const body = chat();

const row = (response) => gw.row(response);

test('D1 a chat answer', async () => {
    reset();
    M1.once(reply(J1, { type: 'application/json; charset=utf-8' }));
    const response = bodyIs(await call(gw, { body }), J1);
    assert.equal(response.header('content-type'), 'application/json; charset=utf-8');
    assert.equal(Number(response.header('content-length')), J1.length);
    assert.match(response.header('x-request-id'), /^req_[0-9a-z]{13}$/);
    const entry = await row(response);
    assert.equal(entry.charge, '0.000005000');
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.status, 200);
    assert.equal(entry.end, 'finished');
    assert.equal(entry.attempts, 1);
    assert.equal(entry.user, 'u1');
    assert.equal(entry.model, 'gpt-4o-mini');
    assert.equal(entry.upstream_model, 'up-mini');
    assert.equal(entry.provider, 'P1');
    assert.equal(entry.endpoint, 'chat');
    assert.equal(entry.stream, false);
    assert.ok(unitsOf(entry.hold) >= 5, 'the hold was an upper bound');
});

test('D1 the balance goes down by exactly the charge', async () => {
    reset();
    const before = unitsOf((await gw.cli(['user', 'show', 'u1'])).balance);
    M1.once(reply(J1));
    await row(bodyIs(await call(gw, { body }), J1));
    const user = await gw.cli(['user', 'show', 'u1']);
    assert.equal(unitsOf(user.balance), before - 5);
});

test('D2 a gzip answer that nobody asked for', async () => {
    reset();
    M1.once(reply(zlib.gzipSync(J1), { headers: { 'Content-Encoding': 'gzip' } }));
    const response = bodyIs(await call(gw, { body, headers: { 'Accept-Encoding': 'gzip' } }), J1);
    assert.equal(response.header('content-encoding'), undefined);
    assert.equal(Number(response.header('content-length')), J1.length);
    assert.equal((await row(response)).charge, '0.000005000');
    const asked = M1.last.header('accept-encoding');
    assert.ok(asked === undefined || asked === 'identity', `Accept-Encoding: ${asked}`);
});

test('D2 a broken gzip answer', async () => {
    reset();
    const broken = zlib.gzipSync(J1).fill(0, 12, 40);
    M1.once(reply(broken, { headers: { 'Content-Encoding': 'gzip' } }));
    M2.once(reply(J1));
    bodyIs(await call(gw, { body }), J1);
    assert.equal(M2.count, 1);
});

test('D3 one-byte chunks behind 103 Early Hints', async () => {
    reset();
    M1.once(async (exchange) => {
        await exchange.send('HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n');
        await exchange.send(
            'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
        );
        for (const byte of Buffer.from(J1)) await exchange.send(frame([byte]));
        await exchange.send(lastFrame);
    });
    const response = bodyIs(await call(gw, { body }), J1);
    assert.deepEqual(response.interim, []);
});

test('D3 an answer delimited by the end of the connection', async () => {
    reset();
    M1.once(raw(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n${J1}`, 'fin'));
    bodyIs(await call(gw, { body }), J1);
});

test('D4 headers of the answer', async () => {
    reset();
    const headers = {
        'openai-organization': 'org-secret',
        'set-cookie': 'a=b',
        'alt-svc': 'h3=":443"',
        'x-ratelimit-remaining-requests': '7',
        server: 'cloudflare',
        'cf-ray': '1',
        'x-powered-by': 'x',
        'retry-after': '9',
        'x-should-retry': 'true',
        'access-control-allow-origin': '*',
        'openai-processing-ms': '12',
        'x-request-id': 'up1',
    };
    M1.once(reply(J1, { headers }));
    const response = bodyIs(await call(gw, { body }), J1);
    const kept = new Set(['openai-processing-ms', 'x-request-id']);
    for (const [name, value] of Object.entries(headers)) {
        if (kept.has(name)) continue;
        assert.ok(!response.all(name).includes(value), `${name} is dropped`);
    }
    assert.equal(response.header('openai-processing-ms'), '12');
    assert.notEqual(response.header('x-request-id'), 'up1');
});

test('D5 an answer is not lost over a header that is too long to pass on', async () => {
    reset();
    M1.once(reply(J1, { headers: { 'openai-processing-ms': '1'.repeat(9000), 'openai-version': '2020-10-01' } }));
    const response = bodyIs(await call(gw, { body }), J1);
    assert.equal(response.header('openai-processing-ms'), undefined);
    assert.equal(response.header('openai-version'), '2020-10-01');
});

test('D5 headers of the request', async () => {
    reset();
    M1.once(reply(J1));
    const headers = {
        'OpenAI-Organization': 'org-mine',
        'OpenAI-Project': 'p',
        'X-Forwarded-For': '1.2.3.4',
        Cookie: 'a=b',
        'X-Stainless-Lang': 'js',
        'X-Api-Key': 'sk-x',
        'Api-Key': 'sk-y',
        Connection: 'x-foo',
        'X-Foo': '1',
        traceparent: '00-1-2-01',
        Origin: 'https://x.example',
        Via: '1.1 x',
        'User-Agent': 'OpenAI/JS 7',
        'OpenAI-Beta': 'assistants=v2',
        'X-Client-Request-Id': 'mine-1',
        Accept: 'application/json',
    };
    bodyIs(await call(gw, { body, headers }), J1);
    const names = M1.last.headers.map(([name]) => name.toLowerCase());
    for (const [name, value] of Object.entries(headers)) {
        if (['OpenAI-Beta', 'X-Client-Request-Id', 'Accept'].includes(name)) {
            assert.equal(M1.last.header(name), value);
        } else {
            assert.ok(!M1.last.all(name).includes(value), `${name} is dropped`);
        }
    }
    assert.equal(M1.last.header('authorization'), 'Bearer sk-provider-one');
    assert.equal(M1.last.header('host'), `127.0.0.1:${M1.port}`);
    assert.equal(new Set(names).size, names.length, 'no header twice');
    assert.doesNotMatch(M1.last.head.toString('latin1'), /sk-t1/);
});

test('D5 the query string and the Idempotency-Key', async () => {
    reset();
    M1.always(reply(J1));
    const headers = { 'Idempotency-Key': 'same' };
    bodyIs(await call(gw, { body, headers, path: '/v1/chat/completions?a=b&key=sk-t1-0000000000' }), J1);
    const sent = M1.last.header('idempotency-key');
    assert.ok(sent && sent !== 'same', 'a hash of user and key');
    assert.doesNotMatch(M1.last.target, /sk-t1/);
    bodyIs(await call(gw, { body, headers }), J1);
    assert.equal(M1.last.header('idempotency-key'), sent, 'the same for the same user');
});

test('D6 a 200 that holds an error', async () => {
    reset();
    M1.once(reply('{"error":{"message":"m","code":429}}'));
    M2.once(reply(J1));
    const response = bodyIs(await call(gw, { body }), J1);
    assert.equal(M1.count, 1);
    assert.equal(M2.count, 1);
    assert.equal(M2.last.json.model, 'mini-b');
    assert.equal(M2.last.header('authorization'), 'Bearer sk-provider-two');
    const entry = await row(response);
    assert.equal(entry.provider, 'P2');
    assert.equal(entry.attempts, 2);
    assert.equal(entry.charge, '0.000005000');
});

test('D6 "error": null is no error', async () => {
    reset();
    const text = J1.replace('"object"', '"error":null,"object"');
    M1.once(reply(text));
    bodyIs(await call(gw, { body }), text);
});

test('D7 a 200 that is no answer, at both', async (t) => {
    const cases = {
        'an error text': ['{"error":"boom"}', 'upstream_error'],
        'no choices': ['{"choices":[]}', 'upstream_empty_result'],
        HTML: ['<html>', 'upstream_invalid_response'],
        nothing: ['', 'upstream_invalid_response'],
        'cut JSON': ['{"id":', 'upstream_invalid_response'],
    };
    for (const [name, [text, reason]] of Object.entries(cases)) {
        await t.test(`D7 ${name}`, async () => {
            reset();
            const spent = await gw.spent();
            M1.once(reply(text));
            M2.once(reply(text));
            const response = await call(gw, { body });
            errorIs(response, 502, 'server_error', reason);
            assert.equal(M1.count + M2.count, 2);
            const entry = await row(response);
            assert.equal(entry.charge, '0.000000000');
            assert.equal(entry.status, 502);
            assert.equal(entry.reason, reason);
            assert.equal(await gw.spent(), spent, 'released');
        });
    }
});

test('D8 finish_reason content_filter is an answer', async () => {
    reset();
    const text = J1.replace('"finish_reason":"stop"', '"finish_reason":"content_filter"');
    M1.once(reply(text));
    const response = bodyIs(await call(gw, { body }), text);
    assert.equal((await row(response)).charge, '0.000005000');
});

test('H1 cached and reasoning tokens', async () => {
    reset();
    const usage =
        '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":' +
        '{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}';
    M1.once(reply(withUsage(usage)));
    const response = bodyIs(await call(gw, { body: chat({ model: 'split' }) }), withUsage(usage));
    const entry = await row(response);
    assert.deepEqual(entry.counters, { in_text: 1, in_cached: 2, out_text: 1, out_reasoning: 1 });
    assert.equal(unitsOf(entry.charge), 1 + 20 + 100 + 1000);
    assert.equal(entry.source, 'upstream');
});

test('H2 usage that cannot be believed', async (t) => {
    const cases = {
        fractions: ['{"prompt_tokens":75.67,"completion_tokens":2,"total_tokens":77.67}', 'bad_usage'],
        negative: ['{"prompt_tokens":-3,"completion_tokens":2,"total_tokens":-1}', 'bad_usage'],
        texts: ['{"prompt_tokens":"3","completion_tokens":"2","total_tokens":"5"}', 'bad_usage'],
        '1e12': ['{"prompt_tokens":1e12,"completion_tokens":2,"total_tokens":1e12}', 'absurd_usage'],
        '2^64': [
            '{"prompt_tokens":18446744073709551616,"completion_tokens":2,"total_tokens":5}',
            'bad_usage',
        ],
        none: ['null', null],
    };
    for (const [name, [usage, flag]] of Object.entries(cases)) {
        await t.test(`H2 ${name}`, async () => {
            reset();
            M1.once(reply(withUsage(usage)));
            const response = bodyIs(await call(gw, { body }), withUsage(usage));
            const entry = await row(response);
            const charge = unitsOf(entry.charge);
            assert.ok(charge > 0 && charge <= 2 * unitsOf(entry.hold), `charge ${entry.charge}`);
            if (flag) assert.match(JSON.stringify(entry.flags), new RegExp(flag));
            if (flag !== 'absurd_usage') assert.equal(entry.source, 'estimated');
        });
    }
});

test('H2 a report far above the estimate is capped, but where the prompt cannot be counted', async (t) => {
    await gw.cli(['user', 'credit', 'u1', '10']);
    const words = [{ role: 'user', content: 'hi' }];
    const picture = { type: 'image_url', image_url: { url: 'https://pictures.example/1.png' } };
    const usage = (n) => `{"prompt_tokens":${n},"completion_tokens":2,"total_tokens":${n + 2}}`;
    const cases = {
        'text, within four times the estimate and 20,000': [words, 20000, false],
        'text, above it': [words, 40000, true],
        'text, and what the provider finds': [words, 40000, false, { web_search_options: {} }],
        'a picture by its address': [[{ role: 'user', content: [picture] }], 1000000, false],
        'a picture, above what any model reads': [[{ role: 'user', content: [picture] }], 2097153, true],
    };
    for (const [name, [messages, n, capped, more]] of Object.entries(cases)) {
        await t.test(`H2 ${name}`, async () => {
            reset();
            M1.once(reply(withUsage(usage(n))));
            const response = await call(gw, { body: chat({ messages, max_tokens: 10, ...more }) });
            assert.equal(response.status, 200, response.text);
            const entry = await row(response);
            assert.equal(entry.flags.includes('absurd_usage'), capped, JSON.stringify(entry.flags));
            assert.equal(unitsOf(entry.charge), capped ? 2 * unitsOf(entry.hold) : n + 2);
            const { note } = await gw.cli(['usage', 'show', entry.request_id]);
            assert.match(String(note), capped ? /not credible: at most twice what was held/ : /^null$/);
        });
    }
});

test('H3 reasoning outside of completion', async () => {
    reset();
    const usage =
        '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":9,' +
        '"completion_tokens_details":{"reasoning_tokens":4}}';
    M1.once(reply(withUsage(usage)), reply(withUsage(usage)));
    let response = bodyIs(await call(gw, { body }), withUsage(usage));
    assert.equal((await row(response)).charge, '0.000009000');
    response = bodyIs(await call(gw, { body: chat({ model: 'split' }) }), withUsage(usage));
    assert.equal(unitsOf((await row(response)).charge), 3 + 2 * 100 + 4 * 1000);
});

test('H4 usage of other dialects in streams', async (t) => {
    const plain = '"prompt_tokens":3,"completion_tokens":2,"total_tokens":5';
    const finish = (extra, inChoice = '') =>
        data.stop.replace('"finish_reason":"stop"}]}', `"finish_reason":"stop"${inChoice}}]${extra}}`);
    const cases = {
        'DeepSeek prompt_cache_hit_tokens': [
            finish(`,"usage":{${plain},"prompt_cache_hit_tokens":2,"prompt_cache_miss_tokens":1}`),
            1 + 20 + 200,
        ],
        'Moonshot choices[0].usage': [
            finish('', `,"usage":{${plain},"cached_tokens":1}`),
            2 + 10 + 200,
        ],
        'Groq x_groq.usage': [finish(`,"x_groq":{"id":"r","usage":{${plain}}}`), 3 + 200],
    };
    for (const [name, [last, want]] of Object.entries(cases)) {
        await t.test(`H4 ${name}`, async () => {
            reset();
            const text = events(data.role, data.hi, data.there, last, data.done);
            M1.once(stream(text));
            const asked = chat({ model: 'split', stream: true });
            const response = bodyIs(await call(gw, { body: asked }), text);
            const entry = await row(response);
            assert.equal(unitsOf(entry.charge), want);
            assert.equal(entry.source, 'upstream');
        });
    }
});

test('D1 whoever holds the whole answer has been charged already', async () => {
    reset();
    const spent = await gw.spent();
    M1.once(reply(J1));
    const response = bodyIs(await call(gw, { body }), J1);
    // No waiting here.
    const rows = await gw.cli(['usage', 'tail', '--limit', '50']);
    const entry = rows.find((one) => one.request_id === response.header('x-request-id'));
    assert.equal(entry?.charge, '0.000005000');
    assert.equal(await gw.spent(), spent + 5);
});
