// L: the gateway at its limits: shutting down, overloaded, out of disk, out of memory, and clients that
// are too slow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { data, events, J1, reply, S1, told } from './lib/answers.mjs';
import { bodyIs, errorIs, streamErrorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { Barrier, eventually } from './lib/wait.mjs';

const body = chat();

/** A stream that stands after two events until its gate opens. */
async function standing(s) {
    const gate = new Barrier();
    s.M1.once(
        told(async ({ send, last }) => {
            await send(events(data.role, data.hi));
            await gate.passed();
            await send(events(data.there, data.stop, data.done));
            await last();
        }),
    );
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
        await late.write(first);
        await eventually(() => s.gw.cli(['status']), 'the half is read');
        await shutDown(s);
        await late.write(second);
        isShuttingDown(await late.response());
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
        await eventually(async () => {
            const { loops } = await s.gw.cli(['status']);
            return loops.some((loop) => loop.requests === 1);
        }, 'the head is read');
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
