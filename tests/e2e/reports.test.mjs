// report: what was used, added up and written out; the sums are the ledger's to the nano-dollar.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, test } from 'node:test';
import { J1, reply, withUsage } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { binary } from './lib/place.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { callers, onDemand, taskOf, videoModels, VideoProvider } from './lib/videos.mjs';
import { eventually } from './lib/wait.mjs';

const odd = { endpoints: 'chat', offer: 'P1/up-odd', price: ['in_text 0.001237 per 1M tokens', 'out_text 0.5 per 1M tokens'] };
const s = await scene(
    { after, name: 'reports' },
    { fixture: ['K1', 'K1b', 'K2'], video: onDemand, models: { ...videoModels, odd } },
);
const { gw, M1, reset } = s;
const nusd = (usd) => BigInt(usd.replace('.', ''));
const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0n);
const today = new Date().toISOString().slice(0, 10);
let failed;

test('report-1 requests of all kinds are made', async () => {
    const usage = '{"prompt_tokens":77,"completion_tokens":13,"total_tokens":90}';
    M1.always(reply(withUsage(usage)));
    const keys = ['sk-t1-0000000000', 'sk-t1b-0000000000'];
    for (let i = 0; i < 12; i++) {
        const body = chat({ model: i % 3 ? 'odd' : 'gpt-4o-mini' });
        bodyIs(await call(gw, { key: keys[i % 2], body }), withUsage(usage));
    }
    bodyIs(await call(gw, { key: 'sk-t2-0000000000', body: chat() }), withUsage(usage));
    reset();
    assert.equal((await call(gw, { body: chat({ model: 'nothing' }) })).status, 404);
    new VideoProvider(M1);
    const made = taskOf(await callers(gw).create());
    await gw.cli(['task', 'cancel', made.id, '--yes']);
    failed = await gw.cli(['task', 'show', made.id]);
    assert.notEqual(nusd(failed.given_back), 0n);
});

test('report-2 the summary is the ledger, by whatever it is asked', async () => {
    const users = await gw.cli(['user', 'list']);
    const spent = sum(users, (user) => nusd(user.spent));
    const rows = await gw.cli(['usage', 'tail', '--limit', '200']);
    for (const by of ['day', 'user', 'key', 'group', 'model', 'provider', 'user,model', 'day,key,provider']) {
        const sums = await gw.cli(['usage', 'summary', '--by', by]);
        assert.equal(sum(sums, (row) => nusd(row.spent)), spent, by);
        assert.equal(sum(sums, (row) => BigInt(row.requests)), BigInt(rows.length), by);
        assert.equal(sum(sums, (row) => nusd(row.given_back)), nusd(failed.given_back), by);
    }
    const byUser = await gw.cli(['usage', 'summary', '--by', 'user']);
    for (const user of users.filter((one) => nusd(one.spent) > 0n)) {
        assert.equal(byUser.find((row) => row.user === user.name).spent, user.spent);
    }
    const [mini] = await gw.cli(['usage', 'summary', '--by', 'model', '--user', 'u2']);
    assert.deepEqual([mini.model, mini.requests, mini.failed], ['gpt-4o-mini', 1, 0]);
    assert.deepEqual([mini.input_tokens, mini.output_tokens], [77, 13]);
    assert.deepEqual(Object.keys((await gw.cli(['usage', 'summary']))[0]), [
        'day', 'requests', 'failed', 'input_tokens', 'output_tokens', 'charged', 'given_back', 'spent',
    ]);
});

test('report-2 what comes later is in the next summary, once', async () => {
    const before = await gw.cli(['usage', 'summary', '--by', 'model']);
    M1.once(reply(J1));
    bodyIs(await call(gw, { body: chat({ model: 'odd' }) }), J1);
    await eventually(async () => {
        const now = await gw.cli(['usage', 'summary', '--by', 'model']);
        const of = (list) => list.find((row) => row.model === 'odd').requests;
        assert.ok(of(now) <= of(before) + 1);
        return of(now) === of(before) + 1;
    }, 'the new request');
});

test('report-3 days are UTC and both included; mistakes are told', async () => {
    const on = await gw.cli(['usage', 'summary', '--since', today, '--until', today]);
    assert.equal(on.length, 1);
    assert.equal(on[0].day, today);
    assert.deepEqual(await gw.cli(['usage', 'summary', '--until', '2026-01-01']), []);
    assert.deepEqual(await gw.cli(['usage', 'list', '--until', '2026-01-01']), []);
    assert.deepEqual(await gw.cli(['usage', 'list', '--since', '2160-01-01']), []);
    const wrong = {
        '--since 2026-02-30': /want a day \(UTC\), such as 2026-11-27/,
        '--since yesterday': /want a day/,
        '--since 2026-11-28 --until 2026-11-27': /"since" 2026-11-28 is after "until" 2026-11-27/,
        '--by hour': /"hour" is none of day, user, key, group, model, provider/,
        '--user zed': /no user "zed"/,
    };
    for (const [words, pattern] of Object.entries(wrong)) {
        const done = await gw.cliRaw(['usage', 'summary', ...words.split(' ')]);
        assert.match(done.stderr, pattern);
        assert.notEqual(done.code, 0);
    }
    for (const verb of ['summary', 'list', 'export']) {
        const done = await gw.cliRaw(['usage', verb, '--since', '2026-11-28', '--until', '2026-11-27']);
        assert.equal(done.code, 2, done.stderr);
    }
});

test('report-4 pages of the list meet, and the export has every row once', async () => {
    const rows = await gw.cli(['usage', 'tail', '--limit', '200']);
    const pages = [];
    for (let after = []; ; ) {
        const page = await gw.cli(['usage', 'list', '--limit', '4', ...after]);
        pages.push(...page);
        if (page.length < 4) break;
        after = ['--after', page.at(-1).request_id];
    }
    assert.deepEqual(pages, rows);
    const done = await gw.cliRaw(['usage', 'export', '--json']);
    assert.equal(done.code, 0, done.stderr);
    const lines = done.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines, [...rows].reverse());
});

test('report-4 CSV has names, quotes what needs it, and adds up', async () => {
    const done = await gw.cliRaw(['usage', 'export', '--since', today]);
    assert.equal(done.code, 0, done.stderr);
    const [names, ...lines] = done.stdout.trimEnd().split('\n');
    const columns = names.split(',');
    assert.equal(columns[0], 'request_id');
    const charge = columns.indexOf('charge');
    const back = columns.indexOf('given_back');
    const cells = lines.map((line) => line.split(','));
    for (const row of cells) assert.equal(row.length, columns.length, row);
    const users = await gw.cli(['user', 'list']);
    assert.equal(
        sum(cells, (row) => nusd(row[charge]) - nusd(row[back])),
        sum(users, (user) => nusd(user.spent)),
    );
    assert.ok(cells.some((row) => row[columns.indexOf('counters')] === 'in_text=77 out_text=13'));
    const csv = await gw.cliRaw(['usage', 'summary', '--by', 'user', '--csv']);
    assert.match(csv.stdout, /^day,user,key_id,key,.*spent\n,u1,,/);
    const keys = await gw.cli(['key', 'list']);
    for (const row of await gw.cli(['usage', 'summary', '--by', 'key'])) {
        const { name, hint } = keys.find(({ id }) => id === row.key_id);
        assert.equal(row.key, name ?? hint);
    }
});

/** `gateway usage export` into a pipe that nobody reads to its end. */
function cutOff(...args) {
    return new Promise((resolve, reject) => {
        const child = spawn(binary, ['usage', 'export', ...args, '-c', gw.file], { env: gw.env });
        let stderr = '';
        child.stdout.destroy();
        child.stderr.on('data', (bytes) => (stderr += bytes));
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ code, signal, stderr }));
    });
}

test('report-4 an export that nobody reads to its end ends as any program, and a refused one is empty', async () => {
    const unread = { code: null, signal: 'SIGPIPE', stderr: '' };
    assert.deepEqual(await cutOff(), unread);
    assert.deepEqual(await cutOff('--json'), unread);
    const refused = await gw.cliRaw(['usage', 'export', '--user', 'nobody']);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /no user "nobody"/);
    assert.equal(refused.stdout, '');
    const none = await gw.cliRaw(['usage', 'export', '--until', '2026-01-01']);
    assert.match(none.stdout, /^request_id,[^\n]*\n$/);
});
