// Q: money under parallel calls: nobody spends what is not there, and nobody is refused what is.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, reply, withUsage } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { Barrier, Changes, eventually } from './lib/wait.mjs';

const callers = 500;
const calls = 10;

// A price by `requests` alone: the hold is the charge.
const perCall = { endpoints: 'chat', offer: 'P1/up-call', price: 'requests 0.001 per request' };
const talker = { endpoints: 'responses', offer: 'P1/up-talker', price: ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'] };
const s = await scene({ after, name: 'money' }, { models: { 'per-call': perCall, talker }, fixture: [] });
const { gw, M1 } = s;
const body = chat({ model: 'per-call' });

/** Requests sent at one moment, each on a connection of its own. */
class Crowd {
    answers = [];
    #changes = new Changes();

    static async send(n, bytes) {
        const crowd = new Crowd();
        crowd.n = n;
        const clients = await Promise.all(Array.from({ length: n }, () => RawClient.connect(gw)));
        for (const client of clients) {
            client.write(bytes);
            client.response(0, 60000).then(
                (answer) => crowd.#took(client, answer),
                (error) => crowd.#took(client, { error }),
            );
        }
        return crowd;
    }

    #took(client, answer) {
        client.close();
        this.answers.push(answer);
        this.#changes.changed();
    }

    /** The first `n` answers. */
    async first(n) {
        await this.#changes.until(() => this.answers.length >= n, `${n} answers`, 60000);
        return this.answers.slice(0, n);
    }

    all() {
        return this.first(this.n);
    }
}

async function keyOf(user, ...args) {
    const secret = `sk-${user}-0000000000`;
    await gw.cli(['key', 'create', user, '--secret-stdin', ...args], { input: `${secret}\n` });
    return secret;
}

async function balanceOf(user) {
    return unitsOf((await gw.cli(['user', 'show', user])).balance);
}

function refusedFor(response, reason) {
    errorIs(response, 403, 'insufficient_quota', reason);
}

/** Ways to give a user, on the running server, money for exactly ten calls; `left` is what remains. */
const purses = {
    user: {
        reason: 'insufficient_balance',
        async fill(user) {
            await gw.cli(['user', 'add', user]);
            const key = await keyOf(user);
            refusedFor(await call(gw, { key, body }), this.reason);
            await gw.cli(['user', 'credit', user, '0.01']);
            return key;
        },
        left: balanceOf,
    },
    key: {
        reason: 'token_quota_exhausted',
        async fill(user) {
            await gw.cli(['user', 'add', user, '--credit', '10']);
            return keyOf(user, '--limit', '0.01');
        },
        async left(user) {
            const [key] = await gw.cli(['key', 'list', '--user', user]);
            return 10000 - unitsOf(key.spent);
        },
    },
    group: {
        reason: 'group_quota_exhausted',
        async fill(user) {
            await gw.cli(['group', 'add', user, '--models', '*', '--quota', '0']);
            await gw.cli(['user', 'add', user, '--group', user, '--credit', '10']);
            const key = await keyOf(user);
            refusedFor(await call(gw, { key, body }), this.reason);
            await gw.cli(['group', 'set', user, '--quota', '0.01']);
            return key;
        },
        left: async (user) => 10000 - unitsOf((await gw.cli(['group', 'show', user])).spent),
    },
    group_user: {
        reason: 'group_user_quota_exhausted',
        async fill(user) {
            await gw.cli(['group', 'add', user, '--models', '*', '--user-quota', '0']);
            await gw.cli(['user', 'add', user, '--group', user, '--credit', '10']);
            const key = await keyOf(user);
            refusedFor(await call(gw, { key, body }), this.reason);
            await gw.cli(['group', 'set', user, '--user-quota', '0.01']);
            return key;
        },
        left: async (user) => 10000 - unitsOf((await gw.cli(['user', 'show', user])).spent),
    },
};

/** 500 calls with money for ten; `gate`: the ten stay in flight until the others have their answer. */
async function race(purse, user, gate) {
    M1.reset().always(async (exchange) => {
        await gate?.passed('the refusals');
        await reply(J1)(exchange);
    });
    const key = await purse.fill(user);
    const crowd = await Crowd.send(callers, requestBytes({ key, body }));
    if (gate) {
        for (const one of await crowd.first(callers - calls)) refusedFor(one, purse.reason);
        await M1.request(calls);
        gate.open();
    }
    const answers = await crowd.all();
    const good = answers.filter((one) => one.status === 200);
    for (const one of answers) {
        if (one.status === 200) bodyIs(one, J1);
        else refusedFor(one, purse.reason);
    }
    assert.equal(good.length, calls);
    assert.equal(await purse.left(user), 0);
    refusedFor(await call(gw, { key, body }), purse.reason);
    assert.equal(M1.count, calls, 'what reached the upstream');
}

for (const [i, [name, purse]] of Object.entries(purses).entries()) {
    const id = `Q${i + 1}`;
    test(`${id} money for ten calls on the ${name}, 500 at once`, async (t) => {
        await t.test(`${id} while the ten are in flight`, () =>
            race(purse, `${name}-held`, new Barrier()),
        );
        await t.test(`${id} while the ten are charged`, () => race(purse, `${name}-spent`));
    });
}

/** What a call of this user would hold, and what there is for it, in units: told by its refusal. */
async function quote(key, max_tokens) {
    const refused = await call(gw, { key, body: chat({ max_tokens }) });
    refusedFor(refused, 'insufficient_balance');
    const [needed, there] = refused.json.error.message.match(/\d+\.\d{9}/g).map(unitsOf);
    return { needed, there };
}

test('Q4 prices by token: the hold is above the charge', async (t) => {
    const user = 'tokens';
    await gw.cli(['user', 'add', user, '--credit', '0.002']);
    const key = await keyOf(user);
    let charged = 0;
    let uneven = 0;
    M1.reset().always(async (exchange) => {
        const spoken = 1 + (uneven++ % 40);
        charged += 3 + spoken;
        const usage = { prompt_tokens: 3, completion_tokens: spoken, total_tokens: 3 + spoken };
        await reply(withUsage(JSON.stringify(usage)))(exchange);
    });

    await t.test('Q4 never overdrawn', async () => {
        const crowd = await Crowd.send(callers, requestBytes({ key, body: chat({ max_tokens: 40 }) }));
        for (let taken = 0; taken < callers; taken = Math.min(taken + 50, callers)) {
            await crowd.first(taken);
            assert.ok((await balanceOf(user)) >= 0);
        }
        for (const one of await crowd.all()) {
            if (one.status !== 200) refusedFor(one, 'insufficient_balance');
        }
        assert.ok(crowd.answers.some((one) => one.status === 200));
        assert.ok(crowd.answers.some((one) => one.status === 403));
    });

    await t.test('Q4 after quiet the next call that fits is admitted', async () => {
        await eventually(async () => {
            const shown = await gw.cli(['user', 'show', user]);
            return Number(shown.held) === 0;
        }, 'nothing is held');
        const balance = await balanceOf(user);
        assert.equal(balance, 2000 - charged);
        await gw.cli(['user', 'credit', user, '0.0001']);
        const { needed, there } = await quote(key, 1000000);
        assert.equal(there, balance + 100, 'all of the balance is there to be spent');
        const fits = 1000000 - (needed - there);
        const before = M1.count;
        assert.equal((await quote(key, fits + 1)).needed, there + 1);
        assert.equal(M1.count, before);
        assert.equal((await call(gw, { key, body: chat({ max_tokens: fits }) })).status, 200);
        assert.equal(await balanceOf(user), 2100 - charged);
    });
});

test('Q6 a refusal tells what was needed, what is there, and what lowers the need', async () => {
    const user = 'needy';
    await gw.cli(['user', 'add', user]);
    const key = await keyOf(user);
    const messages = [{ role: 'user', content: 'hi' }];
    const asked = {
        '/v1/chat/completions': [{ model: 'gpt-4o-mini', messages }, '; a smaller max_tokens lowers the need'],
        '/v1/responses': [{ model: 'talker', input: 'hi' }, '; a smaller max_output_tokens lowers the need'],
        '/v1/images/generations': [{ model: 'gpt-image-1', prompt: 'hi' }, '; a smaller n lowers the need'],
        '/v1/embeddings': [{ model: 'text-embedding-3-small', input: 'hi' }, ''],
    };
    const message = async (path, body) => {
        const answer = await call(gw, { key, path, body: JSON.stringify(body) });
        refusedFor(answer, 'insufficient_balance');
        const row = await gw.row(answer);
        assert.deepEqual([row.hold, row.charge, row.ratio, row.t_first_ms], ['0.000000000', '0.000000000', '1', null]);
        return answer.json.error.message;
    };
    for (const [path, [body, hint]] of Object.entries(asked)) {
        const text = await message(path, body);
        assert.match(text, /^Insufficient balance: this request needs up to \d+\.\d{9} USD and /);
        assert.ok(text.endsWith(`0.000000000 USD is available${hint}`), text);
    }
    await gw.cli(['user', 'credit', user, '0.004111']);
    M1.once(reply(withUsage('{"prompt_tokens":9000,"completion_tokens":2,"total_tokens":9002}')));
    bodyIs(await call(gw, { key, body: chat() }), withUsage('{"prompt_tokens":9000,"completion_tokens":2,"total_tokens":9002}'));
    const text = await message('/v1/chat/completions', { model: 'gpt-4o-mini', messages });
    assert.match(text, / USD and the account is overdrawn by 0\.004891000 USD$/);
});
