// One set-up of a measurement: the upstream, nginx and the gateway before it, each in its own process,
// on ports and in a folder of their own.  stop() ends them and looks at the gateway's books.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { binary, root } from '../e2e/lib/place.mjs';
import { family } from './proc.mjs';

const tools = path.join(path.dirname(binary), 'bench');
export const scratch = path.join(root, 'build/bench-run');
const deadlineMs = Number(process.env.BENCH_DEADLINE_MS ?? 20000);

/** 250 tokens in, 200 out (answer.h) at the prices below. */
const chargeNusd = 250 * 150 + 200 * 600;

const env = { ...process.env, BENCH_PROVIDER_KEY: 'sk-provider' };

const running = new Set();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(name, () => {
        for (const child of running) child.kill('SIGKILL');
        process.exit(1);
    });
}
process.on('exit', () => {
    for (const child of running) child.kill('SIGTERM');
});

export function within(promise, what, ms = deadlineMs) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A child process whose standard output is read by lines. */
export class Process {
    #lines = [];
    #waiting = null;

    constructor(name, command, args, options = {}) {
        this.name = name;
        this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
        running.add(this.child);
        this.child.stdin?.on('error', () => {});
        this.ended = new Promise((resolve) => {
            this.child.on('error', (error) => resolve({ error }));
            this.child.on('close', (code, signal) => resolve({ code, signal }));
        });
        this.ended.then((how) => {
            running.delete(this.child);
            this.how = how;
            this.#wake();
        });
        let rest = '';
        this.child.stdout.on('data', (bytes) => {
            const lines = (rest + bytes).split('\n');
            rest = lines.pop();
            this.#lines.push(...lines);
            this.#wake();
        });
    }

    #wake() {
        this.#waiting?.();
    }

    get pid() {
        return this.child.pid;
    }

    async #next() {
        while (this.#lines.length === 0) {
            if (this.how) throw new Error(`${this.name} has ended: ${JSON.stringify(this.how)}`);
            await new Promise((resolve) => (this.#waiting = resolve));
        }
        return this.#lines.shift();
    }

    /** The next line of its output. */
    line(ms) {
        return within(this.#next(), `a line of ${this.name}`, ms);
    }

    tell(line) {
        this.child.stdin.write(`${line}\n`);
    }

    async end(signal = 'SIGTERM') {
        this.child.kill(signal);
        const how = await within(this.ended, `the end of ${this.name}`);
        if (how.code !== 0) throw new Error(`${this.name} ended: ${JSON.stringify(how)}`);
    }
}

/** A load on one of the two; the rest of its life is the caller's. */
export function load(...args) {
    return new Process('load', path.join(tools, 'load'), args.map(String));
}

function freePort() {
    return new Promise((resolve, reject) => {
        const server = net.createServer();
        server.on('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

function answers(port) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
        socket.on('connect', () => socket.destroy());
    });
}

const nginxText = (dir, port, upstream, buffering) => `
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid ${dir}/nginx.pid;
error_log ${dir}/nginx.log warn;
events { worker_connections 19000; }
http {
    access_log off;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    client_body_temp_path ${dir}/nginx-body;
    proxy_temp_path ${dir}/nginx-proxy;
    fastcgi_temp_path ${dir}/nginx-fastcgi;
    uwsgi_temp_path ${dir}/nginx-uwsgi;
    scgi_temp_path ${dir}/nginx-scgi;
    upstream fixture {
        server 127.0.0.1:${upstream};
        keepalive 256;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:${port} backlog=4096;
        location / {
            proxy_pass http://fixture;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering ${buffering};
            proxy_read_timeout 600s;
        }
    }
}
`;

const gatewayText = (upstream, more) => `
[server]
listen = 127.0.0.1:0
workers = 1

[database]
durability = power

[provider "fixture"]
base_url = http://127.0.0.1:${upstream}/v1
key = env:BENCH_PROVIDER_KEY
allow_private = on
max_connections = 20000
idle_timeout = 600s

[model "bench-1k"]
endpoints = chat
offer = fixture/bench-up
price = in_text 0.15 per 1M tokens
price = out_text 0.60 per 1M tokens
${more}`;

export class Stand {
    /** intervalUs: between the events of a stream; buffering: nginx's; wrap: a command line before the
     * gateway's; more: sections of its configuration. */
    static async start(name, { intervalUs = 1000000, buffering = 'on', wrap = [], more = '' } = {}) {
        const stand = new Stand();
        stand.dir = path.join(scratch, `${name}-${process.pid}`);
        fs.rmSync(stand.dir, { recursive: true, force: true });
        fs.mkdirSync(stand.dir, { recursive: true, mode: 0o700 });
        stand.fixture = new Process('fixture', path.join(tools, 'fixture'), [String(intervalUs)]);
        const upstream = Number((await stand.fixture.line()).split(' ')[1]);
        await stand.#startNginx(upstream, buffering);
        await stand.#startGateway(upstream, wrap, more);
        return stand;
    }

    async #startNginx(upstream, buffering) {
        const command = fs.existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
        const file = path.join(this.dir, 'nginx.conf');
        const port = await freePort();
        fs.writeFileSync(file, nginxText(this.dir, port, upstream, buffering));
        const args = ['-e', path.join(this.dir, 'nginx.log'), '-p', this.dir, '-c', file];
        const started = new Process('nginx', command, args);
        const end = Date.now() + deadlineMs;
        while (!(await answers(port)) || family(started.pid).length < 2) {
            if (started.how || Date.now() > end) throw new Error(`nginx does not answer: ${this.dir}`);
            await pause(20);
        }
        // It sends the key too, and does nothing with it.
        this.nginx = { name: 'nginx', process: started, port, pids: family(started.pid) };
    }

    async #startGateway(upstream, wrap, more) {
        this.file = path.join(this.dir, 'gateway.conf');
        fs.writeFileSync(this.file, gatewayText(upstream, more));
        const log = fs.openSync(path.join(this.dir, 'gateway.log'), 'w');
        const [command, ...args] = [...wrap, binary, 'serve', '-c', this.file];
        const started = new Process('gateway', command, args, {
            env,
            stdio: ['ignore', 'pipe', log],
        });
        fs.closeSync(log);
        const ready = /^ready http:\/\/[^:]+:(\d+)/.exec(await started.line());
        this.gateway = { name: 'gateway', process: started, port: Number(ready[1]), pids: [started.pid] };
        this.cli('group', 'add', 'bench', '--models', 'bench-*', '--quota', '1000000/day');
        this.cli('user', 'add', 'ann', '--group', 'bench', '--credit', '1000000');
        this.key = this.cli('key', 'create', 'ann', '--limit', '1000000/month').secret;
    }

    cli(...args) {
        const text = execFileSync(binary, [...args, '-c', this.file, '--json'], {
            encoding: 'utf8',
            timeout: deadlineMs,
            env,
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        return JSON.parse(text);
    }

    /** Has all requests so far added up: a report waits for that. */
    addUp() {
        this.cli('usage', 'summary');
    }

    /** Ends every open stream as a provider does. */
    endStreams() {
        this.fixture.child.kill('SIGUSR1');
    }

    /** `requests`: how many right answers the gateway and nginx have given, and how many it refused.  Throws where the books
     * or the upstream count otherwise. */
    async stop(requests) {
        await this.nginx.process.end('SIGTERM');
        await this.gateway.process.end('SIGTERM');
        this.fixture.child.kill('SIGTERM');
        const [, served, bad] = /^served (\d+) bad (\d+)$/.exec(await this.fixture.line());
        await within(this.fixture.ended, 'the end of the fixture');
        const books = { ...this.#books(), served: Number(served), bad: Number(bad) };
        const wanted = {
            rows: requests.gateway + (requests.refused ?? 0),
            right: requests.gateway,
            charges: requests.gateway,
            amount: requests.gateway * chargeNusd,
            checked: true,
            served: requests.gateway + requests.nginx,
            bad: 0,
        };
        for (const [name, value] of Object.entries(wanted)) {
            if (books[name] === value) continue;
            throw new Error(`${this.dir}: ${name} is ${books[name]}, should be ${value}`);
        }
        fs.rmSync(this.dir, { recursive: true, force: true });
    }

    /** What the stopped gateway's database says. */
    #books() {
        const sql = `select (select count(*) from requests) as rows,
            (select count(*) from requests where status = 200 and "end" = 'finished'
                and source = 'upstream' and charge = ${chargeNusd}) as right,
            (select count(*) from ledger where kind = 'charge') as charges,
            (select sum(amount) from ledger where kind = 'charge') as amount`;
        const program = `import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1]); db.row_factory = sqlite3.Row
print(json.dumps(dict(db.execute(sys.argv[2]).fetchone())))`;
        const args = ['-c', program, path.join(this.dir, 'gateway.db'), sql];
        const books = JSON.parse(execFileSync('python3', args, { encoding: 'utf8' }));
        return { ...books, checked: this.cli('db', 'check').ok };
    }
}
