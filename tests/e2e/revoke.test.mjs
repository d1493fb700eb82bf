// Z: what an operator takes away is gone when the command returns, and a new configuration takes
// nothing away from anybody.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { J1, reply, S1, S1u, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { configText, scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { binary, root } from './lib/place.mjs';
import { Barrier, Changes } from './lib/wait.mjs';

const clients = 50;
const s = await scene({ after, name: 'revoke' });
const { gw, M1 } = s;

/** 50 callers of one key, each with its next request as soon as it has an answer. */
class Callers {
    count = 0; // answers
    #changes = new Changes();

    /** `judge(answer, epoch)`: in which epoch the request was begun and answered; null = it crossed. */
    constructor(key, judge) {
        this.key = key;
        this.judge = judge;
        this.epoch = 0;
        this.since = 0; // answers of requests begun in this epoch
        this.running = true;
        this.ended = Promise.all(Array.from({ length: clients }, (_, i) => this.#run(i)));
        this.ended.catch((error) => {
            this.error = error;
            this.#changes.changed();
        });
    }

    /** Every other caller takes a new connection for each request. */
    async #run(number) {
        const keeps = number % 2 === 0;
        let client = null;
        for (let i = 0; this.running; i++) {
            client ??= await RawClient.connect(gw);
            const { epoch } = this;
            const body = number % 5 === 0 ? chatStream : chat();
            await client.write(requestBytes({ key: this.key, body }));
            const answer = await client.response(keeps ? i : 0);
            this.judge(answer, epoch === this.epoch ? epoch : null);
            this.count++;
            if (epoch === this.epoch) this.since++;
            this.#changes.changed();
            if (!keeps) {
                client.close();
                client = null;
            }
        }
        client?.close();
    }

    /** From now on requests are of the next epoch. */
    turn() {
        this.epoch++;
        this.since = 0;
    }

    async answers(n) {
        const enough = () => this.error || this.since >= n;
        await this.#changes.until(enough, `${n} answers in epoch ${this.epoch}`, 60000);
        if (this.error) throw this.error;
    }

    async end() {
        this.running = false;
        await this.ended;
    }
}

function answered(answer) {
    bodyIs(answer, answer.text.startsWith('data:') ? S1 : J1);
}

let made = 0;

async function newKey() {
    const name = `z${++made}`;
    const secret = `sk-${name}-000000000000`;
    await gw.admin('group', 'add', { name, models: ['*'] });
    await gw.admin('user', 'add', { name, group: name, credit: '1' });
    const { id } = await gw.admin('key', 'create', { user: name, secret });
    return { name, secret, id };
}

function serveAll() {
    M1.reset().always((exchange) =>
        (exchange.request.json.stream ? stream(S1u) : reply(J1))(exchange),
    );
}

/**
 * Takes a right away while 50 use it: after `take` has returned, every answer is `refused`.  `give`
 * gives it back: after that every answer is good again.  Counts the requests.
 */
async function taken(take, refused, give) {
    serveAll();
    const key = await newKey();
    const either = (answer) => (answer.status === 200 ? answered : refused)(answer);
    const judges = [answered, either, refused, either, answered];
    const callers = new Callers(key.secret, (answer, epoch) => (judges[epoch] ?? either)(answer));
    await callers.answers(200);
    callers.turn();
    await take(key);
    callers.turn();
    await callers.answers(700);
    if (give) {
        callers.turn();
        await give(key);
        callers.turn();
        await callers.answers(300);
    }
    await callers.end();
    return callers.count;
}

const rights = {
    'Z1 key revoke': {
        take: ({ id }) => gw.admin('key', 'revoke', { id }),
        refused: (answer) => errorIs(answer, 401, 'invalid_token', 'token_disabled'),
    },
    'Z1 key revoke, by command': {
        take: ({ id }) => gw.cli(['key', 'revoke', String(id), '--yes']),
        refused: (answer) => errorIs(answer, 401, 'invalid_token', 'token_disabled'),
    },
    'Z1 key disable and enable': {
        take: ({ id }) => gw.admin('key', 'disable', { id }),
        refused: (answer) => errorIs(answer, 401, 'invalid_token', 'token_disabled'),
        give: ({ id }) => gw.admin('key', 'enable', { id }),
    },
    'Z2 user disable and enable': {
        take: ({ name }) => gw.admin('user', 'disable', { name }),
        refused: (answer) => errorIs(answer, 401, 'invalid_token', 'user_disabled'),
        give: ({ name }) => gw.admin('user', 'enable', { name }),
    },
    'Z2 user disable, by command': {
        take: ({ name }) => gw.cli(['user', 'disable', name]),
        refused: (answer) => errorIs(answer, 401, 'invalid_token', 'user_disabled'),
    },
    'Z3 group set: models': {
        take: ({ name }) => gw.admin('group', 'set', { name, models: ['*', '!gpt-4o-mini'] }),
        refused: (answer) => errorIs(answer, 403, 'insufficient_quota', 'model_not_permitted'),
        give: ({ name }) => gw.admin('group', 'set', { name, models: ['gpt-*'] }),
    },
    'Z3 group set: endpoints': {
        take: ({ name }) => gw.admin('group', 'set', { name, endpoints: ['embeddings'] }),
        refused: (answer) => errorIs(answer, 403, 'insufficient_quota', 'endpoint_not_permitted'),
        give: ({ name }) => gw.cli(['group', 'set', name, '--endpoints', 'chat']),
    },
    'Z3 group set: quota': {
        take: ({ name }) => gw.admin('group', 'set', { name, quota: '0' }),
        refused: (answer) => errorIs(answer, 403, 'insufficient_quota', 'group_quota_exhausted'),
        give: ({ name }) => gw.admin('group', 'set', { name, quota: '1' }),
    },
    'Z3 group set: enabled': {
        take: ({ name }) => gw.cli(['group', 'set', name, '--enabled', 'off']),
        refused: (answer) => {
            errorIs(answer, 403, 'insufficient_quota', 'endpoint_not_permitted');
            assert.match(answer.json.error.message, /^Group '.*' is disabled$/);
        },
        give: ({ name }) => gw.admin('group', 'set', { name, enabled: true }),
    },
};

test('Z: no request that starts later passes on the old right', async (t) => {
    let count = 0;
    for (const [name, { take, refused, give }] of Object.entries(rights)) {
        await t.test(name, async () => {
            count += await taken(take, refused, give);
        });
    }
    await t.test('Z3 ten thousand requests', async () => {
        for (; count < 10000; ) {
            const { take, refused, give } = rights['Z3 group set: models'];
            count += await taken(take, refused, give);
        }
    });
});

/* --- the configuration ---------------------------------------------------------------------- */

/** Five lines that are wrong in five ways, and where each is said to be. */
const faulty = `[server]
listen = 127.0.0.1:0
lisen = x
workers = many
[provider "P1"]
base_url = http://127.0.0.1:1/v1
allow_private = on
key = sk-live
[model "gpt-4o-mini"]
endpoints = chat
offer = P3/up-mini
price = in_text cheap per 1M tokens
`;
const told = [
    'gateway.conf:3:1: error: unknown key "lisen" in [server]; did you mean "listen"?',
    'gateway.conf:4:11: error: "many" is not a number of threads (want 1..256, or auto)',
    'gateway.conf:8:7: error: a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME)',
    'gateway.conf:11:9: error: unknown provider "P3"; did you mean "P1"?',
    'gateway.conf:12:17: error: "cheap" is not an amount of USD (want one like 0.15)',
];

function tellsAll(text) {
    for (const line of told) assert.ok(text.includes(line), `${line}\nin: ${text}`);
}

test('Z4 gateway -t names five faults at line and column', async () => {
    fs.writeFileSync(gw.file, faulty);
    const done = await gw.cliRaw(['-t']);
    gw.configure(s.config);
    assert.equal(done.code, 78, done.stderr);
    tellsAll(done.stderr);
    assert.match(done.stderr, /FAILED \(5 errors\)/);
    assert.equal((await gw.cliRaw(['-t'])).code, 0);
});

test('Z4 gateway -t passes gateway.conf.example', () => {
    const done = spawnSync(binary, ['-t', '-c', 'gateway.conf.example'], { cwd: root });
    assert.equal(done.status, 0, String(done.stderr));
});

/** Waits for the outcome of a SIGHUP. */
async function hangUp(outcome) {
    const count = () => gw.log.filter((line) => outcome.test(line)).length;
    const before = count();
    gw.signal('SIGHUP');
    await gw.changes.until(() => count() > before, `log: ${outcome}`);
}

const inForce = /gateway\.conf is in force/;
const unchanged = /the configuration was not changed/;

test('Z5 a faulty file and SIGHUP: the old configuration holds', async () => {
    serveAll();
    bodyIs(await call(gw, { body: chat() }), J1);
    fs.writeFileSync(gw.file, faulty);
    await hangUp(unchanged);
    tellsAll(gw.log.join('\n').replaceAll('\\"', '"'));
    bodyIs(await call(gw, { body: chat() }), J1);
    const done = await gw.cliRaw(['reload']);
    assert.notEqual(done.code, 0);
    tellsAll(done.stderr);
    bodyIs(await call(gw, { body: chat() }), J1);
    gw.configure(s.config);
    await hangUp(inForce);
    bodyIs(await call(gw, { body: chat() }), J1);
});

test('Z5 what needs a restart is told until it is as the server began', async (t) => {
    const other = await scene(t, { name: 'restart-list' });
    const { gw: one, config } = other;
    const reload = async (changed) => {
        one.configure({ ...config, server: { ...config.server, ...changed } });
        const done = await one.cliRaw(['reload']);
        assert.equal(done.code, 0, done.stderr);
        return /needs restart: .*/.exec(done.stderr)?.[0] ?? '';
    };
    assert.match(await reload({ workers: 3 }), /\[server\] workers/);
    assert.match(await reload({ workers: 3 }), /\[server\] workers/, 'it still does');
    assert.equal(await reload({}), '', 'it runs as the file says again');
});

test('Z5 the end of the server removes its own socket, whatever a reload has said', async (t) => {
    const other = await scene(t, { name: 'own-socket' });
    const { gw: one, config } = other;
    const foreign = path.join(one.dir, 'other.sock');
    fs.writeFileSync(one.file, configText(config).replace('admin.sock', 'other.sock'));
    await one.cliRaw(['reload', '--socket', path.join(one.dir, 'admin.sock')]);
    fs.writeFileSync(foreign, '');
    await one.stop();
    assert.ok(fs.existsSync(foreign), 'what is not its own stays');
    assert.ok(!fs.existsSync(path.join(one.dir, 'admin.sock')));
});

/** The fixture's configuration with tokens at `units` each. */
function pricedAt(units) {
    const price = ['in_text', 'out_text'].map((counter) => `${counter} ${units} per 1M tokens`);
    const models = { ...s.config.models };
    models['gpt-4o-mini'] = { ...models['gpt-4o-mini'], price };
    return { ...s.config, models };
}

test('Z6 a request in flight keeps its price', async () => {
    const gate = new Barrier();
    M1.reset().once(async (exchange) => {
        await gate.passed();
        await reply(J1)(exchange);
    });
    const before = call(gw, { body: chat() });
    await M1.request();
    gw.configure(pricedAt(2));
    await hangUp(inForce);
    gate.open();
    serveAll();
    const later = await call(gw, { body: chat() });
    assert.equal((await gw.usage((await before).header('x-request-id'))).charge, '0.000005000');
    assert.equal((await gw.usage(later.header('x-request-id'))).charge, '0.000010000');
});

test('Z6 a hundred reloads under load lose nothing', async () => {
    serveAll();
    const { name, secret } = await newKey();
    const callers = new Callers(secret, (answer) => answered(answer));
    for (let i = 0; i < 100; i++) {
        gw.configure(pricedAt(1 + (i % 2)));
        if (i % 4 < 2) await hangUp(inForce);
        else await gw.admin('reload', '', {});
        if (i % 10 !== 9) continue;
        fs.writeFileSync(gw.file, faulty);
        await hangUp(unchanged);
    }
    await callers.answers(2000);
    await callers.end();
    assert.equal(M1.count, callers.count);
    const rows = await gw.cli(['usage', 'tail', '--limit', '1000', '--user', name]);
    assert.equal(rows.length, Math.min(1000, callers.count));
    for (const row of rows) {
        assert.equal(row.end, 'finished');
        assert.match(row.charge, /^0\.0000(05|10)000$/);
    }
});
