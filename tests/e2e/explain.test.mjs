// F25: `explain` says what a call would meet, and the call meets it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, J1, reply } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { Gateway, scene } from './lib/gateway.mjs';
import { Random, seedOf } from './lib/random.mjs';
import { call } from './lib/raw.mjs';

const names = ['A', 'B', 'C', 'D'];
const s = await scene({ after, name: 'explain' }, { provider: { breaker: 'on' } });
const { gw, M1 } = s;

/** Four providers behind one listener, told apart by their path. */
const providers = Object.fromEntries(
    names.map((name) => [name, { base_url: `${M1.url.replace(/\/v1$/, '')}/${name}/v1`, key: 'env:P1_KEY' }]),
);

const usage = '"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}';
const list = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],${usage}}`;
const answers = {
    chat: ['/chat/completions', J1],
    completions: [
        '/completions',
        `{"id":"c","object":"text_completion","choices":[{"text":"Hi","index":0,"finish_reason":"stop"}],${usage}}`,
    ],
    responses: [
        '/responses',
        '{"id":"resp_1","object":"response","status":"completed","output":[],' +
            '"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}',
    ],
    embeddings: ['/embeddings', list],
    moderation: ['/moderations', '{"id":"m","model":"m","results":[{"flagged":false}]}'],
    rerank: ['/rerank', '{"results":[{"index":0,"relevance_score":0.9}]}'],
    images: ['/images/generations', '{"created":1,"data":[{"b64_json":"aGk="}]}'],
    speech: ['/audio/speech', 'sound', 'audio/mpeg'],
    transcription: ['/audio/transcriptions', '{"text":"Hi"}'],
    translation: ['/audio/translations', '{"text":"Hi"}'],
};
const endpoints = Object.keys(answers);
const isForm = (endpoint) => endpoint.startsWith('trans');

/** The very request that was explained, for real. */
function ask(key, { endpoint, request }) {
    const type = isForm(endpoint) ? 'multipart/form-data; boundary=gateway' : undefined;
    return call(gw, { key, path: `/v1${answers[endpoint][0]}`, body: request, ...(type && { type }) });
}

const explain = (key, model, endpoint) => gw.cli(['explain', String(key.id), model, '--endpoint', endpoint]);

async function reload(models) {
    gw.configure({ ...s.config, providers: { ...s.config.providers, ...providers }, models });
    await gw.cli(['reload']);
}

/** Which provider of the four a request reached. */
const reached = (exchange) => exchange.request.target.split('/')[1];

/** A provider whose next answer to this model teaches the gateway to leave it alone. */
async function teach(name, model, error) {
    const others = names.filter((one) => one !== name);
    for (const one of others) await gw.admin('provider', 'pause', { name: one });
    M1.always(error);
    await call(gw, { body: { model, messages: [{ role: 'user', content: 'Hi' }] } });
    for (const one of others) await gw.admin('provider', 'resume', { name: one });
}

const errors = [
    fault(429, { message: 'slow down' }, { 'Retry-After': '50' }),
    fault(401, { message: 'no such key' }),
];

/** A model of its own, with what is learned of its offers, and a caller of his own. */
async function arrange(random, n) {
    const model = `m${n}`;
    const endpoint = random.chance(0.5) ? 'chat' : random.pick(endpoints);
    const offered = names.filter(() => random.chance(0.6));
    if (offered.length === 0) offered.push('A');
    const offer = offered.map(
        (name) => `${name}/up${n} priority=${random.between(1, 3)} weight=${random.between(1, 3)}`,
    );
    const cents = random.pick(['0', '0.01', '1', '1000']);
    const price = ['in_text', 'out_text', 'in_audio'].map((counter) => `${counter} ${cents} per 1M tokens`);
    await reload({
        [model]: {
            endpoints: random.chance(0.9) ? [...new Set(['chat', endpoint])].join(' ') : 'video',
            offer,
            price: [...price, `images ${cents} per image`, 'characters 1 per 1M characters', 'audio_ms 0.1 per second', 'video_ms 0.1 per second'],
            max_output: random.pick([100, 4096]),
        },
    });
    for (const name of offered) if (random.chance(0.2)) await teach(name, model, random.pick(errors));
    const paused = names.filter(() => random.chance(0.1));
    for (const name of paused) await gw.admin('provider', 'pause', { name });

    const group = { name: `g${n}`, models: random.chance(0.85) ? random.pick([['*'], ['m*']]) : ['*', `!${model}`] };
    if (random.chance(0.1)) group.endpoints = [random.pick(endpoints)];
    if (random.chance(0.2)) group.quota = random.pick(['0', '0.0001', '5/day']);
    if (random.chance(0.2)) group.user_quota = random.pick(['0', '5/month']);
    await gw.admin('group', 'add', group);
    const user = `e${n}`;
    const credit = random.pick(['0', '0.000001', '1', '1000', '1000']);
    await gw.admin('user', 'add', { name: user, group: group.name, credit });
    const secret = `sk-e${n}-0000000000`;
    const asked = { user, secret };
    if (random.chance(0.2)) asked.limit = random.pick(['0', '5/day']);
    if (random.chance(0.2)) asked.models = [random.pick([model, 'other'])];
    const key = await gw.admin('key', 'create', asked);
    if (random.chance(0.03)) await gw.admin('key', 'disable', { id: key.id });
    if (random.chance(0.03)) await gw.admin('user', 'disable', { name: user });
    if (random.chance(0.4)) {
        const [scope, name] = random.pick([
            ['key', key.id],
            ['user', user],
            ['group', group.name],
            ['group_user', group.name],
            ['model', model],
        ]);
        const [metric, amount] = random.pick([
            ['requests', '1/min'],
            ['requests', '9/day'],
            ['tokens', '1/min'],
            ['tokens', '5000/min'],
            ['concurrent', '1'],
        ]);
        await gw.admin('limit', 'set', { scope, name, metric, amount });
    }
    M1.always((exchange) => {
        const [, bytes, type] = answers[endpoint];
        return reply(bytes, { type: type ?? 'application/json' })(exchange);
    });
    const caller = { id: key.id, secret };
    const told = await explain(caller, model, endpoint);
    const used = random.chance(0.3) && told.status === 200;
    if (used) await ask(secret, told);
    return { model, endpoint, caller, paused };
}

const withoutNumbers = (text) => text?.replace(/\d+(\.\d+)?/g, '#');

async function compare({ model, endpoint, caller }) {
    const told = await explain(caller, model, endpoint);
    M1.exchanges.length = 0;
    M1.requests.length = 0;
    const response = await ask(caller.secret, told);
    const what = `${JSON.stringify(told)} became ${response.startLine} ${response.text.slice(0, 300)}`;
    assert.equal(response.status, told.status, what);
    if (told.status !== 200) {
        assert.equal(response.json.error.reason, told.reason, what);
        assert.equal(withoutNumbers(response.json.error.message), withoutNumbers(told.message), what);
        assert.equal(M1.exchanges.length, 0, what);
        return told.reason;
    }
    const row = await gw.row(response);
    assert.equal(row.hold, told.hold, what);
    assert.equal(M1.exchanges.length, 1, what);
    const first = told.offers.filter(({ turn }) => turn === 1).map(({ provider }) => provider);
    assert.ok(first.includes(reached(M1.exchanges[0])) && first.includes(row.provider), what);
    for (const { account, available } of told.accounts) {
        assert.ok(Number(available) >= Number(told.hold), `${account}: ${what}`);
    }
    return 'served';
}

test('F25 of 200 random configurations each call is what explain said', async () => {
    const seed = seedOf('EXPLAIN_SEED');
    const random = new Random(seed);
    const counts = {};
    for (let n = 0; n < Number(process.env.EXPLAIN_ROUNDS || 200); n++) {
        const arranged = await arrange(random, n);
        const came = await compare(arranged).catch((error) => {
            throw new Error(`EXPLAIN_SEED=${seed}, configuration ${n}: ${error.message}`, { cause: error });
        });
        counts[came] = (counts[came] ?? 0) + 1;
        for (const name of arranged.paused) await gw.admin('provider', 'resume', { name });
    }
    // Else the choices above would not be about much.
    assert.ok(counts.served >= 40 && Object.keys(counts).length >= 8, JSON.stringify(counts));
});

test('F25 offers in their turn, with what is wrong with those that are not asked', async () => {
    await reload({
        turns: {
            endpoints: 'chat',
            offer: ['A/a priority=2 weight=3', 'B/b priority=2', 'C/c priority=1', 'D/d priority=3'],
            price: ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'],
        },
    });
    await teach('C', 'turns', errors[0]);
    await gw.admin('provider', 'pause', { name: 'D' });
    const told = await gw.cli(['explain', String(gw.keys.K1.id), 'turns']);
    await gw.admin('provider', 'resume', { name: 'D' });
    const offers = told.offers.map(({ provider, model, turn, state, weight }) => [provider, model, turn, state, weight]);
    assert.deepEqual(offers, [
        ['A', 'a', 1, 'free', 3],
        ['B', 'b', 1, 'free', 1],
        ['C', 'c', null, 'limits', 1],
        ['D', 'd', null, 'paused', 1],
    ]);
    const wait = told.offers[2].for_ms;
    assert.ok(wait > 20e3 && wait <= 50e3, `${wait} ms`);
    assert.deepEqual([told.endpoint, told.user, told.group, told.status], ['chat', 'u1', 'default', 200]);
});

test('F25 what limits leave, and what accounts have', async () => {
    await gw.cli(['limit', 'set', 'user', 'u1', 'requests', '60/min']);
    await gw.cli(['limit', 'set', 'user', 'u1', 'concurrent', '8', '--model', 'turns']);
    const before = await gw.cli(['explain', gw.keys.K1.hint, 'turns']);
    const limits = before.limits.map(({ scope, metric, amount, model, remaining }) => [scope, metric, amount, model, remaining]);
    assert.deepEqual(limits.sort(), [
        ['user', 'concurrent', '8', 'turns', 8],
        ['user', 'requests', '60/min', null, 60],
    ]);
    M1.always(reply(J1));
    bodyIs(await call(gw, { body: before.request }), J1);
    const behind = await gw.cli(['explain', String(gw.keys.K1.id), 'turns']);
    const requests = behind.limits.find(({ metric }) => metric === 'requests');
    assert.equal(requests.remaining, 59);
    assert.ok(requests.full_in_ms > 0 && requests.full_in_ms <= 1000);
    const [user] = behind.accounts;
    assert.equal(user.account, 'user');
    assert.equal(Number(user.limit), 1);
    assert.equal(Number(user.available), 1 - Number(user.spent));
    assert.ok(Number(user.spent) > Number(before.accounts[0].spent));
    await gw.cli(['limit', 'rm', 'user', 'u1', 'requests']);
    await gw.cli(['limit', 'rm', 'user', 'u1', 'concurrent', '--model', 'turns']);
});

test('F25 an unknown model, endpoint or key', async () => {
    const id = String(gw.keys.K1.id);
    const unknown = await gw.cli(['explain', id, 'no such "model"']);
    assert.deepEqual([unknown.status, unknown.reason, unknown.offers], [404, 'model_not_found', []]);
    assert.equal(JSON.parse(unknown.request).model, 'no such "model"');
    for (const [words, code, wanted] of [
        [['explain', '999', 'turns'], 3, /no key "999": ids and hints/],
        [['explain', id, 'turns', '--endpoint', 'chats'], 2, /no endpoint "chats"/],
        [['explain', id], 2, /MODEL/],
    ]) {
        const done = await gw.cliRaw(words);
        assert.equal(done.code, code, done.stderr);
        assert.match(done.stderr, wanted);
    }
    assert.equal(unknown.hold, '0.000000000');
});

test('F25 a video is explained like everything else', async () => {
    await reload({
        film: { endpoints: 'video', offer: 'A/film', price: 'video_ms 0.1 per second', video_seconds: 4 },
    });
    const told = await gw.cli(['explain', String(gw.keys.K1.id), 'film']);
    assert.deepEqual([told.endpoint, told.status, Number(told.hold)], ['video', 200, 0.4], JSON.stringify(told));
    assert.equal(M1.exchanges.filter((one) => reached(one) === 'A' && /videos/.test(one.request.target)).length, 0);
});

test('F25 nothing is left of it in the books, and without a server there is nothing to explain', async () => {
    const rows = await gw.cli(['usage', 'tail', '--limit', '1000']);
    const before = rows.length;
    await gw.cli(['explain', String(gw.keys.K1.id), 'film']);
    const status = await gw.cli(['status']);
    assert.ok(status.loops.every(({ requests }) => requests === 0), JSON.stringify(status.loops));
    assert.equal((await gw.cli(['usage', 'tail', '--limit', '1000'])).length, before);
    const other = await Gateway.start({ name: 'explain-off', config: s.config });
    await other.stop();
    const done = await other.cliRaw(['explain', '1', 'turns']);
    assert.equal(done.code, 6, done.stderr);
});
