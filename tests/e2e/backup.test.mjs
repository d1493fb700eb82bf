// backup: a copy of the database while the server works on it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { J1, reply, S1 } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { failDisk, noFailDisk } from './lib/fail_disk.mjs';
import { Gateway, scene } from './lib/gateway.mjs';
import { openStream } from './lib/open_stream.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eventually } from './lib/wait.mjs';

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

const leftovers = () => fs.readdirSync(gw.dir).filter((name) => name.includes('.check'));

/** Changes a database that nobody has open. */
function change(database, sql) {
    const program = 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2])';
    execFileSync('python3', ['-c', program, database, sql]);
}

test('check-1 of a running server: a copy is looked at, and nothing is left of it', async () => {
    const check = await gw.cli(['db', 'check']);
    assert.deepEqual(check, { ok: true, errors: [], accounts: 4, ledger_rows: 6, open_rows: 0 });
    assert.deepEqual(leftovers(), []);
});

test('check-1 of a server that was killed meanwhile nothing is left either', async (t) => {
    const killed = await scene(t, { name: 'check-killed' });
    const mine = ['gateway.db.check-7', 'gateway.db.check-before.part', 'gateway.db-checked', 'other.db.check-7.part'];
    for (const name of ['gateway.db.check-7.part', ...mine]) {
        fs.writeFileSync(path.join(killed.gw.dir, name), 'x');
    }
    killed.gw.signal('SIGKILL');
    await killed.gw.exit();
    await killed.gw.restart();
    const left = fs.readdirSync(killed.gw.dir).filter((name) => name.includes('check'));
    assert.deepEqual(left.sort(), mine.sort());
});

test('check-1 several at once: one is made, the others are told', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => gw.cliRaw(['db', 'check', '--json'])));
    for (const { code, stdout, stderr } of all) {
        if (code === 0) assert.equal(JSON.parse(stdout).ok, true);
        else assert.match(`${code} ${stderr}`, /^5 gateway: another check is being made/);
    }
    assert.ok(all.some(({ code }) => code === 0));
    assert.deepEqual(leftovers(), []);
});

test('check-1 an open row of a request that is alive is no mistake', async () => {
    const { client, gate } = await openStream(s);
    await eventually(async () => (await gw.cli(['usage', 'tail'])).some((row) => row.end === 'open'), 'an open row');
    const check = await gw.cli(['db', 'check']);
    assert.deepEqual([check.ok, check.open_rows], [true, 1]);
    gate.open();
    bodyIs(await client.response(), S1);
    client.close();
});

test('check-2 of a backup: what is wrong in it is told, and ends with 1', async () => {
    const backup = path.join(gw.dir, 'odd ?#%name.db');
    await gw.cli(['db', 'backup', backup]);
    assert.equal((await gw.cli(['db', 'check', backup])).ok, true);
    change(backup, 'UPDATE accounts SET spent = spent + 1 WHERE kind = 0');
    const bytes = fs.readFileSync(backup);
    const wrong = await gw.cliRaw(['db', 'check', backup, '--json']);
    assert.equal(wrong.code, 1, wrong.stderr);
    const { ok, errors } = JSON.parse(wrong.stdout);
    assert.equal(ok, false);
    assert.match(errors.join('\n'), /^account \d+ has spent \d+ nUSD, the ledger says \d+$/);
    assert.deepEqual(fs.readFileSync(backup), bytes, 'it is only read');
});

test('check-2 what cannot be looked at is told', async () => {
    const other = path.join(gw.dir, 'other.db');
    const refused = async (file, message) => {
        const said = await gw.cliRaw(['db', 'check', file]);
        assert.equal(said.code, 1, said.stderr);
        assert.match(said.stderr, message);
    };
    await refused(path.join(gw.dir, 'nowhere.db'), /cannot open .*nowhere\.db: No such file/);
    const link = path.join(gw.dir, 'link.db');
    fs.symlinkSync('gateway.db', link);
    await refused(link, /link\.db is in use or was not closed: .*gateway\.db-wal has a part of it/);
    await refused(gw.dir, /backup-[^ ]* is not a file/);
    await refused(path.join(gw.dir, 'gateway.db'), /is in use or was not closed: .*gateway\.db-wal has a part of it/);
    fs.writeFileSync(other, 'no database at all, though long enough for a head of one '.repeat(99));
    await refused(other, /cannot (open|read) .*other\.db: file is not a database/);
    fs.rmSync(other);
    change(other, 'CREATE TABLE t (a)');
    await refused(other, /other\.db is a database of another program/);
    change(file, 'PRAGMA user_version = 1');
    await refused(file, /copy\.db has schema 1, this program's is \d+/);
});

test('backup-2 a copy that would fill the disk is not begun', { skip: noFailDisk }, async (t) => {
    const disk = failDisk();
    const small = await scene(t, { name: 'backup-small', env: disk.env });
    disk.fail('room 64');
    const copy = path.join(small.gw.dir, 'copy.db');
    const full = await small.gw.cliRaw(['db', 'backup', copy]);
    assert.notEqual(full.code, 0);
    assert.match(full.stderr, /needs 64 MiB of room, of which 64 are to stay free; the disk has 64/);
    assert.ok(!fs.existsSync(`${copy}.part`));
    disk.fail('room 66');
    await small.gw.cli(['db', 'backup', copy]);
});

test('backup-2 a copy whose disk is slow delays nobody, and one that its disk refuses is none', { skip: noFailDisk }, async (t) => {
    const disk = failDisk();
    const slow = await scene(t, { name: 'backup-slow', env: disk.env });
    const copy = path.join(slow.gw.dir, 'copy.db');
    disk.fail('part 1500');
    let is_over = false;
    const made = slow.gw.cli(['db', 'backup', copy]).finally(() => (is_over = true));
    await eventually(() => fs.existsSync(`${copy}.part`), 'it has begun');
    slow.M1.always(reply(J1));
    for (let i = 0; i < 10; i++) bodyIs(await call(slow.gw, { body: chat() }), J1);
    assert.equal(is_over, false, 'the calls were answered meanwhile');
    assert.equal((await made).file, copy);
    disk.fail('sync');
    const refused = await slow.gw.cliRaw(['db', 'backup', `${copy}.2`]);
    assert.match(refused.stderr, /cannot write .*copy\.db\.2\.part: Input\/output error/);
    assert.equal(refused.code, 1);
    disk.fail('');
    assert.ok(!fs.existsSync(`${copy}.2`) && !fs.existsSync(`${copy}.2.part`));
});

test('check-3 who only looks makes no database', async () => {
    const empty = await Gateway.start({ name: 'check-empty', config: s.config });
    await empty.stop();
    for (const name of fs.readdirSync(empty.dir)) {
        if (name.startsWith('gateway.db')) fs.rmSync(path.join(empty.dir, name));
    }
    for (const command of [['db', 'check'], ['user', 'list'], ['usage', 'summary'], ['db', 'backup', 'x.db']]) {
        const said = await empty.cliRaw(command);
        assert.equal(said.code, 1, said.stderr);
        assert.match(said.stderr, /there is no database .*gateway\.db$/m);
    }
    assert.ok(!fs.existsSync(path.join(empty.dir, 'gateway.db')));
    await empty.cli(['user', 'add', 'first']);
    assert.ok(fs.existsSync(path.join(empty.dir, 'gateway.db')));
});
