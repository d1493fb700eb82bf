// told: what a command says of what it has changed, and what it does not do in silence.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { scene } from './lib/gateway.mjs';

const { gw } = await scene({ after, name: 'told' }, { fixture: ['K1'] });

/** The first line that a change tells. */
async function told(...args) {
    const done = await gw.cliRaw(args);
    assert.equal(done.code, 0, done.stderr);
    return done.stderr.split('\n')[0];
}

async function refused(args, code, pattern) {
    const done = await gw.cliRaw(args);
    assert.equal(done.code, code, done.stderr);
    assert.match(done.stderr, pattern);
    assert.equal(done.stdout, '');
    return done.stderr;
}

test('told-1 a change tells all that it may have changed', async () => {
    const state = 'models *, endpoints chat, ratio 1, quota none, user quota 1/day';
    assert.equal(
        await told('group', 'add', 'g', '--models', '*', '--endpoints', 'chat', '--user-quota', '1/day'),
        `group g added: ${state}, enabled yes`,
    );
    assert.equal(await told('group', 'set', 'g', '--enabled', 'off'), `group g changed: ${state}, enabled no`);
    assert.match(await told('group', 'set', 'g', '--quota', '20/month'), /, quota 20\/month, user quota 1\/day, /);
    assert.equal(
        await told('limit', 'set', 'group', 'g', 'requests', '60/min', '--burst', '5', '--model', 'gpt-4o'),
        'group g: requests 60/min, burst 5, model gpt-4o',
    );
    assert.equal(await told('limit', 'set', 'group', 'g', 'concurrent', '3'), 'group g: concurrent 3');
    const [{ id, hint }] = await gw.cli(['key', 'list']);
    assert.equal(
        await told('key', 'set', id, '--name', 'n', '--networks', '::1', '--limit', 'none'),
        `key ${id} (${hint}) changed: name n, group default, limit none, expiry none, models any, networks ::1`,
    );
});

test('told-2 a change that names nothing is refused', async () => {
    const [{ id }] = await gw.cli(['key', 'list']);
    await refused(['user', 'set', 'u1'], 2, /^gateway: nothing to change: give a group or a ratio$/m);
    await refused(['key', 'set', id], 2, /^gateway: nothing to change: give a name, /m);
    await refused(['group', 'set', 'default'], 2, /^gateway: nothing to change: give models, /m);
    await refused(['user', 'set', 'nobody'], 3, /no user "nobody"/);
});

test('told-3 the next command can be pasted into a shell', async () => {
    const done = await gw.cliRaw(['user', 'add', "o'neil;$HOME"]);
    const [said, next] = done.stderr.trimEnd().split('\n');
    assert.match(said, /^user o'neil;\$HOME added: /);
    const words = /^next: (.*)$/.exec(next)[1];
    const key = execFileSync('sh', ['-c', words], { env: gw.env, encoding: 'utf8', stdio: 'pipe' });
    assert.match(key, /^sk-/);
    assert.equal((await gw.cli(['key', 'list', '--user', "o'neil;$HOME"])).length, 1);
});

test('told-4 a secret in place of a key is refused and not repeated', async () => {
    for (const command of [
        'explain KEY gpt-4o-mini',
        'key show KEY',
        'key set KEY --name n',
        'key revoke KEY --yes',
        'limit set key KEY requests 1/min',
    ]) {
        const args = command.split(' ').map((word) => (word === 'KEY' ? 'sk-t1-0000000000' : word));
        const said = await refused(args, 3, /that looks like a key's secret: give its id or hint \(gateway key list\)/);
        assert.doesNotMatch(said, /sk-/);
    }
});
