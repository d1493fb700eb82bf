// N2 to N6: the typed streams of the Responses API, and their ends.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
    byteByByte, fault, frame, hangUp, raw, reply, stream, streamHead, told,
} from './lib/answers.mjs';
import { bodyIs, errorIs, typedErrorIs } from './lib/expect.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { models, responseScene } from './lib/response_scene.mjs';
import { Proxy } from './lib/proxy.mjs';
import { respond, respondStream } from './lib/requests.mjs';
import {
    begunStream, e, failedEvent, flatError, messageOf, nestedError, R1, responseOf, responseUsage, RS1, typed,
} from './lib/response_answers.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { Barrier, eventually } from './lib/wait.mjs';

const s = await responseScene({ after, name: 'responses_stream' });
const { gw, M1, M2, reset, call, row, open, streamed } = s;
const proxy = await Proxy.start({ after }, gw);

// --- streams -----------------------------------------------------------------------------------------

test('N2 a stream, charged by its last word', async (t) => {
    await t.test('N2 raw', async () => {
        const response = bodyIs(await streamed(stream(RS1)), RS1);
        assert.match(response.header('content-type'), /^text\/event-stream\b/);
        const entry = await row(response);
        assert.equal(entry.charge, '0.000005000');
        assert.equal(entry.source, 'upstream');
        assert.doesNotMatch(M1.last.body.toString(), /stream_options/);
    });
    reset();
    M1.always(stream(RS1));
    await eachSdk(t, 'N2', async (sdk) => {
        const result = await sdk.run('responseStream', { url: gw.url });
        assert.equal(result.content, 'Hi there', JSON.stringify(result));
        assert.equal(result.types.at(-1), 'response.completed');
    });
    M1.always(reply(R1));
    await eachSdk(t, 'N1', async (sdk) => {
        const result = await sdk.run('response', { url: gw.url });
        assert.deepEqual(result, { id: 'resp_1', content: 'Hi there', usage: 5 });
    });
});

test('N2 spellings of the stream (E1, E2)', async (t) => {
    const spellings = {
        CRLF: (text) => text.replaceAll('\n', '\r\n'),
        CR: (text) => text.replaceAll('\n', '\r'),
        'no spaces': (text) => text.replaceAll(': {', ':{').replaceAll('event: ', 'event:'),
        comments: (text) => text.replaceAll('event: ', ': x\n\nevent: '),
        ids: (text) => text.replaceAll('event: ', 'id: 7\nretry: 1\nevent: '),
        'no event lines': (text) => text.replaceAll(/event: .*\n/g, ''),
        'no types in the data': (text) => text.replaceAll(/"type":"(response\.[^"]*)",/g, ''),
        'the type last': (text) =>
            text.replaceAll(/event: .*\n/g, '').replaceAll(/data: \{("type":"[^"]*"),(.*)\}\n\n/g, 'data: {$2,$1}\n\n'),
        'a byte order mark': (text) => `\ufeff${text}`,
        '[DONE] behind it': (text) => `${text}data: [DONE]\n\n`,
    };
    for (const [name, spell] of Object.entries(spellings)) {
        await t.test(`N2 ${name}`, async () => {
            const text = spell(RS1);
            assert.notEqual(text, RS1);
            const entry = await row(bodyIs(await streamed(stream(text)), text));
            assert.equal(entry.charge, '0.000005000');
            assert.equal(entry.end, 'finished');
        });
    }
    await t.test('N2 split at every byte', async () => {
        bodyIs(await streamed(byteByByte(RS1, 0)), RS1);
    });
    await t.test('N2 the blank line of the last word is missing', async () => {
        const text = RS1.slice(0, -1);
        assert.equal((await row(bodyIs(await streamed(stream(text)), text))).charge, '0.000005000');
    });
});

test('N2 long events (E3)', async (t) => {
    const more = 'x'.repeat(700 * 1024);
    const rest = e.there + e.done;
    const begun = e.created + e.progress + e.added;
    await t.test('N2 a long delta', async () => {
        const text = begun + e.delta(3, more) + rest + e.completed;
        bodyIs(await streamed(stream(text)), text);
    });
    await t.test('N2 a long last word', async () => {
        const completed = typed('response.completed', 6, `"response":${responseOf({ output: [messageOf('m', more)] })}`);
        const text = begun + e.hi + rest + completed;
        assert.equal((await row(bodyIs(await streamed(stream(text)), text))).charge, '0.000005000');
    });
    await t.test('N2 lifecycle events that carry long instructions', async () => {
        const long = 'y'.repeat(220 * 1024);
        const heavy = e.created.replace('"instructions":null', `"instructions":"${long}"`);
        const queued = heavy.replaceAll('response.created', 'response.queued');
        const text = heavy + queued + heavy + e.added + e.hi + rest + e.completed;
        bodyIs(await streamed(stream(text)), text);
    });
});

test('N2 each event arrives before the next is sent (E1)', async () => {
    reset();
    const names = ['added', 'hi', 'there', 'done', 'completed'];
    const gates = Object.fromEntries(names.map((name) => [name, new Barrier()]));
    M1.once(
        told(async ({ send, last }) => {
            await send(e.created);
            for (const name of names) {
                await gates[name].passed(name);
                await send(e[name]);
            }
            await last();
        }),
    );
    const client = await open();
    let so_far = e.created; // after 100 ms on its own
    await client.text(so_far);
    for (const name of names) {
        gates[name].open();
        so_far += e[name];
        await client.text(so_far);
    }
    bodyIs(await client.response(), so_far);
    client.close();
});

test('N2 lifecycle events wait for the next event, and alone for 100 ms', async () => {
    reset();
    const gate = new Barrier();
    M1.once(
        told(async ({ send, last }) => {
            await send(e.created + e.progress);
            await gate.passed();
            await send(e.added + e.completed);
            await last();
        }),
    );
    const began = Date.now();
    const client = await open();
    await client.text(e.progress);
    const waited = Date.now() - began;
    assert.ok(waited >= 95, `held for ${waited} ms`);
    gate.open();
    bodyIs(await client.response(), e.created + e.progress + e.added + e.completed);
    client.close();
    // After that the answer is this provider's: an error goes on as an event.
    const error = nestedError('server_error', 'The server had an error');
    const seen = new Barrier();
    reset();
    M1.once(
        told(async ({ send, last }) => {
            await send(e.created + e.progress);
            await seen.passed();
            await send(error);
            await last();
        }),
    );
    const late = await open();
    await late.text(e.progress);
    seen.open();
    bodyIs(await late.response(), e.created + e.progress + error);
    late.close();
    assert.equal(M2.count, 0);
});

test('N3 an end behind the lifecycle events', async (t) => {
    const begun = stream(e.created + e.progress);
    await t.test('N3 the other provider', async () => {
        bodyIs(await streamed(begun, stream(RS1)), RS1);
        assert.equal(M2.count, 1);
    });
    await t.test('N3 at both: a true status', async () => {
        const response = await streamed(begun, begun);
        errorIs(response, 502, 'server_error', 'upstream_truncated');
        assert.equal((await row(response)).charge, '0.000000000');
    });
    await t.test('N3 a lone [DONE] is no answer', async () => {
        bodyIs(await streamed(stream(`${e.created}data: [DONE]\n\n`), stream(RS1)), RS1);
    });
});

test('N4 an end behind the first delta', async (t) => {
    const started = e.created + e.progress + e.added + e.hi;
    const truncated = { number: 4, message: /closed the stream before it was complete/ };
    await t.test('N4 raw', async () => {
        const response = await streamed(stream(started));
        typedErrorIs(response, started, truncated);
        const entry = await row(response);
        assert.ok(unitsOf(entry.charge) > 0, 'partial: prompt and what was delivered');
        assert.equal(entry.source, 'estimated');
        assert.equal(entry.end, 'upstream_gone');
        assert.equal(entry.reason, 'upstream_truncated');
    });
    await t.test('N4 in the middle of an event', async () => {
        typedErrorIs(await streamed(stream(started + e.there.slice(0, 90))), started, truncated);
    });
    await t.test('N4 a [DONE] does not hide it', async () => {
        typedErrorIs(await streamed(stream(`${started}data: [DONE]\n\n`)), started, truncated);
    });
    await t.test('N4 events without numbers', async () => {
        const bare = started.replaceAll(/"sequence_number":\d+,/g, '');
        typedErrorIs(await streamed(stream(bare)), bare, { number: 0 });
    });
    await t.test('N4 a reset (E6)', async () => {
        reset();
        const seen = new Barrier();
        M1.once(async (exchange) => {
            await exchange.send(streamHead);
            await exchange.send(frame(started + e.there.slice(0, 60)));
            await seen.passed();
            exchange.rst();
        });
        const client = await open();
        await client.text(started);
        seen.open();
        typedErrorIs(await client.response(), started, { number: 4 });
        client.close();
    });
    await t.test('N4 silence past the idle limit (E7)', async (st) => {
        const q = await scene(st, { models, provider: { idle_timeout: '300ms' } });
        let upstream;
        q.M1.once(
            told(async ({ exchange, send }) => {
                upstream = exchange;
                await send(started);
                await exchange.closed;
            }),
        );
        typedErrorIs(await call({ body: respondStream }, q.gw), started, { number: 4, message: /stopped sending/ });
        await upstream.closed;
    });
    reset();
    M1.always(stream(started));
    await eachSdk(t, 'N4', async (sdk) => {
        const { error } = await sdk.run('responseStream', { url: gw.url });
        assert.equal(error?.api, true, JSON.stringify(error));
        assert.equal(error.class, 'APIError');
        assert.equal(error.connection, false);
        assert.match(error.message, /before it was complete/);
    });
});

test('N5 an error behind the lifecycle events', async (t) => {
    const begun = e.created + e.progress;
    const limited = begun + nestedError('rate_limit_exceeded', 'Slow down');
    await t.test('N5 the other provider (E8)', async () => {
        for (const first of [
            limited,
            begun + flatError('server_error', 'boom'),
            begun + failedEvent('server_error'),
            nestedError('rate_limit_exceeded', 'Slow down'),
            `${begun}data: {"error":{"message":"x","code":429}}\n\n`,
        ]) {
            bodyIs(await streamed(stream(first), stream(RS1)), RS1);
            assert.equal(M2.count, 1);
        }
    });
    await t.test('N5 at both: a true status and JSON (E9)', async () => {
        const response = await streamed(stream(limited), stream(limited));
        errorIs(response, 429, 'rate_limit_error', 'upstream_rate_limited');
        const flat = begun + flatError('context_length_exceeded', 'too long, this is');
        errorIs(await streamed(stream(flat)), 404, 'invalid_request_error', 'context_length_exceeded', {
            message: /^too long, this is/,
        });
    });
    await t.test('N5 failed at both: the events as they came, free', async () => {
        const text = begun + failedEvent('server_error');
        const entry = await row(bodyIs(await streamed(stream(text), stream(text)), text));
        assert.equal(entry.charge, '0.000000000');
        assert.equal(entry.end, 'upstream_gone');
    });
    await t.test("N5 failed by the caller's fault: not tried elsewhere", async () => {
        const text = begun + failedEvent('invalid_image', { usage: responseUsage });
        assert.equal((await row(bodyIs(await streamed(stream(text)), text))).charge, '0.000005000');
        assert.equal(M2.count, 0);
    });
    await t.test('N5 failed for a blocked prompt: a true status', async () => {
        const response = await streamed(stream(begun + failedEvent('invalid_prompt')));
        errorIs(response, 502, 'server_error', 'prompt_blocked');
        assert.equal(M2.count, 0);
    });
    await t.test('N5 failed for the account: no events of it', async () => {
        const text = begun + failedEvent('insufficient_quota', { message: 'org-Abc123 is unpaid' });
        const response = await streamed(stream(text), stream(text));
        errorIs(response, 502, 'server_error', 'upstream_unavailable');
        assert.doesNotMatch(response.text, /unpaid|org-/);
    });
});

test('N6 ends other than completed', async (t) => {
    const incomplete = typed('response.incomplete', 6, `"response":${responseOf({ status: 'incomplete' })}`);
    await t.test('N6 response.incomplete is charged by its usage', async () => {
        const text = begunStream + incomplete;
        const entry = await row(bodyIs(await streamed(stream(text)), text));
        assert.equal(entry.charge, '0.000005000');
        assert.equal(entry.end, 'finished');
    });
    await t.test('N6 response.failed behind deltas: usage, else what came', async () => {
        const told_ = begunStream + failedEvent('server_error', { number: 6, usage: responseUsage });
        assert.equal((await row(bodyIs(await streamed(stream(told_)), told_))).charge, '0.000005000');
        const untold = begunStream + failedEvent('server_error', { number: 6 });
        const entry = await row(bodyIs(await streamed(stream(untold)), untold));
        assert.equal(entry.source, 'estimated');
        assert.ok(unitsOf(entry.charge) > 0);
        assert.equal(entry.end, 'upstream_gone');
    });
    await t.test('N6 an error event goes on as it came (E10)', async () => {
        for (const error of [nestedError('server_error', 'x', 6), flatError('server_error', 'x', 6)]) {
            const text = begunStream + error;
            bodyIs(await streamed(stream(text)), text);
        }
    });
    await t.test('N6 what follows an error does not', async () => {
        const text = begunStream + nestedError('server_error', 'x', 6);
        bodyIs(await streamed(stream(text + e.completed)), text);
    });
    await t.test('N6 an error about the account does not go on (E11)', async () => {
        const secret = 'organization org-Abc123def is unpaid';
        for (const error of [
            nestedError('insufficient_quota', secret, 6),
            flatError('insufficient_quota', secret, 6),
            failedEvent('insufficient_quota', { message: secret, number: 6 }),
        ]) {
            const response = await streamed(stream(begunStream + error));
            typedErrorIs(response, begunStream, { number: 6, message: /reported an error/ });
            assert.doesNotMatch(response.text, /unpaid|insufficient|org-/);
        }
    });
    await t.test("N6 nor does one in another endpoint's form", async () => {
        const foreign = 'data: {"error":{"message":"x","type":"server_error"}}\n\n';
        typedErrorIs(await streamed(stream(begunStream + foreign)), begunStream, { number: 6 });
    });
});

test('N2 refusals and wrong kinds (E12, E13, F)', async (t) => {
    const refused = {
        message: 'Unsupported value: temperature',
        type: 'invalid_request_error',
        param: 'temperature',
        code: 'unsupported_value',
    };
    await t.test('N2 400 before the stream', async () => {
        const response = await streamed(fault(400, refused));
        errorIs(response, 404, 'invalid_request_error', 'unsupported_value', { param: 'temperature' });
    });
    await t.test('N2 JSON where a stream was asked, and the other way round', async () => {
        bodyIs(await streamed(reply(R1), stream(RS1)), RS1);
        reset();
        M1.once(stream(RS1));
        M2.once(reply(R1));
        bodyIs(await call({ body: respond() }), R1);
    });
    await t.test('N2 the other provider after 401, 429, 503, a closed connection', async () => {
        const no = { message: 'no' };
        for (const first of [fault(401, no), fault(429, no), fault(503, no)]) {
            bodyIs(await streamed(first, stream(RS1)), RS1);
        }
        reset();
        M1.always(hangUp()); // under a pooled connection it is asked once more, on a new one
        M2.once(stream(RS1));
        bodyIs(await call({ body: respondStream }), RS1);
    });
    await t.test('N2 a blocked prompt is told as such', async () => {
        const blocked = { ...refused, code: 'content_policy_violation' };
        const response = await streamed(fault(400, blocked));
        errorIs(response, 502, 'server_error', 'prompt_blocked');
        assert.equal(response.header('x-should-retry'), 'false');
    });
    await t.test('N2 text that is no stream', async () => {
        const html = raw('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>');
        errorIs(await streamed(html, html), 502, 'server_error', 'upstream_invalid_response');
    });
});

test('N2 clients that leave (E14, E15)', async (t) => {
    await t.test('N2 after the last word: finished', async () => {
        reset();
        const gone = new Barrier();
        M1.once(
            told(async ({ send, last }) => {
                await send(RS1);
                await gone.passed();
                await last();
            }),
        );
        const client = await open();
        const response = await client.text(e.completed);
        client.close();
        gone.open();
        const entry = await row(response);
        assert.equal(entry.end, 'finished');
        assert.equal(entry.charge, '0.000005000');
    });
    await t.test('N2 in the middle: the usage is waited for', async () => {
        reset();
        const gone = new Barrier();
        M1.once(
            told(async ({ send, last }) => {
                await send(e.created + e.added + e.hi);
                await gone.passed();
                await send(e.there + e.completed);
                await last();
            }),
        );
        const client = await open();
        const response = await client.text(e.hi);
        client.close();
        await eventually(() => client.socket.destroyed, 'the client is gone');
        gone.open();
        const entry = await row(response);
        assert.equal(entry.end, 'client_gone');
        assert.equal(entry.charge, '0.000005000');
    });
    await t.test('N2 while the lifecycle events are held', async (st) => {
        const q = await scene(st, { models, provider: { drain: '0s' } });
        let upstream;
        const begun = new Barrier();
        q.M1.once(
            told(async ({ exchange, send }) => {
                upstream = exchange;
                await send(e.created);
                begun.open();
                await exchange.closed;
            }),
        );
        const client = await open(q.gw);
        await begun.passed();
        client.close();
        await eventually(() => upstream.isClosed, 'the upstream is let go');
        await q.gw.settled();
    });
});
