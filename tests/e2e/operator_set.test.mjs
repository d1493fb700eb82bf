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

test('set-5 lists longer than a page of the admin API are whole', async () => {
    const names = Array.from({ length: 1100 }, (_, i) => `many${String(i).padStart(4, '0')}`);
    for (let i = 0; i < names.length; i += 50) {
        await Promise.all(names.slice(i, i + 50).map((name) => gw.admin('user', 'add', { name })));
    }
    await Promise.all(names.slice(0, 40).map(() => gw.admin('key', 'create', { user: 'many0000' })));
    for (let i = 0; i < names.length; i += 50) {
        await Promise.all(names.slice(i, i + 50).map((user) => gw.admin('key', 'create', { user })));
    }
    const users = (await gw.cli(['user', 'list'])).map(({ name }) => name);
    assert.deepEqual(users.filter((name) => name.startsWith('many')), names);
    const keys = await gw.cli(['key', 'list']);
    assert.equal(new Set(keys.map(({ id }) => id)).size, keys.length);
    assert.equal(keys.filter(({ user }) => user.startsWith('many')).length, names.length + 40);
    assert.equal((await gw.cli(['key', 'list', '--user', 'many0000'])).length, 41);
    const revoked = keys.map(({ state }) => state === 'revoked');
    assert.deepEqual(revoked, [...revoked].sort(), 'revoked ones stand last');
    assert.equal((await gw.admin('user', 'list', {})).length, 1000);
});
