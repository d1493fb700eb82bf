// E23: random legal chat streams come through byte for byte, each event before the next is sent.
//
// STREAMS_SEED repeats a run, STREAMS_ONLY=17 one stream of it, STREAMS=10000 makes more of them.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { frame, lastFrame } from './lib/answers.mjs';
import { cutsOf, randomChatStream } from './lib/chat_streams.mjs';
import { scene } from './lib/gateway.mjs';
import { RawClient, requestBytes } from './lib/raw.mjs';
import { Random, seedOf } from './lib/random.mjs';
import { messages } from './lib/requests.mjs';
import { pace } from './lib/wait.mjs';

const seed = seedOf('STREAMS_SEED');
const count = Number(process.env.STREAMS || 1000);
const only = process.env.STREAMS_ONLY;
const lanes = 12; // streams at a time
console.log(`random streams: STREAMS_SEED=${seed}`);

const unasked = [undefined, null, {}, { include_usage: false }, { include_obfuscation: false }];
const heads = {
    chunked: () => 'Transfer-Encoding: chunked\r\n',
    length: (n) => `Content-Length: ${n}\r\n`,
    close: () => 'Connection: close\r\n',
};

/** One stream: what its client asks, what the upstream sends and what must arrive. */
class Case {
    constructor(number) {
        const random = new Random(seed, number);
        this.random = random;
        this.number = number;
        this.asks = random.chance(0.5);
        this.options = this.asks ? { include_usage: true } : random.pick(unasked);
        this.reconnects = random.chance(0.2);
        this.framing = random.pick(['chunked', 'chunked', 'length', 'close']);
        this.cutsMost = random.pick([0, 1, 3, 3, 40]);
        this.pauses = random.pick([0, 0.05, 0.3]); // of cuts, that the gateway surely sees
        Object.assign(this, randomChatStream(random));
        const passes = ({ kind }) => this.asks || kind !== 'usage';
        this.sent = Buffer.concat(this.blocks.map(({ bytes }) => bytes));
        this.want = Buffer.concat(this.blocks.filter(passes).map(({ bytes }) => bytes));
    }

    get request() {
        return {
            model: 'gpt-4o-mini',
            messages: [...messages, { role: 'user', content: `stream ${this.number}` }],
            stream: true,
            stream_options: this.options,
        };
    }

    /** The bytes on the wire of a part of the body. */
    wire(bytes) {
        if (this.framing !== 'chunked') return bytes;
        return Buffer.concat(cutsOf(this.random, bytes, 2).map(frame));
    }

    async send(exchange, bytes) {
        for (const piece of cutsOf(this.random, bytes, this.cutsMost)) {
            await exchange.send(piece);
            if (this.random.chance(this.pauses)) await pace(1);
        }
    }

    /** The upstream's side: the next event goes out when the client has the one before. */
    async tell(exchange) {
        const type = this.random.pick(['', '; charset=utf-8']);
        const head =
            `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream${type}\r\n` +
            `${heads[this.framing](this.sent.length)}\r\n`;
        await this.send(exchange, Buffer.from(head));
        let passed = 0;
        let begun = false;
        for (const [i, { kind, bytes, open }] of this.blocks.entries()) {
            await this.send(exchange, this.wire(bytes));
            if (kind === 'usage' && !this.asks) continue;
            passed += bytes.length;
            begun ||= kind === 'passed';
            if (!begun || kind === 'last' || open) continue;
            const has = () => this.client.responses[this.nth]?.bytes >= passed || this.client.ended;
            await this.client.until(has, `block ${i} (${kind}) at the client: ${passed} bytes`);
        }
        if (this.framing === 'chunked') await this.send(exchange, Buffer.from(lastFrame));
        if (this.framing === 'close') exchange.fin();
    }

    answer() {
        return async (exchange) => {
            try {
                await this.tell(exchange);
            } catch (error) {
                this.error ??= error;
                this.client.reset();
                exchange.rst();
            }
        };
    }

    /** Where got and want part. */
    difference(got) {
        let at = 0;
        while (at < got.length && got[at] === this.want[at]) at++;
        const around = (bytes) => JSON.stringify(bytes.subarray(Math.max(0, at - 60), at + 60).toString());
        return (
            `${got.length} bytes instead of ${this.want.length}, they part at ${at}:\n` +
            `want ${around(this.want)}\ngot  ${around(got)}`
        );
    }

    check(response) {
        assert.equal(response.status, 200, `${response.startLine} ${response.text.slice(0, 300)}`);
        assert.equal(response.complete, true, `a whole answer: ${response.text.slice(-300)}`);
        const [got, want] = [response.body, this.want].map((bytes) =>
            createHash('sha256').update(bytes).digest('hex'),
        );
        assert.ok(got === want, this.difference(response.body));
    }
}

/** One after the other on a connection, which is a new one now and then. */
class Lane {
    constructor(gateway, cases, http) {
        Object.assign(this, { gateway, cases, http });
    }

    async run(one) {
        if (!this.client || this.http === '1.0' || one.reconnects) {
            this.client?.close();
            this.client = await RawClient.connect(this.gateway);
        }
        one.client = this.client;
        one.nth = this.client.responses.length;
        const request = requestBytes({ body: one.request, http: this.http });
        await this.client.write(request);
        const response = await this.client.response(one.nth, 30000);
        assert.equal(response.framing, this.http === '1.0' ? 'end' : 'chunked');
        one.check(response);
        assert.equal(this.client.responses.length, one.nth + 1, 'one answer');
    }

    async work(failures) {
        for (let one = this.cases.next(); one && failures.length < 3; one = this.cases.next()) {
            try {
                await this.run(one);
                if (one.error) throw one.error;
            } catch (error) {
                failures.push(
                    `STREAMS_SEED=${seed} STREAMS_ONLY=${one.number} (${one.framing}, ` +
                        `${one.asks ? 'asked' : 'not asked'}): ${one.error?.message ?? error.message}`,
                );
                this.client?.close();
                this.client = null;
            }
        }
        this.client?.close();
    }
}

/** Hands out the cases and the answers to them. */
class Cases {
    #next = 0;
    #open = new Map();
    tokens = 0;
    asked = 0;

    next() {
        if (only !== undefined && this.#next > 0) return null;
        if (this.#next >= count) return null;
        const number = only === undefined ? this.#next : Number(only);
        this.#next++;
        const one = new Case(number);
        this.#open.set(number, one);
        this.tokens += one.tokens;
        this.asked += one.asks ? 1 : 0;
        return one;
    }

    answer() {
        return async (exchange) => {
            const number = Number(/"stream (\d+)"/.exec(exchange.request.text)[1]);
            await this.#open.get(number).answer()(exchange);
        };
    }
}

async function streams({ gw, M1, M2 }, http) {
    const before = await gw.spent();
    const cases = new Cases();
    const failures = [];
    M1.always(cases.answer());
    await Promise.all(
        Array.from({ length: lanes }, () => new Lane(gw, cases, http).work(failures)),
    );
    assert.deepEqual(failures, []);
    assert.equal(M2.count, 0, 'nothing had to be tried again');
    assert.equal((await gw.spent()) - before, cases.tokens, 'charged as the upstream told');
    if (only === undefined) assert.ok(Math.abs(cases.asked / count - 0.5) < 0.15);
}

const s = await scene({ after, name: 'streams' });

test('E23 random streams, direct mode', () => streams(s, '1.1'));

test('E23 random streams, HTTP/1.0', () => streams(s, '1.0'));

test('E23 random streams, direct mode off', async (t) => {
    await streams(await scene(t, { server: { direct: 'off' } }), '1.1');
});
