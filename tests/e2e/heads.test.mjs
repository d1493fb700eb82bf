// T: raw request heads that two parsers could read in two ways.  Each is refused and its connection
// closed within a second, or is exactly one request; a request hidden in a body never comes out.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, reply } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { families, probeBytes } from './lib/heads.mjs';
import { Random, seedOf } from './lib/random.mjs';
import { RawClient, requestBytes } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { deadlineMs } from './lib/wait.mjs';

const limitMs = deadlineMs / 10; // a second, and more where everything is slow
const lanes = 8;
const refusals = new Set([400, 411, 413, 431, 501, 505]);
const sentinel = requestBytes({
    method: 'GET',
    path: '/v1/models/gpt-4o-mini',
    headers: { Connection: 'close' },
});

const s = await scene({ after, name: 'heads' });
let probes = 0;

/** What became of a probe: 'refused', or the status of its one answer; throws when it was neither. */
async function outcomeOf(bytes, isHead) {
    const client = await RawClient.connect(s.gw);
    try {
        client.reader.noBody = isHead;
        await client.write(bytes);
        const first = () => client.responses[0]?.complete;
        await client.until(() => first() || client.ended, 'an answer or the end', limitMs);
        if (!client.ended && !refusals.has(client.responses[0].status)) {
            // On a connection that goes on the next request must be read as it is.
            client.reader.noBody = false;
            await client.write(sentinel);
        }
        await client.until(() => client.ended, 'the end of the connection', limitMs);
        const statuses = client.responses.map(({ status }) => status);
        const told = `answers ${statuses.join(', ')}; ${client.responses.at(-1)?.text}`;
        assert.ok(client.responses.every(({ complete }) => complete), `whole ${told}`);
        if (statuses.length === 0 || refusals.has(statuses[0])) {
            assert.ok(statuses.length <= 1, told);
            return 'refused';
        }
        if (statuses.length === 1) {
            assert.match(client.responses[0].header('connection') ?? '', /close/i, told);
        } else {
            assert.deepEqual(statuses, [statuses[0], 200], told);
            assert.equal(client.responses[1].json.id, 'gpt-4o-mini', told);
        }
        return statuses[0];
    } finally {
        client.close();
    }
}

/** What the upstream has seen: {hidden: [ids], probe: [ids]}. */
function seenUpstream() {
    const seen = { hidden: [], probe: [] };
    for (const { text, json } of s.M1.requests) {
        const [, which, id] = /"(hidden|probe) (\d+)"/.exec(text);
        seen[which].push(Number(id));
        assert.deepEqual(Object.keys(json), ['model', 'messages']);
    }
    return seen;
}

async function family(heads) {
    s.M1.reset().always(reply(J1));
    const jobs = heads.flatMap((head) => head.kinds.map((kind) => ({ head, kind, id: probes++ })));
    const faults = [];
    const answered = new Set();
    let refused = 0;
    let next = 0;
    const work = async () => {
        while (next < jobs.length) {
            const { head, kind, id } = jobs[next++];
            try {
                const bytes = probeBytes(head, kind, id);
                const outcome = await outcomeOf(bytes, /^HEAD /.test(head.start));
                if (head.served) assert.equal(outcome, 200);
                if (outcome === 200) answered.add(id);
                if (outcome === 'refused') refused++;
            } catch (error) {
                faults.push(`${head.name} [${kind} ${id}]: ${error.message}`);
            }
        }
    };
    await Promise.all(Array.from({ length: lanes }, work));
    const { hidden, probe } = seenUpstream();
    const nameOf = (id) => {
        const { head, kind } = jobs.find((job) => job.id === id);
        return `${head.name} [${kind} ${id}]`;
    };
    assert.deepEqual(hidden.map(nameOf), [], 'hidden requests that came out');
    assert.deepEqual(faults.slice(0, 20), [], `${faults.length} of ${jobs.length} probes`);
    const byNumber = (a, b) => a - b;
    assert.deepEqual(probe.sort(byNumber), [...answered].sort(byNumber), 'each served once');
    return refused;
}

for (const [name, heads] of Object.entries(families)) {
    test(`T1 ${name}`, async () => {
        const refused = await family(heads);
        if (!heads[0].served) assert.ok(refused > heads.length / 2, `${refused} refused`);
    });
}

test('T1 there are enough of them', () => {
    const heads = Object.values(families).flat().length;
    assert.ok(heads >= 600, `${heads} heads`);
});

test('T2 ordinary heads are served however they arrive', async (t) => {
    const seed = seedOf('HEADS_SEED');
    console.log(`heads: HEADS_SEED=${seed}`);
    s.M1.reset().always(reply(J1));
    const random = new Random(seed);
    const long = (n) => 'v'.repeat(n);
    const extra = [
        ['Cookie', 'a=b; c="d"; e'], ['Accept', '*/*'], ['X-Empty', ''], ['X-Long', long(3000)],
        ['User-Agent', 'probe/1.0 (x; y) \t z'], ['X-Latin', '\u00e9'], ['X-Colon', 'a: b: c'],
        ...Array.from({ length: 40 }, (_, i) => [`X-Header-${i}`, long(i * 3)]),
    ];
    const targets = ['', '?', '?a=b&c=%20&d', '?x=%2F%00&&=', '?a'];
    for (let n = 0; n < 40; n++) {
        await t.test(`T2 connection ${n}`, async () => {
            const client = await RawClient.connect(s.gw);
            const headers = extra.filter(() => random.chance(0.5));
            const requests = Array.from({ length: random.between(1, 4) }, () =>
                requestBytes({
                    body: chat({ user: long(random.size(20000)) }),
                    path: `/v1/chat/${random.pick(['completions', '%63ompletions'])}${random.pick(targets)}`,
                    headers,
                }),
            );
            // All at once, one after the other, or in small pieces.
            const piece = random.pick([1e9, 1e9, 1000, 100, 1]);
            const all = random.chance(0.5) ? [Buffer.concat(requests)] : requests;
            for (const [i, bytes] of all.entries()) {
                const small = Math.min(bytes.length, 2000);
                for (let at = 0; at < small; at += piece) {
                    await client.write(bytes.subarray(at, Math.min(at + piece, small)));
                }
                await client.write(bytes.subarray(small));
                if (all.length > 1) bodyIs(await client.response(i), J1);
            }
            for (const i of requests.keys()) bodyIs(await client.response(i), J1);
            client.close();
        });
    }
});
