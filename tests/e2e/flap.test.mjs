// U19: half of the providers are killed and come back, again and again, under load.  What has not
// begun is answered by another one, what has begun ends with the error event; each is charged once.
// `make flap TIME=60` runs the long form.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { data, event, events, frame, J1, lastFrame, streamHead, told } from './lib/answers.mjs';
import { bodyIs, streamErrorIs } from './lib/expect.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { RawClient, requestBytes } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { Upstream } from './lib/upstream.mjs';
import { pace } from './lib/wait.mjs';

const seconds = Number(process.env.TIME || 6);
const clients = 24;
const callsMax = 900; // in one round: its rows fit one page of `usage tail`
const price = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const offers = (priorities) => priorities.map((priority, i) => `P${i + 1}/up-mini priority=${priority}`);
const models = {
    alone: { endpoints: 'chat', offer: 'P1/up-mini', price },
    tiers: { endpoints: 'chat', offer: offers([1, 1, 2, 2]), price },
    even: { endpoints: 'chat', offer: offers([1, 1, 1, 1]), price },
};

const words = [event(data.role), event(data.hi), event(data.there)];
const end = events(data.stop, data.usage, data.done);
const seen = words.join('') + events(data.stop, data.done); // usage was not asked for
const headOfJ1 = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${J1.length}\r\n\r\n`;

/** Each step may be its last. */
async function answer(exchange) {
    const isStream = exchange.request.json.stream === true;
    const steps = isStream
        ? [streamHead, ...words.map(frame), Buffer.concat([frame(end), Buffer.from(lastFrame)])]
        : [headOfJ1, J1.slice(0, 50), J1.slice(50)];
    for (const step of steps) {
        await pace(Math.random() * 12);
        if (!(await exchange.send(step))) return;
    }
}

/** Kills and restarts one upstream until it is told to leave off; it ends up alive. */
class Flapping {
    deaths = 0;
    #over = false;

    constructor(upstream) {
        this.upstream = upstream;
        this.done = this.#run();
    }

    async #run() {
        while (!this.#over) {
            await pace(20 + Math.random() * 120);
            await this.upstream.die();
            this.deaths++;
            await pace(Math.random() * 120);
            await this.upstream.rise();
        }
    }

    stop() {
        this.#over = true;
        return this.done;
    }
}

class Load {
    answers = [];
    #left = callsMax;

    constructor(gw, until) {
        this.gw = gw;
        this.until = until;
    }

    async client(number) {
        const client = await RawClient.connect(this.gw);
        for (let i = 0; this.#left > 0 && Date.now() < this.until; i++) {
            this.#left--;
            const isStream = (number + i) % 2 === 0;
            const model = (number + i) % 4 < 2 ? 'tiers' : 'even';
            await client.write(requestBytes({ body: chat({ model, stream: isStream }) }));
            this.answers.push({ isStream, response: await client.response(i) });
        }
        client.close();
    }

    async run() {
        await Promise.all(Array.from({ length: clients }, (_, i) => this.client(i)));
    }
}

/** What a stream costs whose provider ends it after so many of its events. */
async function priceOfCut(s, count) {
    s.M1.once(
        told(async ({ exchange, send }) => {
            await send(words.slice(0, count).join(''));
            exchange.fin();
        }),
    );
    const client = await RawClient.open(s.gw, { body: chat({ model: 'alone', stream: true }) });
    const response = await client.response();
    client.close();
    streamErrorIs(response, words.slice(0, count).join(''), 'upstream_disconnected');
    return unitsOf((await s.gw.row(response)).charge);
}

/** How many of its events a stream told before it was cut; 0 = it was whole. */
function cutAfter({ isStream, response }) {
    if (!isStream) {
        bodyIs(response, J1);
        return 0;
    }
    assert.equal(response.status, 200, response.text);
    if (response.text === seen) return 0;
    const count = words.filter((_, i) => response.text.startsWith(words.slice(0, i + 1).join(''))).length;
    assert.ok(count > 0, `not before its first event: ${response.text}`);
    streamErrorIs(response, words.slice(0, count).join(''), 'upstream_disconnected');
    return count;
}

/** One row for each answer, with the charge for what was told. */
async function checkBooks(gw, answers, prices, figures) {
    const rows = await gw.cli(['usage', 'tail', '--limit', '1000']);
    for (const one of answers) {
        const id = one.response.header('x-request-id');
        const mine = rows.filter((row) => row.request_id === id);
        assert.equal(mine.length, 1, `rows of ${id}`);
        assert.notEqual(mine[0].end, 'open');
        const count = cutAfter(one);
        assert.equal(unitsOf(mine[0].charge), prices[count], JSON.stringify(mine[0]));
        figures.spent += prices[count];
        figures.calls++;
        figures.cut += count > 0;
        figures.failedOver += mine[0].attempts > 1;
    }
}

async function flap(t, breaker) {
    const others = [await Upstream.start(t, 'M3'), await Upstream.start(t, 'M4')];
    const [P3, P4] = others.map((M) => ({ base_url: M.url, key: 'env:P1_KEY', idle_timeout: '5s', breaker }));
    const s = await scene(t, { provider: { breaker }, providers: { P3, P4 }, models });
    await s.gw.cli(['user', 'credit', 'u1', '1000000']);
    const prices = [5]; // of a whole one: its usage
    for (let count = 1; count <= words.length; count++) prices.push(await priceOfCut(s, count));
    for (const M of [s.M1, s.M2, ...others]) M.always(answer);
    const flapping = [s.M1, s.M2].map((M) => new Flapping(M));
    const until = Date.now() + (seconds * 1000) / 2;
    const figures = { breaker, calls: 0, cut: 0, failedOver: 0, spent: await s.gw.spent() };
    try {
        while (Date.now() < until) {
            const load = new Load(s.gw, until);
            await load.run();
            await s.gw.settled();
            await checkBooks(s.gw, load.answers, prices, figures);
            assert.equal(await s.gw.spent(), figures.spent, 'spent is the sum of the charges');
            for (const M of [s.M1, s.M2, ...others]) M.reset().always(answer);
        }
    } finally {
        await Promise.all(flapping.map((one) => one.stop()));
    }
    figures.deaths = flapping.reduce((sum, { deaths }) => sum + deaths, 0);
    if (process.env.TIME) console.log(`flap: ${seconds / 2} s, ${JSON.stringify(figures)}`);
    // With the breaker on, a short run may spare them before they cut anything.
    const isCut = figures.cut > 0 || breaker === 'on';
    assert.ok(figures.calls > 0 && isCut && figures.failedOver > 0, JSON.stringify(figures));
}

test('U19 half of the providers die and rise under load', { timeout: 60000 + seconds * 3000 }, async (t) => {
    // The breaker soon spares them; without it they are asked all the time.
    for (const breaker of ['on', 'off']) {
        await t.test(`U19 breaker ${breaker}`, (st) => flap(st, breaker));
    }
});
