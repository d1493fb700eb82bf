// backup: a copy of the database while the server works on it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { J1, reply } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { Gateway, scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';

const s = await scene({ after, name: 'backup' });
const { gw, M1 } = s;
const file = path.join(gw.dir, 'copy.db');

test('backup-1 the copy of a running server starts as a database with every charge', async () => {
    M1.always(reply(J1));
    for (let i = 0; i < 5; i++) bodyIs(await call(gw, { body: chat() }), J1);
    const made = await gw.cli(['db', 'backup', file]);
    const { size, mode } = fs.statSync(file);
    assert.deepEqual(made, { file, bytes: size });
    assert.equal(mode & 0o777, 0o600);
    assert.ok(!fs.existsSync(`${file}.part`));
    const copy = await Gateway.start({ name: 'backup-copy', config: { ...s.config, database: { path: file } }, fixture: [] });
    try {
        assert.deepEqual(await copy.cli(['user', 'show', 'u1']), await gw.cli(['user', 'show', 'u1']));
        assert.equal((await copy.cli(['usage', 'tail'])).length, 5);
        await copy.settled();
    } finally {
        await copy.stop();
    }
});

test('backup-1 a file that is there is not replaced, and a bad place is told', async () => {
    fs.writeFileSync(`${file}.mine`, 'mine');
    const there = await gw.cliRaw(['db', 'backup', `${file}.mine`]);
    assert.equal(there.code, 5, there.stderr);
    assert.match(there.stderr, /exists already; nothing was written/);
    assert.equal(fs.readFileSync(`${file}.mine`, 'utf8'), 'mine');
    const nowhere = await gw.cliRaw(['db', 'backup', '/nowhere/at/all.db']);
    assert.equal(nowhere.code, 2, nowhere.stderr);
    assert.match(nowhere.stderr, /cannot create \/nowhere\/at\/all\.db\.part: No such file/);
});

test('backup-1 without a server, to a path from the current folder', async () => {
    const alone = await Gateway.start({ name: 'backup-alone', config: s.config });
    await alone.stop();
    const relative = path.relative(process.cwd(), path.join(alone.dir, 'copy.db'));
    const made = await alone.cliRaw(['db', 'backup', relative]);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stderr, /the database is copied to \/.*\/copy\.db, \d+ bytes/);
    assert.ok(fs.existsSync(path.join(alone.dir, 'copy.db')));
});
