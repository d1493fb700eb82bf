// P: the bench measures what it says, and notices a gateway that is wrong.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { load, Stand } from '../bench/stand.mjs';
import { reply } from './lib/answers.mjs';
import { isSanitized, root } from './lib/place.mjs';
import { Upstream } from './lib/upstream.mjs';

const tiny = { ROUNDS: 1, SLICE: 1, REQUESTS: 200, CONNECTIONS: 4, STREAMS: 4, QUIET: 20, JSON: 1 };

function bench(options) {
    const env = { ...process.env, ONLY: '', GATE: '', ...options };
    return new Promise((resolve, reject) => {
        const args = [path.join(root, 'tests/bench/bench.mjs')];
        execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
            if (error) reject(new Error(`${error.message}\n${stderr}`));
            else resolve(JSON.parse(stdout));
        });
    });
}

test('P1 one short round of everything', async () => {
    const { relay, store, paced, quiet, stalls, goals } = await bench(tiny);
    for (const { cpu_ratio, gateway, nginx } of [relay, paced]) {
        assert.ok(cpu_ratio.min > 0 && cpu_ratio.min <= cpu_ratio.max);
        for (const side of [gateway, nginx]) {
            assert.ok(side.cpu_us.median > 0 && side.p50_us.median > 0);
            assert.ok(side.p99_us.median >= side.p50_us.median && side.switches.median > 0);
        }
    }
    assert.ok(quiet.gateway.growth.median > 0);
    assert.ok(store.commit_us.median > 0 && store.roll_up_us.median > 0);
    assert.equal(goals.length, isSanitized ? 3 : 9);
    if (isSanitized) return;
    for (const { p99_ratio, lag_ms } of Object.values(stalls)) assert.ok(p99_ratio.median > 0 && lag_ms > 0);
    assert.deepEqual(Object.keys(stalls), ['name', 'backlog', 'tls']);
});

test('P2 books that miss a request have no figures', async () => {
    const stand = await Stand.start('P2');
    await assert.rejects(stand.stop({ gateway: 1, nginx: 0 }), /rows is 0, should be 1/);
    fs.rmSync(stand.dir, { recursive: true });
});

test('P3 a wrong answer ends the load', async (t) => {
    const upstream = await Upstream.start(null, 'P3');
    t.after(() => upstream.stop());
    for (const status of [200, 502]) {
        upstream.once(reply('{"object":"chat.completion"}', { status }));
        const client = load('json', upstream.port, 'sk-x', 1, 5, 1);
        await client.line();
        client.tell('go');
        assert.equal(JSON.parse(await client.line()).bad, 1, `status ${status}`);
        client.child.stdin.end();
        assert.equal((await client.ended).code, 1, `status ${status}`);
    }
});
