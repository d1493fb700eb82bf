// set: what the operator changes of a user or key by command is in force for the next request.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, reply } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';

const { gw, M1, reset } = await scene({ after, name: 'operator-set' }, { fixture: ['K1'] });
const secret = 'sk-set-0000000000';
await gw.cli(['group', 'add', 'narrow', '--models', 'nothing']);
await gw.cli(['user', 'add', 'sue', '--credit', '1']);
const { id } = await gw.cli(['key', 'create', 'sue', '--secret-stdin'], { input: `${secret}\n` });
const ask = () => call(gw, { key: secret, body: chat() });

async function served() {
    reset();
    M1.once(reply(J1));
    bodyIs(await ask(), J1);
}

test('set-1 a user moves to another group, and its key with it', async () => {
    await served();
    await gw.cli(['user', 'set', 'sue', '--group', 'narrow']);
    errorIs(await ask(), 403, 'insufficient_quota', 'model_not_permitted');
    await gw.cli(['key', 'set', id, '--group', 'default']);
    await served();
    await gw.cli(['key', 'set', id, '--group', 'none']);
    errorIs(await ask(), 403, 'insufficient_quota', 'model_not_permitted');
    await gw.cli(['user', 'set', 'sue', '--group', 'default', '--ratio', '0.5']);
    await served();
});

test('set-2 a key gets a limit and loses it', async () => {
    const set = await gw.cli(['key', 'set', id, '--limit', '0', '--expires', '30d', '--models', 'gpt-*']);
    assert.equal(set.limit, '0');
    assert.deepEqual(set.models, ['gpt-*']);
    errorIs(await ask(), 403, 'insufficient_quota', 'token_quota_exhausted');
    const back = await gw.cli(['key', 'set', id, '--limit', 'none', '--expires', 'never', '--models', '']);
    assert.deepEqual([back.limit, back.expires, back.models], [null, null, []]);
    await served();
});

test('set-3 the list tells a revoked key from a disabled one', async () => {
    const state = async () => (await gw.cli(['key', 'list', '--user', 'sue'])).map((key) => key.state);
    assert.deepEqual(await state(), ['enabled']);
    await gw.cli(['key', 'disable', id]);
    assert.deepEqual(await state(), ['disabled']);
    await gw.cli(['key', 'revoke', id, '--yes']);
    assert.deepEqual(await state(), ['revoked']);
    assert.match((await gw.cliRaw(['key', 'list', '--user', 'sue'])).stdout, /\trevoked\t/);
});

test('set-4 a name with a blank is refused in words', async () => {
    const done = await gw.cliRaw(['user', 'add', 'two words']);
    assert.notEqual(done.code, 0);
    assert.match(done.stderr, /without blanks, control and invisible characters/);
});
