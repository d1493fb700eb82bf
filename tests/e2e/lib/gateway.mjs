// Runs the real binary on a configuration of its own, speaks to it as its operator, and ends it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after } from 'node:test';
import { fixtureOf } from './fixture.mjs';
import { binary, isSanitized, root, scratch } from './place.mjs';
import { noteLog } from './seen.mjs';
import { Upstream } from './upstream.mjs';
import { Changes, deadlineMs, eventually } from './wait.mjs';

/** What no log may hold. */
const alarms = [
    /AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer/,
    /runtime error:/,
    /check failed/i,
];

// All of the file's tests have ended by now; an idle socket of a client library must not keep its
// process waiting.
after(() => {
    setTimeout(() => process.exit(), 3000).unref();
});
// At an end by itself Node 20 closes its handles first, and now and then turns for ever in that
// (node::Environment::CleanupHandles); process.exit leaves it out.
process.on('exit', (code) => process.exit(code));

/** What `serve` prints, and the end of what `quickstart` does. */
const begun = /^ready http:\/\/([^:\s]+):(\d+)|^ {2}curl -N http:\/\/([^:\s]+):(\d+)[^]*^Add a real/m;

let made = 0;

function section(head, values) {
    const lines = [`[${head}]`];
    for (const [name, value] of Object.entries(values)) {
        for (const one of Array.isArray(value) ? value : [value]) {
            if (one !== undefined) lines.push(`${name} = ${one}`);
        }
    }
    return `${lines.join('\n')}\n\n`;
}

/** The text of a gateway.conf. */
export function configText({ server = {}, database = {}, video, providers = {}, models = {} }) {
    let text = section('server', { listen: '127.0.0.1:0', workers: 2, log_level: 'info', ...server });
    text += section('database', { path: 'gateway.db', durability: 'process', ...database });
    text += section('admin', { socket: 'admin.sock' });
    if (video) text += section('video', video);
    for (const [name, values] of Object.entries(providers)) {
        text += section(`provider "${name}"`, { allow_private: 'on', ...values });
    }
    for (const [name, values] of Object.entries(models)) text += section(`model "${name}"`, values);
    return text;
}

export class Gateway {
    log = []; // lines of stderr
    changes = new Changes();
    exited = null; // { code, signal }

    /**
     * options: name, config (see configText), env, wrap (a command line before the binary, with
     * '{}' for it), fixture (names of keys to make).
     */
    static async start(options) {
        const gateway = new Gateway(options);
        gateway.configure(options.config);
        await gateway.#launch(['serve', '-c', gateway.file]);
        await fixtureOf(gateway, options.fixture ?? ['K1']);
        return gateway;
    }

    /** `gateway quickstart` in a folder of its own; `key` is the one that it showed. */
    static async quickstart(options) {
        const gateway = new Gateway(options);
        await gateway.#launch(['quickstart', '--dir', gateway.dir, '--listen', '127.0.0.1:0']);
        gateway.key = /^ {2}API key +(sk-\S+)/m.exec(gateway.stdout)[1];
        return gateway;
    }

    constructor(options) {
        this.options = options;
        const name = `${options.name}-${process.pid.toString(36)}${(made++).toString(36)}`;
        this.dir = path.join(scratch, name);
        fs.rmSync(this.dir, { recursive: true, force: true });
        fs.mkdirSync(this.dir, { recursive: true, mode: 0o700 });
        this.file = path.join(this.dir, 'gateway.conf');
    }

    configure(config) {
        fs.writeFileSync(this.file, configText(config));
    }

    /** Starts the binary again on its folder, after its end; gives the milliseconds until it was ready. */
    async restart() {
        assert.ok(this.exited, 'it has ended');
        this.exited = null;
        const began = Date.now();
        await this.#launch(['serve', '-c', this.file]);
        return Date.now() - began;
    }

    get url() {
        return `http://${this.host}:${this.port}`;
    }

    get env() {
        return {
            ...process.env,
            P1_KEY: 'sk-provider-one',
            P2_KEY: 'sk-provider-two',
            ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0',
            ...this.options.env,
        };
    }

    async #launch(words) {
        const [command, ...args] = [...(this.options.wrap ?? []), binary, ...words];
        this.child = spawn(command, args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
        this.child.on('error', (error) => {
            this.exited = { code: null, signal: null, error };
            this.changes.changed();
        });
        this.child.on('exit', (code, signal) => {
            this.exited = { code, signal };
            this.changes.changed();
        });
        this.#readLog();
        this.stdout = '';
        this.child.stdout.on('data', (bytes) => {
            this.stdout += bytes;
            this.changes.changed();
        });
        const ready = await this.changes.until(
            () => begun.exec(this.stdout) ?? this.exited,
            'the ready line',
        );
        if (this.exited) {
            throw new Error(`gateway did not start (${JSON.stringify(this.exited)}):\n${this.tail()}`);
        }
        this.host = ready[1] ?? ready[3];
        this.port = Number(ready[2] ?? ready[4]);
    }

    #readLog() {
        const out = fs.createWriteStream(path.join(this.dir, 'stderr.log'), { flags: 'a' });
        let rest = '';
        this.logClosed = new Promise((resolve) => this.child.stderr.on('close', resolve));
        this.child.stderr.on('data', (bytes) => {
            out.write(bytes);
            const lines = (rest + bytes).split('\n');
            rest = lines.pop();
            for (const line of lines) {
                this.log.push(line);
                noteLog(line);
            }
            this.changes.changed();
        });
        this.child.stderr.on('close', () => out.end());
    }

    tail(n = 30) {
        return this.log.slice(-n).join('\n');
    }

    /** Waits for a line of the log. */
    logged(pattern, what = String(pattern)) {
        return this.changes.until(() => this.log.find((line) => pattern.test(line)), `log: ${what}`);
    }

    /** `gateway ARGS --json`, parsed; throws when it fails.  `input` goes to its standard input. */
    async cli(args, { input } = {}) {
        const done = await this.cliRaw([...args, '--json'], { input });
        if (done.code !== 0) {
            throw new Error(`gateway ${args.join(' ')}: exit ${done.code}: ${done.stderr}`);
        }
        return JSON.parse(done.stdout);
    }

    cliRaw(args, { input } = {}) {
        return new Promise((resolve, reject) => {
            const child = spawn(binary, [...args, '-c', this.file], { env: this.env });
            const done = { stdout: '', stderr: '' };
            child.stdout.on('data', (bytes) => (done.stdout += bytes));
            child.stderr.on('data', (bytes) => (done.stderr += bytes));
            child.on('error', reject);
            child.on('close', (code) => resolve({ code, ...done }));
            child.stdin.on('error', () => {});
            child.stdin.end(input ?? '');
        });
    }

    /** An operation of the admin API over its socket: for arguments the command line does not have. */
    admin(noun, verb, args) {
        const request = {
            socketPath: path.join(this.dir, 'admin.sock'),
            method: 'POST',
            path: `/admin/${noun}/${verb}`,
            headers: { 'Content-Type': 'application/json' },
        };
        return new Promise((resolve, reject) => {
            const call = http.request(request, async (response) => {
                let text = '';
                for await (const bytes of response) text += bytes;
                if (response.statusCode === 200) resolve(JSON.parse(text));
                else reject(new Error(`admin ${noun} ${verb}: ${response.statusCode} ${text}`));
            });
            call.on('error', reject);
            call.end(JSON.stringify(args));
        });
    }

    /** The closed row of a request in the books: waits until it is there. */
    usage(requestId) {
        return eventually(async () => {
            const rows = await this.cli(['usage', 'tail', '--limit', '200']);
            return rows.find((row) => row.request_id === requestId && row.end !== 'open');
        }, `a usage row of ${requestId}`);
    }

    /** What a user has spent, in units of the fixture (a millionth of a USD). */
    async spent(user = 'u1') {
        return unitsOf((await this.cli(['user', 'show', user])).spent);
    }

    /** Nothing is held any more, and the books agree with themselves. */
    async settled() {
        await eventually(async () => {
            const users = await this.cli(['user', 'list']);
            return users.every((user) => Number(user.held) === 0);
        }, 'no hold left');
        const check = await this.cli(['db', 'check']);
        assert.equal(check.ok, true, `db check: ${JSON.stringify(check)}`);
        const rows = await this.cli(['usage', 'tail', '--limit', '1000']);
        for (const row of rows) billAddsUp(row);
        const sums = await this.cli(['usage', 'summary', '--by', 'user']);
        for (const user of await this.cli(['user', 'list'])) {
            const spent = sums.find((row) => row.user === user.name)?.spent ?? '0.000000000';
            assert.equal(spent, user.spent, `the summary of ${user.name}`);
        }
        const again = await this.cli(['db', 'check']);
        assert.equal(again.ok, true, `db check with its sums: ${JSON.stringify(again)}`);
    }

    /** The row of the books of an answer. */
    row(response) {
        return this.usage(response.header('x-request-id'));
    }

    get rssBytes() {
        return this.#memory('VmRSS');
    }

    /** The most it has been since the last forgetPeak. */
    get peakRssBytes() {
        return this.#memory('VmHWM');
    }

    forgetPeak() {
        fs.writeFileSync(`/proc/${this.child.pid}/clear_refs`, '5');
    }

    #memory(name) {
        // A sanitizer's allocator keeps what is freed: its builds give no figures of memory.
        if (isSanitized) return 0;
        const status = fs.readFileSync(`/proc/${this.child.pid}/status`, 'latin1');
        return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1]) * 1024;
    }

    /** How long its threads were ready to run while others had the processor, in milliseconds. */
    get takenMs() {
        const tasks = `/proc/${this.child.pid}/task`;
        const waited = (id) => Number(fs.readFileSync(`${tasks}/${id}/schedstat`, 'latin1').split(' ')[1]);
        return fs.readdirSync(tasks).reduce((sum, id) => sum + waited(id), 0) / 1e6;
    }

    /** The longest turn of any loop in the last minute, in milliseconds. */
    async lagMs() {
        const { loops } = await this.cli(['status']);
        return Math.max(...loops.map((loop) => loop.lag_max_ms));
    }

    signal(name) {
        this.child.kill(name);
    }

    async exit(ms = deadlineMs) {
        const exited = await this.changes.until(() => this.exited, 'exit of the gateway', ms);
        await this.logClosed;
        return exited;
    }

    /** SIGTERM, exit code 0, and a log without an alarm. */
    async stop() {
        if (!this.exited) {
            this.signal('SIGTERM');
            try {
                await this.exit(30000);
            } catch (error) {
                this.signal('SIGABRT');
                await this.exit();
                throw new Error(`${error.message}\n${this.tail()}`);
            }
        }
        await this.logClosed;
        const alarm = this.log.find((line) => alarms.some((pattern) => pattern.test(line)));
        if (alarm) throw new Error(`${this.dir}/stderr.log: ${alarm}`);
        assert.deepEqual(this.exited, { code: 0, signal: null }, `exit of the gateway\n${this.tail()}`);
    }
}

/** Decimal digits without the dot: an integer of the last digit's unit. */
const digitsOf = (decimal) => BigInt(decimal.replace('.', ''));

/** "0.8" as millionths. */
function ppmOf(ratio) {
    const [whole, part = ''] = ratio.split('.');
    return digitsOf(whole + part.padEnd(6, '0'));
}

/** The charge of a usage row is what its own bill comes to, unless a flag says why not. */
export function billAddsUp(row) {
    if (row.flags.includes('absurd_usage') || row.flags.includes('unpriced')) return;
    const pusd = row.bill.reduce((sum, line) => sum + digitsOf(line.cost), 0n);
    const scaled = pusd * ppmOf(row.ratio) * ppmOf(row.user_ratio);
    const unit = 10n ** 15n;
    const nusd = (scaled + unit - 1n) / unit;
    assert.equal(digitsOf(row.charge), nusd, `the bill of ${JSON.stringify(row)}`);
}

/** Decimal USD as units of the fixture: 1 unit = 1 token = 0.000001 USD. */
export function unitsOf(usd) {
    const match = /^(-?)(\d+)\.(\d{9})$/.exec(usd);
    assert.ok(match, `money is a decimal string with 9 digits: ${usd}`);
    const nano = BigInt(match[1] + match[2] + match[3]);
    return Number(nano) / 1000;
}

const perToken = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];

/** The models of the contract's fixture, as far as this release serves their endpoints. */
export function fixtureModels({ providers = ['P1', 'P2'] } = {}) {
    const names = { P1: 'up-mini', P2: 'mini-b' };
    const offers = (name) =>
        providers.map((p, i) => `${p}/${name ?? names[p] ?? `mini-${i}`} priority=${i + 1}`);
    return {
        'gpt-4o-mini': { endpoints: 'chat', offer: offers(), price: perToken },
        'gpt-4o': { endpoints: 'chat', offer: offers('up-4o'), price: perToken },
        'org/slash-model': { endpoints: 'chat', offer: offers('up-slash'), price: perToken },
        'gpt-image-1': {
            endpoints: 'images',
            offer: offers('up-image'),
            price: 'images 0.0001 per image',
        },
        'text-embedding-3-small': {
            endpoints: 'embeddings',
            offer: offers('up-embed'),
            price: 'in_text 1 per 1M tokens',
        },
        'tts-1': {
            endpoints: 'speech',
            offer: offers('up-tts'),
            price: 'characters 1 per 1M characters',
        },
    };
}

/**
 * A gateway between a test and two scripted providers M1 (P1, first) and M2 (P2).
 *
 * owner: whose `after` ends it.  options: name, server, database, video, provider (keys for both), P1, P2 (keys for
 * one), models (added), fixture, env, wrap.  `reset` makes both providers forget.
 */
export async function scene(owner, options = {}) {
    const M1 = await Upstream.start(null, 'M1');
    const M2 = await Upstream.start(null, 'M2');
    // Of failures in one test the next one must not learn, unless it is about that.
    const provider = { idle_timeout: '5s', whole_timeout: '8s', breaker: 'off', ...options.provider };
    const config = {
        server: { blocked_memory: 'off', ...options.server },
        database: options.database,
        video: options.video,
        providers: {
            P1: { base_url: M1.url, key: 'env:P1_KEY', ...provider, ...options.P1 },
            P2: { base_url: M2.url, key: 'env:P2_KEY', ...provider, ...options.P2 },
            ...options.providers,
        },
        models: { ...fixtureModels(), ...options.models },
    };
    const name = options.name ?? owner.name?.split(' ')[0] ?? 'scene';
    const gw = await Gateway.start({ ...options, name, config }).catch(async (error) => {
        await Promise.all([M1.stop(), M2.stop()]);
        throw error;
    });
    owner.after(async () => {
        const faults = [];
        const keep = (error) => faults.push(error);
        M1.drop();
        M2.drop();
        if (!gw.exited && !options.leave) await gw.settled().catch(keep);
        await gw.stop().catch(keep);
        await M1.stop().catch(keep);
        await M2.stop().catch(keep);
        if (faults.length > 0) throw faults[0];
    });
    const reset = () => {
        M1.reset();
        M2.reset();
    };
    return { gw, M1, M2, config, reset };
}

/** One subtest with a scene of its own. */
export function sub(t, name, options, run) {
    return t.test(name, async (st) => run(await scene(st, options), st));
}
