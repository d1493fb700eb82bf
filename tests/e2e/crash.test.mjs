// kill -9 under load, again and again, on one database: what was paid for is charged once.
//
// Chats, streams, pictures and speech: every answer of the upstream reports a token count of its own,
// and one token costs one unit, so that an amount in the books names the answer that it is for.
// `make crash ROUNDS=50` runs the long form, and video_kill.test.mjs beside it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { data, event, events, lastFrame, streamHead, frame } from './lib/answers.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { RawClient, requestBytes } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { Changes, deadlineMs, pace } from './lib/wait.mjs';

const rounds = Number(process.env.ROUNDS || 3);
const clients = 50;
const callsMax = 900; // in one round: its rows fit one page of `usage tail`
const readyMs = deadlineMs / 5; // two seconds; sanitizer builds are slow
const free = 'in_text 0 per 1M tokens';
const model = {
    endpoints: 'chat images speech',
    offer: 'P1/up',
    price: [free, 'out_text 1 per 1M tokens', 'out_image 1 per 1M tokens', 'out_audio 1 per 1M tokens'],
};

function usageOf(amount) {
    return `{"prompt_tokens":3,"completion_tokens":${amount},"total_tokens":${amount + 3}}`;
}

const typed = (event) => `data: ${JSON.stringify(event)}\n\n`;

/** What is asked for: the path and body of a call of this name, and the last words of a stream. */
const kinds = {
    chat: { path: '/v1/chat/completions', body: (user) => chat({ model: 'amounts', user }) },
    stream: {
        path: '/v1/chat/completions',
        body: (user) => chat({ model: 'amounts', user, stream: true }),
        end: event(data.done).toString(),
    },
    picture: { path: '/v1/images/generations', body: (user) => JSON.stringify({ model: 'amounts', prompt: 'a cat', user }) },
    speech: {
        path: '/v1/audio/speech',
        body: (user) => JSON.stringify({ model: 'amounts', input: 'Hi', voice: 'alloy', stream_format: 'sse', user }),
        end: 'speech.audio.done',
    },
};
const kindNames = Object.keys(kinds);

/** The pieces of an answer that tells its amount; the last one makes it complete. */
function piecesOf(amount, request) {
    if (request.voice) {
        const usage = { input_tokens: 3, output_tokens: amount, total_tokens: amount + 3 };
        const done = { type: 'speech.audio.done', usage };
        return [
            Buffer.concat([Buffer.from(streamHead), frame(typed({ type: 'speech.audio.delta', audio: 'aGk=' }))]),
            frame(typed({ type: 'speech.audio.delta', audio: `=${amount}=` })),
            Buffer.concat([frame(typed(done)), Buffer.from(lastFrame)]),
        ];
    }
    if (request.stream) {
        const usage = data.usage.replace(/"usage":.*$/, `"usage":${usageOf(amount)}}`);
        const said = data.chunk(`{"content":"=${amount}="}`, 'null');
        const end = events(data.stop, usage, data.done);
        return [
            Buffer.concat([Buffer.from(streamHead), frame(event(data.role))]),
            frame(event(said)),
            Buffer.concat([frame(end), Buffer.from(lastFrame)]),
        ];
    }
    const picture =
        `{"created":1,"data":[{"b64_json":"=${amount}="}],"usage":{"input_tokens":3,` +
        `"output_tokens":${amount},"total_tokens":${amount + 3}}}`;
    const said =
        `{"id":"c1","object":"chat.completion","created":1,"model":"up","choices":[{"index":0,` +
        `"message":{"role":"assistant","content":"=${amount}="},"finish_reason":"stop"}],` +
        `"usage":${usageOf(amount)}}`;
    const body = request.prompt ? picture : said;
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    return [head, body.slice(0, 40), body.slice(40)];
}

/** The upstream's side: answers by amount, the last pieces of many at one moment. */
class Tide {
    answers = new Map(); // amount -> { call, complete }
    #turn = new Changes();
    #turns = 0;
    #running = true;

    constructor(upstream) {
        upstream.always((exchange) => this.#answer(exchange));
        this.#run();
    }

    async #run() {
        while (this.#running) {
            await pace(60);
            this.#turns++;
            this.#turn.changed();
        }
    }

    next(n = 1) {
        const want = this.#turns + n;
        return this.#turn.until(() => this.#turns >= want, 'the next turn');
    }

    stop() {
        this.#running = false;
    }

    async #answer(exchange) {
        const request = exchange.request.json;
        const amount = this.answers.size + 1;
        const mine = { call: request.user, complete: false };
        this.answers.set(amount, mine);
        const [first, middle, last] = piecesOf(amount, request);
        await pace(Math.random() * 40);
        await exchange.send(first);
        await exchange.send(middle);
        await this.next(amount % 20 === 0 ? 20 : 1); // some last longer than a second
        mine.complete = true;
        await exchange.send(last);
    }
}

class Round {
    calls = []; // { name, response, whole: its amount if it was received whole }
    over = false;
    #changes = new Changes();

    constructor(number, gw) {
        this.number = number;
        this.gw = gw;
    }

    async client(number) {
        const client = await RawClient.connect(this.gw);
        for (let i = 0; !this.over && this.calls.length < callsMax; i++) {
            const call = { name: `r${this.number}-c${number}-${i}` };
            this.calls.push(call);
            const { path, body, end } = kinds[kindNames[(number + i) % kindNames.length]];
            await client.write(requestBytes({ path, body: body(call.name) }));
            call.response = await client.response(i, 30000).catch(() => client.responses[i]);
            if (!call.response) break;
            const { text, complete, status } = call.response;
            assert.equal(status, 200, text);
            const isWhole = end ? text.includes(end) : complete;
            if (isWhole) {
                call.whole = Number(/=(\d+)=/.exec(text)[1]);
                this.#changes.changed();
            }
            if (client.ended) break;
        }
        client.close();
    }

    get whole() {
        return this.calls.filter((call) => call.whole !== undefined).length;
    }

    /** Any instant; or one at which many are settled; or that at which a client has the last word. */
    async instant(tide) {
        await pace(Math.random() * 1400);
        if (this.number % 3 === 1) return;
        await tide.next();
        if (this.number % 3 === 2) {
            await pace(Math.random() * 6);
        } else {
            const enough = this.whole + 1 + Math.floor(Math.random() * 10);
            const full = () => this.calls.length >= callsMax;
            await this.#changes.until(() => this.whole >= enough || full(), 'answers');
        }
    }

    /** Ends the gateway while the clients are at it. */
    async run(tide) {
        const all = Promise.all(Array.from({ length: clients }, (_, i) => this.client(i)));
        await this.instant(tide);
        this.over = true;
        this.gw.signal('SIGKILL');
        assert.deepEqual(await this.gw.exit(), { code: null, signal: 'SIGKILL' });
        await all;
    }
}

/** What the books say, over all rounds. */
class Books {
    rows = new Map(); // request id -> row
    #byAmount = new Map();

    async read(gw) {
        for (const row of await gw.cli(['usage', 'tail', '--limit', '1000'])) {
            const before = this.rows.get(row.request_id);
            if (before) assert.deepEqual(row, before, 'a closed row never changes');
            this.rows.set(row.request_id, row);
        }
    }

    /** Every charge is for an answer that was complete, and for no other. */
    checkCharges(tide) {
        this.#byAmount.clear();
        for (const row of this.rows.values()) {
            assert.ok(row.end === 'finished' || row.end === 'crash', `end: ${row.end}`);
            const amount = unitsOf(row.charge);
            if (row.end === 'crash') assert.equal(amount, 0, `${row.request_id} was cut`);
            if (amount === 0) continue;
            const told = `${row.request_id} is charged ${amount}`;
            assert.ok(!this.#byAmount.has(amount), `${told}, so is ${this.#byAmount.get(amount)}`);
            assert.ok(tide.answers.get(amount)?.complete, `${told}: the answer was not complete`);
            this.#byAmount.set(amount, row.request_id);
        }
    }

    /** What was received whole is charged by its own amount; what was cut, by its own or not at all. */
    checkCalls(calls, tide) {
        for (const { name, response, whole } of calls) {
            if (!response) continue;
            const row = this.rows.get(response.header('x-request-id'));
            if (whole !== undefined) assert.equal(tide.answers.get(whole).call, name);
            if (whole !== undefined) assert.ok(row, `${name} was received whole and is in the books`);
            if (!row) continue;
            const amount = unitsOf(row.charge);
            if (whole !== undefined) assert.equal(amount, whole, `${name} was received whole`);
            else if (amount > 0) assert.equal(tide.answers.get(amount).call, name);
        }
    }

    get sum() {
        return [...this.#byAmount.keys()].reduce((sum, amount) => sum + amount, 0);
    }

    get charged() {
        return this.#byAmount.size;
    }
}

test('crash: kill -9 under 50 clients', { timeout: 60000 + rounds * 20000 }, async (t) => {
    const s = await scene(t, {
        database: { durability: 'power' },
        models: { amounts: model },
        P1: { drain: '0s' },
    });
    await s.gw.cli(['user', 'credit', 'u1', '1000000']);
    const tide = new Tide(s.M1);
    t.after(() => tide.stop());
    const books = new Books();
    const figures = { calls: 0, whole: 0, cut: 0, slowest: 0 };
    for (let i = 1; i <= rounds; i++) {
        await t.test(`crash ${i}`, async () => {
            const round = new Round(i, s.gw);
            await round.run(tide);
            const ms = await s.gw.restart();
            assert.ok(ms <= readyMs, `ready again in ${ms} ms`);
            await books.read(s.gw);
            books.checkCharges(tide);
            books.checkCalls(round.calls, tide);
            assert.equal(await s.gw.spent(), books.sum, 'spent is the sum of the charges');
            await s.gw.settled();
            figures.calls += round.calls.length;
            figures.whole += round.whole;
            figures.cut += round.calls.length - round.whole;
            figures.slowest = Math.max(figures.slowest, ms);
        });
    }
    assert.ok(figures.whole > 0 && figures.cut > 0, JSON.stringify(figures));
    if (process.env.ROUNDS) {
        console.log(
            `crash: ${rounds} rounds, ${figures.calls} calls, ${figures.whole} received whole, ` +
                `${figures.cut} cut (${books.charged - figures.whole} of them charged once), ` +
                `ready again within ${figures.slowest} ms`,
        );
    }
});
