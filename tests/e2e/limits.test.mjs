// L: the gateway at its limits: shutting down, overloaded, out of disk, and clients that are too slow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { data, events, J1, reply, S1, told } from './lib/answers.mjs';
import { bodyIs, errorIs, streamErrorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { failingWrites, fewDescriptors, limitFiles, noPrlimit } from './lib/limit.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { Barrier, deadlineMs, eventually, pace } from './lib/wait.mjs';

const body = chat();

/** A stream that stands after two events until its gate opens. */
const gated = (gate) =>
    told(async ({ send, last }) => {
        await send(events(data.role, data.hi));
        await gate.passed();
        await send(events(data.there, data.stop, data.done));
        await last();
    });

async function standing(s) {
    const gate = new Barrier();
    s.M1.once(gated(gate));
    const client = await RawClient.connect(s.gw);
    await client.write(requestBytes({ body: chatStream }));
    await client.text(events(data.role, data.hi));
    return { client, gate };
}

/** SIGTERM; resolves when no worker takes a connection any more. */
async function shutDown(s) {
    s.gw.signal('SIGTERM');
    await eventually(async () => {
        const client = await RawClient.connect(s.gw).catch((error) => error);
        client.close?.();
        return client.code === 'ECONNREFUSED';
    }, 'the doors are closed');
}

/** Waits until the heads of so many requests have been read. */
function inFlight(s, n) {
    return eventually(async () => {
        const { loops } = await s.gw.admin('status', '', {});
        return loops.reduce((sum, loop) => sum + loop.requests, 0) === n;
    }, `${n} requests`);
}

/** The bytes of a request in two halves, cut in its head or in its body. */
function halves(where) {
    const bytes = requestBytes({ body });
    const head = bytes.indexOf('\r\n\r\n');
    const at = where === 'head' ? head - 20 : bytes.length - 20;
    return [bytes.subarray(0, at), bytes.subarray(at)];
}

function isShuttingDown(response) {
    errorIs(response, 502, 'server_error', 'shutting_down');
    assert.match(response.header('connection') ?? '', /close/i);
    assert.equal(response.header('retry-after'), '1');
}

test('L1 shutting down', async (t) => {
    await t.test('L1 a request that is begun after it is refused', async (st) => {
        const s = await scene(st, { leave: true });
        const { client, gate } = await standing(s);
        const [first, second] = halves('head');
        const late = await RawClient.connect(s.gw);
        // What stands behind an answered request has been read.
        const before = requestBytes({ method: 'GET', path: '/v1/models' });
        await late.write(Buffer.concat([before, first]));
        assert.equal((await late.response()).status, 200);
        await shutDown(s);
        await late.write(second);
        isShuttingDown(await late.response(1));
        await late.connectionEnd();
        gate.open();
        bodyIs(await client.response(), S1);
        assert.deepEqual(await s.gw.exit(), { code: 0, signal: null });
    });
    await t.test('L1 a request whose body is on its way is served', async (st) => {
        const s = await scene(st, { leave: true });
        const [first, second] = halves('body');
        const client = await RawClient.connect(s.gw);
        await client.write(first);
        await inFlight(s, 1);
        await shutDown(s);
        s.M1.once(reply(J1));
        await client.write(second);
        const response = bodyIs(await client.response(), J1);
        assert.match(response.header('connection') ?? '', /close/i);
        assert.deepEqual(await s.gw.exit(), { code: 0, signal: null });
    });
    for (const where of ['body', 'answer']) {
        await t.test(`L1 at its limit a request in its ${where} is refused`, async (st) => {
            const s = await scene(st, { leave: true, server: { shutdown_timeout: '300ms' } });
            const stream = await standing(s);
            const gate = new Barrier();
            s.M1.once(async () => gate.passed());
            const [first, second] = halves('body');
            const client = await RawClient.connect(s.gw);
            await client.write(first);
            if (where === 'answer') {
                await client.write(second);
                await s.M1.request(2);
            }
            await inFlight(s, 2);
            s.gw.signal('SIGTERM');
            streamErrorIs(await stream.client.response(), events(data.role, data.hi), 'shutting_down');
            if (where === 'body') await client.write(second);
            isShuttingDown(await client.response());
            assert.deepEqual(await s.gw.exit(), { code: 0, signal: null });
            gate.open();
            stream.gate.open();
        });
    }
});

/* --- clients that are too slow -------------------------------------------------------------------- */

/** The connection ends without an answer, not before `ms` and soon after. */
async function endsAfter(client, ms) {
    const began = performance.now();
    await client.connectionEnd();
    const took = performance.now() - began;
    assert.equal(client.responses.length, 0, 'no answer');
    assert.ok(took > ms / 2 && took < ms + deadlineMs / 5, `ended after ${took} ms`);
}

test('L2 slow clients', async (t) => {
    const limits = {
        head_timeout: '1s',
        body_timeout: '1s',
        discard_timeout: '1s',
        idle_timeout: '1s',
    };
    const s = await scene(t, { server: limits });
    await t.test('L2 a head that stops', async () => {
        const client = await RawClient.connect(s.gw);
        await client.write(halves('head')[0]);
        await endsAfter(client, 1000);
    });
    await t.test('L2 a body that stops: BODY_TIMEOUT', async () => {
        const client = await RawClient.connect(s.gw);
        await client.write(halves('body')[0]);
        await endsAfter(client, 1000);
        const line = await s.gw.logged(/fault BODY_TIMEOUT/);
        const row = await s.gw.usage(/request (req_\w+)/.exec(line)[1]);
        assert.equal(row.reason, 'body_timeout');
        assert.equal(row.charge, '0.000000000');
        assert.equal(s.M1.count, 0);
    });
    await t.test('L2 a body that is slow, but comes', async () => {
        s.M1.once(reply(J1));
        const long = chat({ user: 'x'.repeat(6 * 16384) });
        const bytes = requestBytes({ body: long });
        const client = await RawClient.connect(s.gw);
        for (let at = 0; at < bytes.length; at += 16384) {
            await client.write(bytes.subarray(at, at + 16384));
            await pace(300);
        }
        bodyIs(await client.response(), J1);
        client.close();
    });
    await t.test('L2 the body of a refused request that stops', async () => {
        const client = await RawClient.connect(s.gw);
        const bytes = requestBytes({ body, key: 'sk-nobody-00000000' });
        await client.write(bytes.subarray(0, bytes.length - 20));
        await endsAfter(client, 1000);
        assert.equal(s.M1.count, 1);
    });
    await t.test('L2 a kept-alive connection that asks nothing more', async () => {
        s.M1.once(reply(J1));
        const client = await RawClient.connect(s.gw);
        await client.write(requestBytes({ body }));
        bodyIs(await client.response(), J1);
        await client.connectionEnd();
        assert.equal(client.ended, 'FIN');
    });
});

/* --- too many at once ----------------------------------------------------------------------------- */

function isOverloaded(response) {
    errorIs(response, 502, 'server_error', 'overloaded');
    assert.equal(response.header('retry-after'), '1');
    assert.equal(response.header('x-should-retry'), undefined);
    assert.match(response.header('connection') ?? '', /close/i);
}

test('L3 more requests than max_requests', async (t) => {
    const s = await scene(t, { server: { workers: 1, max_requests: 3 } });
    const streams = [await standing(s), await standing(s), await standing(s)];
    isOverloaded(await call(s.gw, { body }));
    isOverloaded(await call(s.gw, { method: 'GET', path: '/v1/models' }));
    streams[1].gate.open();
    bodyIs(await streams[1].client.response(), S1);
    s.M1.once(reply(J1));
    await eventually(async () => {
        const answer = await call(s.gw, { body });
        if (answer.status === 502) isOverloaded(answer);
        return answer.status === 200;
    }, 'there is room again');
    for (const { gate } of streams) gate.open();
    for (const { client } of streams) bodyIs(await client.response(), S1);
    assert.equal(s.M1.count, 4);
});

test('L3 more clients than descriptors', { skip: noPrlimit }, async (t) => {
    for (const [workers, nofile] of [[1, 128], [2, 160], [8, 400]]) {
        await t.test(`L3 ${workers} workers, ${nofile} descriptors`, async (st) => {
            const wrap = fewDescriptors(nofile);
            const s = await scene(st, { wrap, server: { workers } });
            const gate = new Barrier();
            s.M1.always(gated(gate));
            const clients = await Promise.all(
                Array.from({ length: 2 * nofile }, () => RawClient.connect(s.gw)),
            );
            for (const client of clients) client.write(requestBytes({ body: chatStream }));
            const begun = () => clients.filter((one) => one.responses[0]);
            await eventually(() => begun().some((one) => one.responses[0].status === 502), 'a refusal');
            for (const one of begun()) {
                if (one.responses[0].status !== 200) isOverloaded(await one.response());
            }
            const { state } = await s.gw.cli(['status']);
            assert.equal(state, 'running', 'the operator still gets through');
            // Those that the kernel keeps in its backlog are accepted as others leave.
            gate.open();
            for (const client of clients) {
                const response = await client.response(0, 3 * deadlineMs);
                if (response.status === 200) bodyIs(response, S1);
                else isOverloaded(response);
                client.close();
            }
            s.M1.reset().always(reply(J1));
            await eventually(async () => (await call(s.gw, { body })).status === 200, 'room again');
            const served = clients.filter((one) => one.responses[0].status === 200);
            assert.ok(served.length >= 4 * workers, `${served.length} were served`);
            const beyond = s.gw.log.filter((line) => /UNREACHABLE|INTERNAL/.test(line));
            assert.deepEqual(beyond, [], 'refused before the descriptors are out');
        });
    }
});

test('L3 too few descriptors to begin with', { skip: noPrlimit }, async (t) => {
    await assert.rejects(
        scene(t, { wrap: fewDescriptors(100), server: { workers: 8 } }),
        /100 descriptors are too few for 8 workers; raise the limit \(ulimit -n\) to \d+/,
    );
});

/* --- out of disk ---------------------------------------------------------------------------------- */

test('L4 the disk is full while a long body is kept', { skip: noPrlimit }, async (t) => {
    const s = await scene(t, { wrap: failingWrites });
    const long = chat({ user: 'x'.repeat(3e6) });
    limitFiles(s.gw, 1e6); // enough for the books
    const client = await RawClient.connect(s.gw);
    await client.write(requestBytes({ body: long }));
    const refused = await client.response();
    errorIs(refused, 502, 'server_error', 'internal_error');
    assert.equal(refused.header('retry-after'), '1');
    await s.gw.logged(/fault GATEWAY_INTERNAL/);
    assert.equal(s.M1.count, 0);
    // The rest of the body has been read: the connection goes on.
    s.M1.once(reply(J1));
    await client.write(requestBytes({ body }));
    bodyIs(await client.response(1), J1);
    client.close();
    limitFiles(s.gw, 'unlimited');
    s.M1.once(reply(J1));
    bodyIs(await call(s.gw, { body: long }), J1);
});
