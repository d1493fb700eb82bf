// E: event streams, byte for byte, and every way they can end.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
    byteByByte, data, event, events, fault, frame, J1, raw, reply, S1, S1u, stream, streamHead, told,
    usageText,
} from './lib/answers.mjs';
import { bodyIs, errorIs, streamErrorIs } from './lib/expect.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream, chatStreamUsage } from './lib/requests.mjs';
import { eachSdk, replay } from './lib/sdk.mjs';
import { Barrier, pace } from './lib/wait.mjs';

const s = await scene({ after, name: 'stream' });
const { gw, M1, M2, reset } = s;
const started = events(data.role, data.hi, data.there);

const row = (response, gateway = gw) => gateway.row(response);

/** Opens a stream and gives its client. */
const open = (gateway = gw, options = {}) => RawClient.open(gateway, { body: chatStream, ...options });

test('E1 split at every byte, 1 ms apart', async () => {
    reset();
    M1.once(byteByByte(S1u, 1));
    const response = bodyIs(await call(gw, { body: chatStream }), S1);
    assert.equal((await row(response)).charge, '0.000005000');
});

test('E1 each event arrives before the next is sent', async () => {
    reset();
    const gates = Object.fromEntries(['hi', 'there', 'stop', 'done'].map((n) => [n, new Barrier()]));
    M1.once(
        told(async ({ send, last }) => {
            await send(event(data.role));
            for (const [name, gate] of Object.entries(gates)) {
                await gate.passed(name);
                await send(event(data[name]));
            }
            await last();
        }),
    );
    const client = await open();
    let so_far = event(data.role);
    await client.text(so_far);
    for (const [name, gate] of Object.entries(gates)) {
        gate.open();
        so_far += event(data[name]);
        await client.text(so_far);
    }
    bodyIs(await client.response(), S1);
    client.close();
});

test('E2 spellings of the stream', async (t) => {
    const usage = event(data.usage);
    const spellings = {
        CRLF: (text) => text.replaceAll('\n', '\r\n'),
        CR: (text) => text.replaceAll('\n', '\r'),
        'data: without the space': (text) => text.replaceAll('data: ', 'data:'),
        comments: (text) => text.replaceAll('data: ', ': OPENROUTER PROCESSING\n\ndata: '),
        'comment lines within events': (text) => text.replaceAll('data: ', ': x\ndata: '),
        'id and retry': (text) => text.replaceAll('data: ', 'id: 7\nretry: 3000\ndata: '),
        'event names': (text) => text.replaceAll('data: ', 'event: message\ndata: '),
        'a byte order mark': (text) => `\ufeff${text}`,
    };
    for (const [name, spell] of Object.entries(spellings)) {
        await t.test(`E2 ${name}`, async () => {
            reset();
            const all = spell(S1u);
            let left = spell(S1);
            // Comments are events of their own, the one before the withheld event stays.
            if (name === 'comments') left = all.replace(usage, '');
            M1.once(stream(all));
            const response = bodyIs(await call(gw, { body: chatStream }), left);
            const entry = await row(response);
            assert.equal(entry.charge, '0.000005000');
            assert.equal(entry.source, 'upstream');
            reset();
            M1.once(stream(all));
            bodyIs(await call(gw, { body: chatStreamUsage }), all);
        });
    }
});

test('E3 odd events', async (t) => {
    await t.test('E3 one event of three data lines', async () => {
        reset();
        const split = data.hi.replace('"choices"', '\ndata: "choices"').replace(/}$/, '\ndata: }');
        const text = events(data.role, split, data.there, data.stop, data.done);
        assert.equal(text.match(/data: /g).length, 7);
        M1.once(stream(text));
        bodyIs(await call(gw, { body: chatStream }), text);
    });
    await t.test('E3 an event of 2 MB', async () => {
        reset();
        const big = data.chunk(`{"content":"${'x'.repeat(2 * 1024 * 1024)}"}`, 'null');
        const text = events(data.role, big, data.there, data.stop, data.done);
        M1.once(stream(text));
        bodyIs(await call(gw, { body: chatStream }), text);
    });
    await t.test('E3 a first event of 2 MB', async () => {
        reset();
        const big = data.chunk(`{"content":"${'y'.repeat(2 * 1024 * 1024)}"}`, 'null');
        const text = events(big, data.stop, data.done);
        M1.once(stream(text));
        bodyIs(await call(gw, { body: chatStream }), text);
    });
    await t.test('E3 thousands of small events', async () => {
        reset();
        const many = Array.from({ length: 5000 }, (_, i) => data.chunk(`{"content":"${i} "}`, 'null'));
        const text = events(data.role, ...many, data.stop, data.done);
        M1.once(stream(text));
        bodyIs(await call(gw, { body: chatStream }), text);
    });
});

test('E4 no [DONE], but every choice has finished', async (t) => {
    const text = events(data.role, data.hi, data.there, data.stop);
    const full = events(data.role, data.hi, data.there, data.stop, data.usage);
    await t.test('E4 without usage', async () => {
        reset();
        M1.once(stream(text));
        const response = bodyIs(await call(gw, { body: chatStream }), text);
        const entry = await row(response);
        assert.equal(entry.end, 'finished');
        assert.ok(unitsOf(entry.charge) > 0);
    });
    await t.test('E4 with usage', async () => {
        reset();
        M1.once(stream(full));
        const response = bodyIs(await call(gw, { body: chatStream }), text);
        assert.equal((await row(response)).charge, '0.000005000');
    });
    await t.test('E4 the last blank line is missing', async () => {
        reset();
        M1.once(stream(S1.slice(0, -1)));
        bodyIs(await call(gw, { body: chatStream }), S1.slice(0, -1));
    });
    await t.test('E4 one of two choices has not finished', async () => {
        reset();
        const other = data.hi.replace('"index":0', '"index":1');
        const cut = events(data.role, other, data.stop);
        M1.once(stream(cut));
        streamErrorIs(await call(gw, { body: chatStream }), cut, 'upstream_truncated');
    });
});

test('E5 clean end without a terminal event', async (t) => {
    await t.test('E5 by the last chunk', async () => {
        reset();
        M1.once(stream(started));
        const response = await call(gw, { body: chatStream });
        streamErrorIs(response, started, 'upstream_truncated');
        const entry = await row(response);
        assert.ok(unitsOf(entry.charge) > 0, 'partial: prompt and what was delivered');
        assert.notEqual(entry.end, 'finished');
    });
    await t.test('E5 by the end of the connection', async () => {
        reset();
        M1.once(raw(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${started}`, 'fin'));
        streamErrorIs(await call(gw, { body: chatStream }), started, 'upstream_truncated');
    });
    await t.test('E5 in the middle of an event', async () => {
        reset();
        M1.once(stream(started + event(data.stop).slice(0, 40)));
        streamErrorIs(await call(gw, { body: chatStream }), started, 'upstream_truncated');
    });
    await t.test('E5 usage was seen: charged by it', async () => {
        reset();
        const usage = data.hi.replace(/}$/, `,"usage":${usageText}}`);
        const text = events(data.role, usage);
        M1.once(stream(text));
        const response = await call(gw, { body: chatStream });
        streamErrorIs(response, text, 'upstream_truncated');
        assert.ok(unitsOf((await row(response)).charge) >= 5);
    });
    reset();
    M1.always(stream(started));
    await eachSdk(t, 'E5', async (sdk) => {
        const { error } = await sdk.run('stream', { url: gw.url });
        assert.equal(error?.api, true, JSON.stringify(error));
        assert.equal(error.class, 'APIError');
        assert.equal(error.reason ?? 'upstream_truncated', 'upstream_truncated');
    });
    await t.test('E5 replay', async () => {
        const { error } = await replay.run('stream', { url: gw.url });
        assert.equal(error?.class, 'APIError', JSON.stringify(error));
    });
});

/** Two events and half of a third, then a reset as soon as `seen` says the client has the two. */
function resetMidEvent(seen) {
    return async (exchange) => {
        await exchange.send(streamHead);
        await exchange.send(frame(events(data.role, data.hi) + event(data.there).slice(0, 60)));
        await seen(exchange);
        exchange.rst();
    };
}

test('E6 reset in the middle of an event', async (t) => {
    const whole = events(data.role, data.hi);
    await t.test('E6 raw', async () => {
        reset();
        const seen = new Barrier();
        M1.once(resetMidEvent(() => seen.passed()));
        const client = await open();
        await client.text(whole);
        seen.open();
        streamErrorIs(await client.response(), whole, 'upstream_disconnected');
        client.close();
    });
    await t.test('E6 the connection ends without the last chunk', async () => {
        reset();
        M1.once(stream(whole, 'fin'));
        streamErrorIs(await call(gw, { body: chatStream }), whole, 'upstream_disconnected');
    });
    await eachSdk(t, 'E6', async (sdk) => {
        reset();
        M1.once(resetMidEvent(() => pace(50)));
        const { error } = await sdk.run('stream', { url: gw.url });
        assert.equal(error?.api, true, JSON.stringify(error));
        assert.equal(error.class, 'APIError');
    });
});

test('E7 silence past the idle limit', async (t) => {
    const e = await scene(t, { provider: { idle_timeout: '300ms' } });
    let upstream;
    e.M1.once(
        told(async ({ exchange, send }) => {
            upstream = exchange;
            await send(event(data.role));
            await exchange.closed;
        }),
    );
    const response = await call(e.gw, { body: chatStream });
    const error = streamErrorIs(response, event(data.role), 'upstream_timeout');
    assert.match(error.message, /stopped sending/);
    await upstream.closed;
});

test('E8 a first event that is an error: the next provider', async (t) => {
    const e = await scene(t);
    e.M1.once(stream(event('{"error":{"message":"x","code":429}}')));
    e.M2.once(stream(S1));
    bodyIs(await call(e.gw, { body: chatStream }), S1);
    assert.equal(e.M1.count, 1);
    assert.equal(e.M2.count, 1);
});

test('E9 the same at both: a true status and JSON', async (t) => {
    const e = await scene(t);
    e.M1.once(stream(event('{"error":{"message":"x","code":429}}')));
    e.M2.once(stream(event('{"error":{"message":"x","code":429}}')));
    const response = await call(e.gw, { body: chatStream });
    errorIs(response, 429, 'rate_limit_error', 'upstream_rate_limited');
    assert.doesNotMatch(response.text, /data:/);
});

test("E10 the upstream's own error event goes on unchanged", async () => {
    reset();
    const text =
        events(data.role, data.hi) +
        event('{"error":{"message":"The server had an error","type":"server_error","code":null}}');
    M1.once(stream(text));
    const response = bodyIs(await call(gw, { body: chatStream }), text);
    const entry = await row(response);
    assert.ok(unitsOf(entry.charge) > 0, 'partial');
    assert.notEqual(entry.end, 'finished');
});

test('E11 an error event about the account does not', async () => {
    reset();
    const head = events(data.role, data.hi);
    const secret = 'Your credit balance is too low, organization org-Abc123def is unpaid';
    M1.once(
        stream(head + event(`{"error":{"message":"${secret}","code":"insufficient_quota"}}`)),
    );
    const response = await call(gw, { body: chatStream });
    streamErrorIs(response, head, 'upstream_stream_error');
    assert.doesNotMatch(response.text, /org-|credit|unpaid|insufficient/);
});

test('E12 a refusal before the stream is JSON with its status', async () => {
    reset();
    const error = {
        message: "Invalid 'temperature': decimal above maximum value.",
        type: 'invalid_request_error',
        param: 'temperature',
        code: 'decimal_above_max_value',
    };
    M1.once(fault(400, error));
    const response = await call(gw, { body: chatStream });
    errorIs(response, 404, 'invalid_request_error', 'decimal_above_max_value', {
        param: 'temperature',
    });
    assert.equal(M2.count, 0);
});

test('E13 JSON where a stream was asked', async (t) => {
    await t.test('E13 the other provider streams', async () => {
        reset();
        M1.once(reply(J1));
        M2.once(stream(S1));
        bodyIs(await call(gw, { body: chatStream }), S1);
    });
    await t.test('E13 at both', async () => {
        reset();
        M1.once(reply(J1));
        M2.once(reply(J1));
        const response = await call(gw, { body: chatStream });
        errorIs(response, 502, 'server_error', 'upstream_invalid_response');
    });
    await t.test('E13 a stream where JSON was asked', async () => {
        reset();
        M1.once(stream(S1));
        M2.once(reply(J1));
        bodyIs(await call(gw, { body: chat() }), J1);
    });
    await t.test('E13 an end before the first event, at both', async () => {
        reset();
        M1.once(stream(''));
        M2.once(stream(': hello\n\n'));
        const response = await call(gw, { body: chatStream });
        errorIs(response, 502, 'server_error', 'upstream_truncated');
    });
});

test('E19 an event without choices that is not the usage event passes', async () => {
    reset();
    const filter =
        '{"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[{}]}';
    const rest = [data.role, data.hi, data.there, data.stop];
    M1.once(stream(events(filter, ...rest, data.usage, data.done)));
    const want = events(filter, ...rest, data.done);
    bodyIs(await call(gw, { body: chatStream }), want);
});

test('E20 usage in every chunk, cumulative', async () => {
    reset();
    const used = (text, out) =>
        text.replace(
            /}$/,
            `,"usage":{"prompt_tokens":3,"completion_tokens":${out},"total_tokens":${3 + out}}}`,
        );
    const text = events(
        used(data.role, 0),
        used(data.hi, 1),
        used(data.there, 2),
        used(data.stop, 2),
        data.done,
    );
    M1.once(stream(text));
    const response = bodyIs(await call(gw, { body: chatStream }), text);
    assert.equal((await row(response)).charge, '0.000005000', 'the last value, not the sum');
});

test('E20 usage on the finish chunk', async () => {
    reset();
    const last = data.stop.replace(/}$/, `,"usage":${usageText}}`);
    const text = events(data.role, data.hi, data.there, last, data.done);
    M1.once(stream(text));
    const response = bodyIs(await call(gw, { body: chatStream }), text);
    assert.equal((await row(response)).charge, '0.000005000');
});

test('E21 a stream over HTTP/1.0', async () => {
    reset();
    M1.once(stream(S1));
    const client = await open(gw, { http: '1.0' });
    const response = bodyIs(await client.response(), S1);
    assert.equal(response.framing, 'end');
    assert.match(response.header('connection') ?? '', /close/i);
    assert.equal(await client.connectionEnd(), 'FIN');
});

test('E21 an event of 2 MB over HTTP/1.0, and with direct mode off', async (t) => {
    const big = event(data.chunk(`{"content":"${'x'.repeat(2 * 1024 * 1024)}"}`, 'null'));
    const rest = events(data.stop, data.done);
    const run = async (gateway, M, http) => {
        const seen = new Barrier();
        M.once(
            told(async ({ send, last }) => {
                await send(big);
                await seen.passed('the whole event at the client');
                await send(rest);
                await last();
            }),
        );
        const client = await open(gateway, { http });
        await client.until(() => client.responses[0]?.bytes >= big.length, 'the whole event');
        seen.open();
        bodyIs(await client.response(), big + rest);
        client.close();
    };
    reset();
    await t.test('E21 over HTTP/1.0', () => run(gw, M1, '1.0'));
    await t.test('E21 with direct mode off', async (st) => {
        const e = await scene(st, { server: { direct: 'off' } });
        await run(e.gw, e.M1, '1.1');
    });
});

test('E22 headers of a stream', async () => {
    reset();
    M1.once(stream(S1));
    const response = bodyIs(await call(gw, { body: chatStream }), S1);
    assert.match(response.header('content-type'), /^text\/event-stream\b/);
    assert.match(response.header('cache-control'), /no-cache/);
    assert.equal(response.header('x-accel-buffering'), 'no');
    assert.equal(response.header('content-length'), undefined);
    assert.equal(response.framing, 'chunked');
    assert.equal(response.all('transfer-encoding').length, 1);
});

test('E22 the connection serves further requests after a stream', async () => {
    reset();
    M1.once(stream(S1u), reply(J1), stream(S1u));
    const client = await open();
    bodyIs(await client.response(0), S1);
    await client.write(requestBytes({ body: chat() }));
    bodyIs(await client.response(1), J1);
    await client.write(requestBytes({ body: chatStream }));
    bodyIs(await client.response(2), S1);
    client.close();
});
