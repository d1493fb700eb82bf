// Z: what an operator takes away is gone when the command returns, and a new configuration takes
// nothing away from anybody.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import { J1, reply, S1, S1u, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { root } from './lib/seen.mjs';
import { Changes } from './lib/wait.mjs';

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

/**
 * Takes a right away while 50 use it: after `take` has returned, every answer is `refused`.  `give`
 * gives it back: after that every answer is good again.  Counts the requests.
 */
async function taken(take, refused, give) {
    M1.reset().always((exchange) =>
        (exchange.request.json.stream ? stream(S1u) : reply(J1))(exchange),
    );
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
        refused: (answer) => assert.equal(answer.status, 403, answer.text),
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
