// How long the operator waits with a large ledger: ready, usage summary, a page of usage list, usage export.
// ROWS (10,000,000: about 7 GB under build/e2e, removed at the end), DAYS over which they are spread,
// EXPORT rows that are exported.  Fails when a figure is over its bound.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Gateway } from '../e2e/lib/gateway.mjs';
import { binary } from '../e2e/lib/place.mjs';
import { eventually } from '../e2e/lib/wait.mjs';

const folder = path.dirname(fileURLToPath(import.meta.url));
const rows = Number(process.env.ROWS || 10_000_000);
const days = Number(process.env.DAYS || 90);
const exported = Math.min(rows, Number(process.env.EXPORT || 1_000_000));
const users = 20;
const bounds = { ready: 2000, summary: 200, page: 200, growth: 8 * 2 ** 20 };
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

async function timed(run) {
    const began = performance.now();
    await run();
    return performance.now() - began;
}

/** The middle of nine, as the operator's command takes, its process and all. */
async function median(run) {
    const taken = [];
    for (let i = 0; i < 9; i++) taken.push(await timed(run));
    return taken.sort((a, b) => a - b)[4];
}

const faults = [];
function told(what, figure, bound, text = `${figure.toFixed(0)} ms`) {
    console.log(`ledger: ${what}: ${text}${figure > bound ? ' (TOO MUCH)' : ''}`);
    if (figure > bound) faults.push(what);
}

const config = { providers: { P1: { base_url: 'http://127.0.0.1:9/v1', key: 'env:P1_KEY' } } };
const gw = await Gateway.start({ name: 'ledger', config, fixture: [] });
const database = path.join(gw.dir, 'gateway.db');

async function fill() {
    for (let i = 0; i < users; i++) {
        await gw.cli(['user', 'add', `user${i}`, '--credit', '1000']);
        await gw.cli(['key', 'create', `user${i}`]);
    }
    await gw.stop();
    const words = [path.join(folder, 'fill_ledger.py'), database, String(rows), String(days)];
    const took = await timed(() => execFileSync('python3', words, { stdio: 'inherit' }));
    const size = (fs.statSync(database).size / 2 ** 30).toFixed(2);
    console.log(`ledger: ${rows} rows of ${users} users over ${days} days, ${size} GiB, made in ${seconds(took)}`);
}

async function measureReports() {
    const sums = await gw.cli(['usage', 'summary', '--by', 'user']);
    assert.equal(sums.reduce((sum, row) => sum + row.requests, 0), rows);
    for (const user of await gw.cli(['user', 'list'])) {
        assert.equal(sums.find((row) => row.user === user.name).spent, user.spent);
    }
    for (const by of ['day', 'user,model', 'day,model']) {
        told(`usage summary --by ${by}`, await median(() => gw.cli(['usage', 'summary', '--by', by])), bounds.summary);
    }
    const [, last] = await gw.cli(['usage', 'list', '--limit', '2', '--until', middleDay()]);
    const pages = { '--limit 50': [], [`--until ${middleDay()}`]: ['--until', middleDay()] };
    pages['--after (in the middle)'] = ['--after', last.request_id];
    pages['--user --after (in the middle)'] = ['--user', 'user7', '--after', last.request_id];
    for (const [what, more] of Object.entries(pages)) {
        told(`usage list ${what}`, await median(() => gw.cli(['usage', 'list', '--limit', '50', ...more])), bounds.page);
    }
}

function middleDay() {
    return new Date(Date.now() - (days / 2) * 86400000).toISOString().slice(0, 10);
}

/** Reads the export's lines and, at each tenth of them, how much memory both processes have. */
async function measureExport() {
    const args = ['usage', 'export', '-c', gw.file];
    const child = spawn(binary, args, { env: gw.env, stdio: ['ignore', 'pipe', 'inherit'] });
    const rss = () => /VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'latin1'))[1] * 1024;
    const seen = [];
    let lines = 0;
    const took = await timed(async () => {
        for await (const bytes of child.stdout) {
            for (const byte of bytes) if (byte === 10) lines++;
            if (lines <= exported && lines >= ((seen.length + 1) * exported) / 10) {
                seen.push({ cli: rss(), server: gw.rssBytes });
            }
            if (lines > exported) break;
        }
    });
    child.kill('SIGKILL');
    const mb = (bytes) => (bytes / 2 ** 20).toFixed(1);
    console.log(`ledger: usage export: ${exported} rows in ${seconds(took)}`);
    for (const who of ['cli', 'server']) {
        const growth = seen.at(-1)[who] - seen[0][who];
        const text = `${mb(seen[0][who])} MiB at the first tenth, ${mb(seen.at(-1)[who])} at the last`;
        told(`usage export, memory of the ${who}`, growth, bounds.growth, text);
    }
}

async function measure() {
    await fill();
    told('ready, nothing added up yet', await gw.restart(), bounds.ready);
    const adding = await timed(() =>
        eventually(async () => (await gw.cliRaw(['usage', 'summary'])).code === 0, 'a summary', 1800000),
    );
    console.log(`ledger: all rows are added up after ${seconds(adding)}`);
    await measureReports();
    await measureExport();
    await gw.stop();
    told('ready', await gw.restart(), bounds.ready);
    gw.signal('SIGKILL');
    await gw.exit();
    told('ready after kill -9', await gw.restart(), bounds.ready);
    await gw.stop();
}

try {
    await measure();
} finally {
    gw.child.kill('SIGKILL');
    fs.rmSync(gw.dir, { recursive: true, force: true });
}
if (faults.length > 0) process.exitCode = 1;
