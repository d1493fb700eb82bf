// G: the end of the process, and a store that cannot write.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { data, event, events, J1, reply, S1, told } from './lib/answers.mjs';
import { bodyIs, errorIs, streamErrorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { failingWrites, limitFiles, noPrlimit } from './lib/limit.mjs';
import { openStream } from './lib/open_stream.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { eventually } from './lib/wait.mjs';

const body = chat();

test('G2 SIGTERM during a stream', async (t) => {
    const s = await scene(t, { leave: true });
    const idle = await RawClient.connect(s.gw);
    s.M1.once(reply(J1));
    await idle.write(requestBytes({ body }));
    bodyIs(await idle.response(), J1);
    const { client, gate } = await openStream(s);
    s.gw.signal('SIGTERM');
    await t.test('G2 a new request is refused', async () => {
        const answer = await eventually(async () => {
            try {
                return await call(s.gw, { body, method: 'GET', path: '/v1/models' });
            } catch (error) {
                if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') return 'refused';
                return /without an answer/.test(error.message) && 'refused';
            }
        }, 'the end of service').then(async (first) => {
            if (first === 'refused' || first.status === 502) return first;
            return eventually(async () => {
                const again = await call(s.gw, { method: 'GET', path: '/v1/models' }).catch(
                    () => 'refused',
                );
                return (again === 'refused' || again.status === 502) && again;
            }, 'the end of service');
        });
        if (answer === 'refused') return;
        errorIs(answer, 502, 'server_error', 'shutting_down');
        assert.match(answer.header('connection') ?? '', /close/i);
        assert.equal(answer.header('retry-after'), '1');
    });
    await t.test('G2 a new request on an open connection is refused', async () => {
        await idle.write(requestBytes({ body }));
        await idle.until(() => idle.responses[1]?.complete || idle.ended, 'an answer or the end');
        if (!idle.responses[1]) return;
        errorIs(idle.responses[1], 502, 'server_error', 'shutting_down');
        assert.match(idle.responses[1].header('connection') ?? '', /close/i);
        await idle.connectionEnd();
    });
    assert.equal(s.gw.exited, null, 'it waits for the stream');
    gate.open();
    bodyIs(await client.response(), S1);
    client.close();
    idle.close();
    assert.deepEqual(await s.gw.exit(), { code: 0, signal: null });
    const rows = await s.gw.cli(['usage', 'tail', '--limit', '10']);
    assert.equal(rows.filter((row) => row.stream && row.end === 'finished').length, 1);
});

test('G2 a stream that outlasts the shutdown limit', async (t) => {
    const s = await scene(t, { leave: true, server: { shutdown_timeout: '300ms' } });
    const { client } = await openStream(s);
    s.gw.signal('SIGTERM');
    const response = await client.response();
    streamErrorIs(response, events(data.role, data.hi), 'shutting_down');
    assert.deepEqual(await s.gw.exit(), { code: 0, signal: null });
    s.M1.drop();
});

test('G3 the disk is full at the moment of settling', { skip: noPrlimit }, async (t) => {
    const s = await scene(t, { wrap: failingWrites, server: { commit_timeout: '300ms' } });
    s.M1.once(async (exchange) => {
        limitFiles(s.gw, 0);
        await reply(J1)(exchange);
    });
    const response = bodyIs(await call(s.gw, { body }), J1);
    const refused = await eventually(async () => {
        s.M1.always(reply(J1));
        const answer = await call(s.gw, { body });
        return answer.status === 502 && answer;
    }, 'paid admission is refused');
    errorIs(refused, 502, 'server_error', 'store_unavailable');
    assert.equal(refused.header('retry-after'), '1');
    limitFiles(s.gw, 'unlimited');
    const row = await s.gw.row(response);
    assert.equal(row.charge, '0.000005000', 'nothing is lost');
    await eventually(async () => {
        const answer = await call(s.gw, { body });
        return answer.status === 200;
    }, 'the store recovers');
});

test('G3 the disk is full at the last word of a stream', { skip: noPrlimit }, async (t) => {
    const s = await scene(t, { wrap: failingWrites, server: { commit_timeout: '300ms' } });
    s.M1.once(
        told(async ({ send, last }) => {
            await send(events(data.role, data.hi, data.there, data.stop));
            limitFiles(s.gw, 0);
            await send(event(data.usage) + event(data.done));
            await last();
        }),
    );
    const response = bodyIs(await call(s.gw, { body: chatStream }), S1);
    limitFiles(s.gw, 'unlimited');
    const row = await s.gw.row(response);
    assert.equal(row.charge, '0.000005000');
});

test('G4 a command without a server names the database that it has used', async (t) => {
    const s = await scene(t, { name: 'no-server' });
    const used = /no server is running; this is the database .*no-server.*gateway\.db/;
    const add = (name) => s.gw.cliRaw(['user', 'add', name]);
    assert.doesNotMatch((await add('with')).stderr, used);
    await s.gw.stop();
    const { code, stderr } = await add('without');
    assert.equal(code, 0, stderr);
    assert.match(stderr, used);
    assert.match((await s.gw.cliRaw(['user', 'list'])).stderr, used);
    assert.doesNotMatch((await add('without')).stderr, used, 'a refusal says what it refuses');
});
