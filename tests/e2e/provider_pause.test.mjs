// F: providers that the operator takes out of use for a while.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { event, data, J1, reply, S1, told } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { Barrier } from './lib/wait.mjs';

const body = chat();

test('F23 a paused provider gets no new request', async (t) => {
    const s = await scene(t);
    const isPaused = async (name) =>
        (await s.gw.cli(['status'])).providers.find((one) => one.name === name).paused;
    const open = new Barrier();
    s.M1.once(
        told(async ({ send, last }) => {
            await send(event(data.role));
            await open.passed();
            await send(S1.slice(event(data.role).length));
            await last();
        }),
    );
    const client = await RawClient.open(s.gw, { body: chatStream });
    await client.text(event(data.role));
    assert.deepEqual(await s.gw.cli(['provider', 'pause', 'P1']), { name: 'P1', paused: true });
    assert.deepEqual([await isPaused('P1'), await isPaused('P2')], [true, false]);
    s.M2.once(reply(J1));
    bodyIs(await call(s.gw, { body }), J1);
    await s.gw.cli(['reload']);
    s.M2.once(reply(J1));
    bodyIs(await call(s.gw, { body }), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [1, 2], 'also after a reload');
    open.open();
    bodyIs(await client.response(), S1);
    client.close();

    await s.gw.cli(['provider', 'pause', 'P2']);
    const refused = await call(s.gw, { body });
    errorIs(refused, 502, 'server_error', 'no_provider');
    assert.equal((await s.gw.row(refused)).attempts, 0);

    assert.deepEqual(await s.gw.cli(['provider', 'resume', 'P1']), { name: 'P1', paused: false });
    s.M1.once(reply(J1));
    bodyIs(await call(s.gw, { body }), J1);
    assert.deepEqual([s.M1.count, s.M2.count], [2, 2]);

    const unknown = await s.gw.cliRaw(['provider', 'pause', 'P9']);
    assert.equal(unknown.code, 3, unknown.stderr);
    assert.match(unknown.stderr, /no provider "P9"/);
});

test('F23 without a server there is nothing to pause', async (t) => {
    const s = await scene(t);
    await s.gw.stop();
    const done = await s.gw.cliRaw(['provider', 'pause', 'P1']);
    assert.equal(done.code, 6, done.stderr);
});
