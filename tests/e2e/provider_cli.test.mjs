// provider add: what it writes, what it refuses, and that a running server has it at once; provider
// test: what it asks, and what it tells of the answer.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fault, J1, raw, reply } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { configText, scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { refusedPort, Upstream } from './lib/upstream.mjs';

const price = 'in_text 1 per 1M tokens, out_text 1 per 1M tokens';
const s = await scene({ after, name: 'provider-cli' });
const { gw, config } = s;
const include = 'include = conf.d/*.conf\n';
fs.writeFileSync(gw.file, include + configText(config));
await gw.cli(['reload']);

const folder = path.join(gw.dir, 'conf.d');
const text = (name) => fs.readFileSync(path.join(folder, `${name}.conf`), 'utf8');

/** What is in conf.d, hidden files too. */
function files() {
    return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
}

async function refused(args, code, pattern, gateway = gw) {
    const before = files();
    const done = await gateway.cliRaw(['provider', 'add', ...args]);
    assert.equal(done.code, code, done.stderr);
    assert.match(done.stderr, pattern);
    assert.equal(done.stdout, '');
    assert.deepEqual(files(), before, 'nothing is left behind');
}

async function providers() {
    return (await gw.cli(['provider', 'list'])).map(({ name }) => name);
}

const M3 = await Upstream.start({ after }, 'M3');
const local = ['--url', M3.url, '--allow-private'];

test('provider-1 a provider with a model is in force at once', async () => {
    const keyFile = path.join(gw.dir, 'm3.key');
    fs.writeFileSync(keyFile, 'sk-provider-three\n', { mode: 0o600 });
    const models = ['--models', 'new-1,new-2', '--price', price];
    const added = await gw.cli(['provider', 'add', 'M3', ...local, '--key-file', keyFile, ...models]);
    assert.deepEqual(added, {
        reloaded: true,
        messages: '',
        name: 'M3',
        file: path.join(folder, 'M3.conf'),
        state: 'in force',
    });
    assert.deepEqual(files(), ['M3.conf']);
    assert.deepEqual(await providers(), ['P1', 'P2', 'M3']);
    assert.match(text('M3'), /^key = file:\/.*m3\.key$/m);
    assert.doesNotMatch(text('M3'), /sk-provider-three/);
    M3.once(reply(J1));
    bodyIs(await call(gw, { body: chat({ model: 'new-2' }) }), J1);
    assert.equal(M3.last.header('authorization'), 'Bearer sk-provider-three');
    assert.equal(M3.last.json.model, 'new-2');
});

test('provider-2 it says what was done and what comes next', async () => {
    const done = await gw.cliRaw(['provider', 'add', 'plain', '--url', 'https://plain.example/v1']);
    assert.equal(done.code, 0, done.stderr);
    assert.equal(done.stdout, '');
    assert.match(done.stderr, /^provider plain is in .*conf\.d\/plain\.conf, in force$/m);
    assert.match(done.stderr, /^next: \S*gateway provider test plain -c /m);
    assert.doesNotMatch(text('plain'), /key/);
});

test('provider-3 what exists is left alone without --force', async (t) => {
    await refused(['plain', '--url', 'https://other.example/v1'], 5, /already; --force replaces/);
    assert.match(text('plain'), /plain\.example/);
    await t.test('provider-3 one of the main file is never replaced', async () => {
        await refused(['P1', '--url', 'https://other.example/v1'], 5, /already/);
        const forced = ['P1', '--url', 'https://other.example/v1', '--force'];
        await refused(forced, 78, /stands twice.*gateway\.conf:\d+[^]*was not added/);
    });
    await t.test('provider-3 --force replaces its own file', async () => {
        const done = await gw.cli(['provider', 'add', 'plain', '--url', 'https://other.example/v1', '--force']);
        assert.equal(done.state, 'in force');
        assert.match(text('plain'), /other\.example/);
        const [row] = (await gw.cli(['provider', 'list'])).filter(({ name }) => name === 'plain');
        assert.equal(row.base_url, 'https://other.example/v1');
    });
    await t.test('provider-3 what --force has replaced comes back when the new one is wrong', async () => {
        const before = text('plain');
        const wrong = ['plain', '--url', 'http://10.0.0.1/v1', '--force'];
        await refused(wrong, 78, /private address.*allow_private/);
        assert.equal(text('plain'), before);
    });
});

test('provider-4 a configuration that is wrong with it stays as it was', async (t) => {
    const before = await providers();
    const url = ['--url', 'https://x.example/v1'];
    const models = (...more) => ['x', ...url, '--models', ...more];
    for (const [name, args, code, pattern] of [
        ['a variable that the server lacks', ['x', ...url, '--key-env', 'NOT_THERE'], 78, /NOT_THERE is not set[^]*environment of its start/],
        ['a model that is there', models('gpt-4o', '--price', price), 78, /"gpt-4o".*stands twice/],
        ['no URL', ['x'], 2, /--url is missing/],
        ['a URL that is none', ['x', '--url', 'x.example'], 78, /conf\.d\/x\.conf:3:12: error/],
        ['a model without a price', models('a'), 2, /--price/],
        ['a price that is none', models('a', '--price', 'cheap'), 78, /unknown counter "cheap"/],
        ['two places for a key', ['x', ...url, '--key-env', 'A', '--key-file', 'b'], 2, /one of --key-env/],
        ['a name that leaves the folder', ['../x', ...url], 2, /a provider's name/],
        ['a name that the pattern does not find', ['.x', ...url], 78, /does not include/],
        ['a line end in a value', ['x', '--url', 'https://x.example\n[model "y"]'], 2, /--url holds a control/],
        ['a key itself', ['x', ...url, '--key-env', 'sk-secret-0000000000'], 78, /secret must not stand/],
    ]) {
        await t.test(`provider-4 ${name}`, () => refused(args, code, pattern));
    }
    assert.deepEqual(await providers(), before);
    assert.equal((await gw.cliRaw(['-t'])).code, 0);
    assert.equal(gw.log.some((line) => line.includes('sk-secret')), false);
});

test('provider-5 a file that does not include conf.d is told so', async (t) => {
    const other = await scene(t, { name: 'no-include' });
    const done = await other.gw.cliRaw(['provider', 'add', 'x', '--url', 'https://x.example/v1']);
    assert.equal(done.code, 78);
    assert.match(done.stderr, /put the line "include = conf\.d\/\*\.conf" at its top/);
    assert.equal(fs.existsSync(path.join(other.gw.dir, 'conf.d')), false);
});

test('provider-6 without a server it is in force with the next start', async (t) => {
    const other = await scene(t, { name: 'stopped' });
    await other.gw.stop();
    fs.writeFileSync(other.gw.file, include + configText(other.config));
    const args = ['provider', 'add', 'later', ...local, '--models', 'later-1', '--price', price];
    const done = await other.gw.cli(args);
    assert.equal(done.state, 'in force with the next start');
    await other.gw.restart();
    M3.once(reply(J1));
    bodyIs(await call(other.gw, { body: chat({ model: 'later-1' }) }), J1);
    await other.gw.cli(['reload']);
    fs.rmSync(path.join(other.gw.dir, 'conf.d/later.conf'));
    await other.gw.cli(['reload']);
    const gone = await call(other.gw, { body: chat({ model: 'later-1' }) });
    errorIs(gone, 404, 'invalid_request_error', 'model_not_found');
});

const list = JSON.stringify({ object: 'list', data: [{ id: 'up-mini' }, { id: 'new-1' }, { id: 'other' }] });

/** `provider test`: its result, or what it says on stderr. */
async function tested(name, gateway = gw) {
    const done = await gateway.cliRaw(['provider', 'test', name, '--json']);
    assert.doesNotMatch(done.stdout + done.stderr, /sk-provider/, 'the key is never shown');
    return { ...done, result: done.stdout === '' ? null : JSON.parse(done.stdout) };
}

test('provider-7 the list of models is asked for as a request would be', async () => {
    s.M1.reset().once(reply(list));
    const before = (await gw.cli(['usage', 'tail'])).length;
    const { code, result } = await tested('P1');
    assert.equal(code, 0);
    assert.equal(s.M1.last.startLine, 'GET /v1/models HTTP/1.1');
    assert.equal(s.M1.last.header('authorization'), 'Bearer sk-provider-one');
    assert.equal(s.M1.last.header('content-type'), undefined);
    const { ms, missing, ...rest } = result;
    assert.deepEqual(rest, { name: 'P1', url: s.M1.url, keys: 1, status: 200, models: 3 });
    assert.ok(ms >= 0);
    assert.ok(missing.includes('up-4o') && !missing.includes('up-mini'));
    assert.equal((await gw.cli(['usage', 'tail'])).length, before, 'it costs nothing');
    s.M1.once(reply('[{"id":"up-mini"}]'));
    assert.equal((await tested('P1')).result.models, 1, 'a list without its envelope');
});

test('provider-7 deployments are not said to be missing: a list of models does not have them', async () => {
    const azure = { base_url: s.M1.url, key: 'env:P1_KEY', path: 'chat /deployments/{model}/chat/completions' };
    const models = { deployed: { endpoints: 'chat', offer: 'azure/my-deployment', price: ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'] } };
    const there = { ...config, providers: { ...config.providers, azure }, models: { ...config.models, ...models } };
    fs.writeFileSync(gw.file, include + configText(there));
    await gw.cli(['reload']);
    s.M1.reset().once(reply(list));
    const { code, result } = await tested('azure');
    assert.equal(code, 0);
    assert.deepEqual([result.models, result.missing], [3, null]);
    fs.writeFileSync(gw.file, include + configText(config));
    await gw.cli(['reload']);
});

test('provider-8 what goes wrong is told, with exit code 1', async (t) => {
    const leak = 'Incorrect API key provided: sk-provider-one (see https://up.example)';
    for (const [name, answer, pattern] of [
        ['a key that is refused', fault(401, { message: leak }), /status 401.*does not accept the key \("Incorrect/],
        ['an account without money', fault(402, { message: 'top up' }), /status 402.*cannot pay \("top up"\)/],
        ['another base URL', fault(404, { message: 'no such route' }), /status 404.*base URLs end with \/v1/],
        ['another host', reply('', { status: 301, headers: { Location: 'http://x.example/' } }), /status 301.*elsewhere/],
        ['a rate limit', fault(429, { message: 'slow down' }), /status 429.*limits the rate \("slow down"\)/],
        ['a fault of its own', reply('<h1>no</h1>', { status: 503, type: 'text/html' }), /status 503.*fails$/m],
        ['a page', reply('<html>', { type: 'text/html' }), /status 200.*that is no list of models/],
        ['JSON that is no list', reply('{"data":{}}'), /status 200.*that is no list of models/],
        ['what is not HTTP', raw('SSH-2.0-x\r\n', 'fin'), /not HTTP|without a whole answer/],
        ['an answer cut short', raw('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{', 'rst'), /without a whole answer/],
    ]) {
        await t.test(`provider-8 ${name}`, async () => {
            s.M1.reset().once(answer);
            const { code, stdout, stderr } = await tested('P1');
            assert.equal(code, 1, stderr);
            assert.equal(stdout, '');
            assert.match(stderr, /^gateway: provider "P1": .*after \d+ ms: /);
            assert.match(stderr, pattern);
        });
    }
    await t.test('provider-8 nobody there', async () => {
        const url = `http://127.0.0.1:${await refusedPort()}/v1`;
        await gw.cli(['provider', 'add', 'dead', '--url', url, '--allow-private']);
        assert.match((await tested('dead')).stderr, /could not be reached/);
    });
    await t.test('provider-8 a provider that is not in the configuration', async () => {
        const { code, stderr } = await tested('nope');
        assert.equal(code, 3);
        assert.match(stderr, /no provider "nope"/);
    });
});

test('provider-9 a key that is wanted and not set', async () => {
    await gw.cli(['provider', 'add', 'keyless', ...local]);
    M3.once(fault(401, { message: 'who are you' }));
    assert.match((await tested('keyless')).stderr, /wants a key, and none is set \("who are you"\)/);
    assert.equal(M3.last.header('authorization'), undefined);
});

test("provider-9 the provider's own query and headers are part of it", async () => {
    const more = 'query = api-version=1\nheader = X-Region: eu\nheader = X-Extra: env:P2_KEY\n';
    fs.appendFileSync(path.join(folder, 'keyless.conf'), more);
    await gw.cli(['reload']);
    M3.once(fault(400, { message: 'no sk-provider-two here' }));
    assert.match((await tested('keyless')).stderr, /status 400.*"no sk-\*\*\* here"|"no \*\*\* here"/);
    assert.equal(M3.last.target, '/v1/models?api-version=1');
    assert.equal(M3.last.header('x-region'), 'eu');
    assert.equal(M3.last.header('x-extra'), 'sk-provider-two');
});

test('provider-10 without a server the command asks by itself', async (t) => {
    const other = await scene(t, { name: 'stopped-test' });
    await other.gw.stop();
    other.M1.once(reply(list));
    const { code, result } = await tested('P1', other.gw);
    assert.equal(code, 0);
    assert.equal(result.models, 3);
    other.M1.once(fault(500, { message: 'x' }));
    assert.equal((await tested('P1', other.gw)).code, 1);
});

test('provider-11 the end of the server waits for a test that is under way', async (t) => {
    const other = await scene(t, { name: 'ending-test' });
    other.M1.once(async ({ closed }) => closed);
    const asked = tested('P1', other.gw);
    await other.M1.request();
    await other.gw.stop();
    const { code, stderr } = await asked;
    assert.ok(code === 1 || code === 6, `${code} ${stderr}`);
});
