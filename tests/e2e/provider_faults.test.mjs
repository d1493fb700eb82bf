// F: what an upstream's failure means for the caller, and when another provider is tried.
// Every case has a gateway of its own: what one learns about its providers must not help the next.

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { fault, frame, hang, hangUp, J1, raw, reply, S1, stream } from './lib/answers.mjs';
import { blackhole } from './lib/blackhole.mjs';
import { bodyIs, errorIs, released } from './lib/expect.mjs';
import { scene, sub } from './lib/gateway.mjs';
import { Proxy } from './lib/proxy.mjs';
import { call } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { refusedPort, Upstream } from './lib/upstream.mjs';
import { eventually, pace } from './lib/wait.mjs';

const body = chat();
const invalid = 'invalid_request_error';

test('F1 P1 refuses the connection', async (t) => {
    const s = await scene(t, { P1: { base_url: `http://127.0.0.1:${await refusedPort()}/v1` } });
    s.M2.once(reply(J1));
    const response = bodyIs(await call(s.gw, { body }), J1);
    const entry = await s.gw.row(response);
    assert.equal(entry.provider, 'P2');
    assert.equal(entry.attempts, 2);
    assert.equal(entry.charge, '0.000005000', 'charged once');
});

test('F2 P1 cannot be reached in other ways', async (t) => {
    const quick = { connect_timeout: '500ms' };
    await sub(
        t,
        'F2 its name does not resolve',
        { P1: { base_url: 'https://nowhere.invalid/v1', ...quick } },
        async (s) => {
            s.M2.once(reply(J1));
            bodyIs(await call(s.gw, { body }), J1);
        },
    );
    await t.test('F2 it does not speak TLS', async (st) => {
        const server = net.createServer((socket) => {
            socket.on('error', () => {});
            socket.end('HTTP/1.0 400 Bad Request\r\n\r\n');
        });
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        st.after(() => server.close());
        const base = `https://127.0.0.1:${server.address().port}/v1`;
        const s = await scene(st, { P1: { base_url: base, ...quick } });
        s.M2.once(reply(J1));
        bodyIs(await call(s.gw, { body }), J1);
        const both = await scene(st, { provider: { base_url: base, ...quick } });
        errorIs(await call(both.gw, { body }), 502, 'server_error', 'upstream_tls_error');
    });
    await t.test('F2 connecting hangs', async (st) => {
        const base = `http://127.0.0.1:${await blackhole(st)}/v1`;
        const s = await scene(st, { P1: { base_url: base, ...quick } });
        s.M2.once(reply(J1));
        bodyIs(await call(s.gw, { body }), J1);
        const both = await scene(st, { provider: { base_url: base, ...quick } });
        const response = await call(both.gw, { body });
        errorIs(response, 502, 'server_error', 'upstream_connect_timeout');
        await released(both, response);
    });
});

test('F3 P1 accepts and never answers', async (t) => {
    await sub(t, 'F3 JSON', { P1: { whole_timeout: '300ms' } }, async (s) => {
        s.M1.once(hang());
        s.M2.once(reply(J1));
        bodyIs(await call(s.gw, { body }), J1);
        assert.equal(s.M1.count, 1);
    });
    await sub(t, 'F3 a stream', { P1: { first_byte_timeout: '300ms' } }, async (s) => {
        s.M1.once(hang());
        s.M2.once(stream(S1));
        bodyIs(await call(s.gw, { body: chatStream }), S1);
    });
    await sub(t, 'F3 both', { provider: { whole_timeout: '300ms' } }, async (s) => {
        s.M1.once(hang());
        s.M2.once(hang());
        const response = await call(s.gw, { body });
        errorIs(response, 502, 'server_error', 'upstream_timeout');
        await released(s, response);
    });
    await sub(t, 'F3 the total limit', { server: { total_timeout: '400ms' } }, async (s) => {
        s.M1.once(hang());
        s.M2.always(hang());
        const response = await call(s.gw, { body });
        errorIs(response, 502, 'server_error', 'upstream_timeout');
    });
});

test('F24 at most three providers are asked, each once', async (t) => {
    const M3 = await Upstream.start(t, 'M3');
    const M4 = await Upstream.start(t, 'M4');
    const wide = {
        endpoints: 'chat',
        offer: ['P1/a priority=1', 'P1/b priority=1', 'P2/c priority=2', 'P3/d priority=3', 'P4/e priority=4'],
        price: ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'],
    };
    const s = await scene(t, {
        providers: {
            P3: { base_url: M3.url, breaker: 'off' },
            P4: { base_url: M4.url, breaker: 'off' },
        },
        models: { wide },
    });
    for (const upstream of [s.M1, s.M2, M3]) upstream.always(fault(500, { message: 'x' }));
    const response = await call(s.gw, { body: chat({ model: 'wide' }) });
    errorIs(response, 502, 'server_error', 'upstream_error');
    assert.deepEqual([s.M1.count, s.M2.count, M3.count, M4.count], [1, 1, 1, 0]);
    assert.equal((await released(s, response)).attempts, 3);
});

test('F4 both are dead', { concurrency: true }, async (t) => {
    const dead = `http://127.0.0.1:${await refusedPort()}/v1`;
    await sub(t, 'F4 raw', { provider: { base_url: dead } }, async (s) => {
        const response = await call(s.gw, { body });
        const error = errorIs(response, 502, 'server_error', 'upstream_unreachable');
        assert.doesNotMatch(response.text, /127\.0\.0\.1|localhost/);
        assert.equal(error.upstream, undefined);
        assert.equal(response.header('x-should-retry'), undefined);
        await released(s, response);
    });
    const s = await scene(t, { provider: { base_url: dead } });
    const proxy = await Proxy.start(t, s.gw);
    await eachSdk(t, 'F4', async (sdk) => {
        const before = proxy.callsOf(sdk);
        const { error } = await sdk.run('chat', { url: proxy.url, retries: 2 });
        assert.equal(error?.class, 'InternalServerError');
        assert.equal(proxy.callsOf(sdk) - before, 3, 'three calls');
    });
});

test('F5 P1 breaks its answer', async (t) => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
    const half = J1.slice(0, 60);
    const breaks = {
        'closes before the head': [hangUp('fin'), 'upstream_disconnected'],
        'resets before the head': [hangUp('rst'), 'upstream_disconnected'],
        'cuts a body with Content-Length': [
            raw(`${head}Content-Length: ${J1.length}\r\n\r\n${half}`, 'fin'),
            'upstream_disconnected',
        ],
        'cuts a chunked body': [
            raw(`${head}Transfer-Encoding: chunked\r\n\r\n3c\r\n${half}\r\n`, 'fin'),
            'upstream_disconnected',
        ],
        'resets in the body': [
            raw(`${head}Content-Length: ${J1.length}\r\n\r\n${half}`, 'rst'),
            'upstream_disconnected',
        ],
        'sends a bad chunk': [
            raw(`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n${half}`, 'fin'),
            'upstream_invalid_response',
        ],
        'cuts the head': [raw('HTTP/1.1 200 OK\r\nContent-Ty', 'fin'), 'upstream_invalid_response'],
        'does not speak HTTP': [raw('SSH-2.0-OpenSSH_9.2\r\n', 'fin'), 'upstream_invalid_response'],
    };
    for (const [name, [answer, reason]] of Object.entries(breaks)) {
        await sub(t, `F5 ${name}`, {}, async (s) => {
            // A connection that dies before any byte may be tried once more at the same provider.
            s.M1.always(answer);
            s.M2.once(reply(J1));
            bodyIs(await call(s.gw, { body }), J1);
            assert.equal(s.M2.count, 1);
            s.M2.always(answer);
            const response = await call(s.gw, { body });
            errorIs(response, 502, 'server_error', reason);
            assert.equal((await s.gw.row(response)).charge, '0.000000000');
        });
    }
});

test('F5 an error of P1 that does not end is judged by its beginning', async (t) => {
    const head = (status) => `HTTP/1.1 ${status} Bad\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const endless = {
        hangs: () => {},
        trickles: async (exchange) => {
            while (await exchange.send(frame(' '))) await pace(20);
        },
        floods: async (exchange) => {
            while (await exchange.send(frame(Buffer.alloc(65536, ' ')))) continue;
        },
    };
    for (const [name, go] of Object.entries(endless)) {
        await sub(t, `F5 ${name}`, {}, async (s) => {
            let left;
            s.M1.always(async (exchange) => {
                left = exchange.closed;
                await exchange.send(head(500));
                await exchange.send(frame('{"error":{"message":"ill"}}'));
                await go(exchange);
            });
            s.M2.once(reply(J1));
            bodyIs(await call(s.gw, { body }), J1);
            await left;
            s.M2.once(fault(429, { message: 'slow down' }, { 'Retry-After': '7' }));
            s.M1.always(async (exchange) => {
                await exchange.send(head(429).replace('\r\n', '\r\nRetry-After: 9\r\n'));
                await go(exchange);
            });
            const response = await call(s.gw, { body });
            errorIs(response, 429, 'rate_limit_error', 'upstream_rate_limited');
            assert.equal(response.header('retry-after'), '7');
        });
    }
});

const temperature = {
    message: "Invalid 'temperature': decimal above maximum value. Expected a value <= 2.",
    type: invalid,
    param: 'temperature',
    code: 'decimal_above_max_value',
};

test("F6 the caller's mistake", async (t) => {
    const s = await scene(t);
    s.M1.always(fault(400, temperature));
    const response = await call(s.gw, { body });
    const error = errorIs(response, 404, invalid, 'decimal_above_max_value', {
        param: 'temperature',
        upstream: { status: 400, type: invalid, code: 'decimal_above_max_value' },
    });
    assert.ok(error.message.startsWith(temperature.message));
    assert.match(error.message, /decimal_above_max_value/);
    assert.equal(s.M2.count, 0);
    await released(s, response);
    const proxy = await Proxy.start(t, s.gw);
    await eachSdk(t, 'F6', async (sdk) => {
        const before = proxy.callsOf(sdk);
        const { error: raised } = await sdk.run('chat', { url: proxy.url, retries: 2 });
        assert.equal(raised?.class, 'NotFoundError');
        assert.equal(raised.type, invalid);
        assert.equal(raised.code, sdk.codeOf(404));
        assert.equal(proxy.callsOf(sdk) - before, 1, 'one call');
    });
});

test('F7 too long a context', async (t) => {
    const s = await scene(t);
    const message = "This model's maximum context length is 8192 tokens.";
    s.M1.always(fault(400, { message, type: invalid, code: 'context_length_exceeded' }));
    const response = await call(s.gw, { body });
    const error = errorIs(response, 404, invalid, 'context_length_exceeded');
    assert.ok(error.message.startsWith(message));
    await eachSdk(t, 'F7', async (sdk) => {
        const { error: raised } = await sdk.run('chat', { url: s.gw.url });
        assert.match(raised.message, /context_length_exceeded/);
        assert.match(raised.message, /maximum context length is/);
    });
    await t.test('F7 told by the sentence alone', async () => {
        s.M1.always(fault(400, { message }));
        errorIs(await call(s.gw, { body }), 404, invalid, 'context_length_exceeded');
    });
    assert.equal(s.M2.count, 0);
});

const html = reply('<html><body>Access denied</body></html>', { status: 403, type: 'text/html' });
const accountTroubles = {
    401: fault(401, { message: 'Incorrect API key provided: sk-abc', code: 'invalid_api_key' }),
    402: fault(402, { message: 'Insufficient Balance', type: 'unknown_error' }),
    '403 HTML': html,
    '429 insufficient_quota': fault(429, {
        message: 'You exceeded your current quota, please check your plan',
        type: 'insufficient_quota',
        code: 'insufficient_quota',
    }),
    '400 Arrearage': fault(400, { message: 'Access denied, account overdue', code: 'Arrearage' }),
};

test("F9 trouble with the operator's account at P1", async (t) => {
    for (const [name, answer] of Object.entries(accountTroubles)) {
        await sub(t, `F9 ${name}`, {}, async (s) => {
            s.M1.once(answer);
            s.M2.once(reply(J1));
            bodyIs(await call(s.gw, { body }), J1);
            assert.equal(s.M1.count, 1);
        });
    }
});

test('F10 the same at both: nothing of it is told', async (t) => {
    for (const [name, answer] of Object.entries(accountTroubles)) {
        await sub(t, `F10 ${name}`, {}, async (s) => {
            s.M1.once(answer);
            s.M2.once(answer);
            const response = await call(s.gw, { body });
            const error = errorIs(response, 502, 'server_error', 'upstream_unavailable');
            assert.equal(error.upstream, undefined);
            assert.doesNotMatch(response.text, /quota|balance|key|denied|overdue|Arrearage/i);
            await released(s, response);
            const warned = new RegExp(`warn.*${error.request_id} attempt.*UPSTREAM_ACCOUNT, HTTP status \\d+ `, 'i');
            await eventually(() => s.gw.log.filter((line) => warned.test(line)).length === 2, 'two warnings');
        });
    }
});

test('F11 a model that a provider does not have', async (t) => {
    const missing = fault(404, {
        message: 'The model `up-mini` does not exist',
        type: invalid,
        code: 'model_not_found',
    });
    await sub(t, 'F11 at P1', {}, async (s) => {
        s.M1.once(missing);
        s.M2.once(reply(J1));
        bodyIs(await call(s.gw, { body }), J1);
    });
    await sub(t, 'F11 at both', {}, async (s) => {
        s.M1.once(missing);
        s.M2.once(missing);
        const response = await call(s.gw, { body });
        const error = errorIs(response, 502, 'server_error', 'upstream_model_unavailable');
        assert.match(error.message, /gpt-4o-mini/);
        assert.doesNotMatch(error.message, /up-mini|mini-b/);
        const warned = new RegExp(`warn.*${error.request_id} attempt.*UPSTREAM_MODEL, HTTP status 404 .*provider test`);
        await eventually(() => s.gw.log.filter((line) => warned.test(line)).length === 2, 'two warnings');
    });
});

test('F12 a wrong base URL at both', async (t) => {
    const page = reply('<html>404</html>', { status: 404, type: 'text/html' });
    await sub(t, 'F12 404 HTML', {}, async (s) => {
        s.M1.once(page);
        s.M2.once(page);
        const response = await call(s.gw, { body });
        const { request_id: id } = errorIs(response, 502, 'server_error', 'upstream_misconfigured');
        await released(s, response);
        const warned = new RegExp(`warn.*${id} attempt.*UPSTREAM_MISCONFIGURED, HTTP status 404 .*base URL`);
        await eventually(() => s.gw.log.filter((line) => warned.test(line)).length === 2, 'two warnings');
    });
    await sub(t, 'F12 a redirect is not followed', {}, async (s) => {
        const moved = reply('', { status: 307, headers: { Location: `${s.M2.url}/chat/completions` } });
        s.M1.once(moved);
        s.M2.once(moved);
        errorIs(await call(s.gw, { body }), 502, 'server_error', 'upstream_misconfigured');
        assert.equal(s.M1.count + s.M2.count, 2);
    });
});

function limited(headers) {
    return fault(429, { message: 'Rate limit reached', type: 'requests' }, headers);
}

test('F14 both are limiting: the sooner wait', async (t) => {
    const s = await scene(t);
    s.M1.once(limited({ 'Retry-After': 7 }));
    s.M2.once(limited({ 'Retry-After': 30 }));
    const response = await call(s.gw, { body });
    errorIs(response, 429, 'rate_limit_error', 'upstream_rate_limited');
    assert.equal(response.header('retry-after'), '7');
    assert.equal(response.header('retry-after-ms'), '7000');
});

test('F15 both are limiting without a word', async (t) => {
    const s = await scene(t);
    s.M1.once(limited({}));
    s.M2.once(limited({}));
    const response = await call(s.gw, { body });
    errorIs(response, 429, 'rate_limit_error', 'upstream_rate_limited');
    const wait = Number(response.header('retry-after'));
    assert.ok(wait >= 1 && wait <= 60, `retry-after: ${wait}`);
});

test('F16 longer waits than a client should sit out', async (t) => {
    const far = new Date(Date.now() + 3600000).toUTCString();
    const forms = {
        seconds: { 'Retry-After': 3600 },
        'a date': { 'Retry-After': far },
        'a reset header': { 'x-ratelimit-reset-requests': '6m0s' },
    };
    for (const [name, headers] of Object.entries(forms)) {
        await sub(t, `F16 ${name}`, {}, async (s) => {
            s.M1.once(limited(headers));
            s.M2.once(limited(headers));
            const response = await call(s.gw, { body });
            errorIs(response, 429, 'rate_limit_error', 'upstream_rate_limited');
            assert.equal(response.header('retry-after'), '60');
            assert.equal(response.header('x-should-retry'), 'false');
        });
    }
});

test('F17 one is limiting, the other fails', async (t) => {
    const s = await scene(t);
    s.M1.once(limited({ 'Retry-After': 7 }));
    s.M2.once(fault(500, { message: 'x' }));
    errorIs(await call(s.gw, { body }), 502, 'server_error', 'upstream_error');
});

test('F18 P1 fails, P2 answers', async (t) => {
    for (const status of [500, 502, 503, 504, 529, 408, 409]) {
        await sub(t, `F18 ${status}`, {}, async (s) => {
            s.M1.once(reply('<html>oops</html>', { status, type: 'text/html' }));
            s.M2.once(reply(J1));
            bodyIs(await call(s.gw, { body }), J1);
            assert.equal(s.M1.count, 1);
        });
    }
    await sub(t, 'F18 409 at both', {}, async (s) => {
        s.M1.once(fault(409, { message: 'x' }));
        s.M2.once(fault(409, { message: 'x' }));
        errorIs(await call(s.gw, { body }), 502, 'server_error', 'upstream_conflict');
    });
});

test('F19 overloaded at both', async (t) => {
    const s = await scene(t);
    s.M1.once(fault(503, { message: 'x' }, { 'Retry-After': 2 }));
    s.M2.once(fault(503, { message: 'x' }, { 'Retry-After': 2 }));
    const response = await call(s.gw, { body });
    errorIs(response, 502, 'server_error', 'upstream_overloaded');
    assert.equal(response.header('retry-after'), '2');
});

test('F20 413, 415, 422', async (t) => {
    await sub(t, 'F20 413 here, J1 there', {}, async (s) => {
        s.M1.once(fault(413, { message: 'Request too large' }));
        s.M2.once(reply(J1));
        bodyIs(await call(s.gw, { body }), J1);
    });
    await sub(t, 'F20 413 at both', {}, async (s) => {
        s.M1.once(fault(413, { message: 'Request too large' }));
        s.M2.once(fault(413, { message: 'Request too large' }));
        errorIs(await call(s.gw, { body }), 404, invalid, 'request_too_large');
    });
    for (const status of [415, 422]) {
        await sub(t, `F20 ${status}`, {}, async (s) => {
            s.M1.once(fault(status, { message: 'No such thing' }));
            const response = await call(s.gw, { body });
            errorIs(response, 404, invalid, 'invalid_parameter', { message: /^No such thing/ });
            assert.equal(s.M2.count, 0);
        });
    }
    await sub(t, 'F20 404 about an object of the caller', {}, async (s) => {
        s.M1.once(fault(404, { message: "No file 'file-1'", type: invalid, code: null }));
        errorIs(await call(s.gw, { body }), 404, invalid, 'not_found');
    });
});

test('F21 error bodies of all kinds', async (t) => {
    const status = 400;
    const bodies = {
        'detail list': [reply('{"detail":[{"msg":"bad thing"}]}', { status: 422 }), /bad thing/],
        message: [reply('{"message":"bad thing"}', { status }), /bad thing/],
        'detail text': [reply('{"detail":"bad thing"}', { status }), /bad thing/],
        'error text': [reply('{"error":"bad thing"}', { status }), /bad thing/],
        'error list': [reply('{"errors":[{"message":"bad thing"}]}', { status }), /bad thing/],
        text: [reply('bad thing', { status, type: 'text/plain' }), /./],
        empty: [reply('', { status, type: null }), /./],
        '5 MB of HTML': [
            reply(`<html>${'x'.repeat(5e6)}</html>`, { status, type: 'text/html' }),
            /./,
        ],
        'a long message': [reply(JSON.stringify({ message: 'y'.repeat(9000) }), { status }), /./],
        'lines and controls': [reply('{"message":"a\\nb\\u0000c"}', { status }), /a.*b/],
        'invalid UTF-8': [
            reply(Buffer.from('{"message":"bad \xff"}', 'latin1'), { status }),
            /./,
        ],
    };
    for (const [name, [answer, message]] of Object.entries(bodies)) {
        await sub(t, `F21 ${name}`, {}, async (s) => {
            s.M1.once(answer);
            s.M2.always(answer); // what is no invalid_request_error may count as the provider's fault
            const response = await call(s.gw, { body });
            const { status: told, json } = response;
            assert.ok(told === 404 || told === 502, `status ${told}`);
            const type = told === 404 ? invalid : 'server_error';
            const error = errorIs(response, told, type, json.error.reason);
            assert.match(error.message, message);
            assert.ok(Buffer.byteLength(error.message) <= 2048, 'at most 2 KiB');
        });
    }
    await sub(t, 'F21 base_resp in a 200', {}, async (s) => {
        const text = '{"base_resp":{"status_code":1004,"status_msg":"login fail"}}';
        s.M1.once(reply(text));
        s.M2.once(reply(text));
        const response = await call(s.gw, { body });
        assert.equal(response.status, 502);
        errorIs(response, 502, 'server_error', response.json.error.reason);
    });
});

test('F22 secrets in error texts are masked', async (t) => {
    const s = await scene(t);
    const message =
        'No sk-abcDEF1234567890 of org-Abc123def456 at https://up.example/x for Bearer xyz12345678';
    s.M1.once(fault(400, { message, type: invalid, param: null, code: 'bad_thing' }));
    const response = await call(s.gw, { body });
    errorIs(response, 404, invalid, 'bad_thing', { message: /^No / });
    assert.doesNotMatch(response.text, /abcDEF|Abc123|up\.example|xyz123/);
});
