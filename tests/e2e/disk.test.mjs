// G3: a disk that is full, read-only, or does not make durable what it was given: answers that run
// end within the commit's limit, paid admission is refused, and nothing is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { J1, reply, S1 } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { failDisk, noFailDisk } from './lib/fail_disk.mjs';
import { scene } from './lib/gateway.mjs';
import { openStream } from './lib/open_stream.mjs';
import { isSanitized } from './lib/place.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eventually } from './lib/wait.mjs';

const body = chat();
const limitMs = 5000; // [server] commit_timeout, as it is without a word about it

for (const how of ['full', 'readonly', 'sync']) {
    test(`G3 a disk that fails: ${how}`, { skip: noFailDisk }, async (t) => {
        const disk = failDisk();
        const s = await scene(t, { env: disk.env, database: { durability: 'power' } });
        s.M1.always(reply(J1));
        bodyIs(await call(s.gw, { body }), J1);
        const streams = [];
        for (let i = 0; i < 3; i++) streams.push(await openStream(s));
        disk.fail(how);
        const began = performance.now();
        for (const { gate } of streams) gate.open();
        const whole = [call(s.gw, { body }), ...streams.map(({ client }) => client.response())];
        const [plain, ...ended] = await Promise.all(whole);
        const tookMs = performance.now() - began;
        assert.ok(tookMs < limitMs + 5000, `they ended after ${tookMs} ms`);
        for (const response of ended) bodyIs(response, S1);
        for (const { client } of streams) client.close();
        const refused = await eventually(async () => {
            const answer = await call(s.gw, { body });
            return answer.status === 502 && answer;
        }, 'paid admission is refused');
        errorIs(refused, 502, 'server_error', 'store_unavailable');
        assert.equal(refused.header('retry-after'), '1');
        assert.equal((await call(s.gw, { method: 'GET', path: '/v1/models' })).status, 200);

        disk.fail('');
        const mended = performance.now();
        await eventually(async () => (await call(s.gw, { body })).status === 200, 'it recovers by itself');
        const recoveredMs = performance.now() - mended;
        assert.ok(recoveredMs < 3000, `it recovered after ${recoveredMs} ms`);
        for (const response of ended) {
            const row = await s.gw.row(response);
            assert.deepEqual([row.end, row.charge], ['finished', '0.000005000'], 'nothing is lost');
        }
        if (plain.status === 200) assert.equal((await s.gw.row(plain)).charge, '0.000005000');
        const lag = await s.gw.lagMs();
        if (!isSanitized) assert.ok(lag <= 20 + s.gw.takenMs, `a turn of ${lag} ms`);
    });
}

test('G3 a disk that takes two seconds to sync: answers end late, and none is refused', { skip: noFailDisk }, async (t) => {
    const disk = failDisk();
    const s = await scene(t, { env: disk.env, database: { durability: 'power' } });
    s.M1.always(reply(J1));
    bodyIs(await call(s.gw, { body }), J1);
    const { client, gate } = await openStream(s);
    disk.fail('slow 2000');
    gate.open();
    const began = performance.now();
    const answers = Array.from({ length: 20 }, () => call(s.gw, { body }));
    bodyIs(await client.response(), S1);
    for (const answer of await Promise.all(answers)) bodyIs(answer, J1);
    assert.ok(performance.now() - began >= 2000, 'no answer is told before its charge is durable');
    bodyIs(await call(s.gw, { body }), J1);
    client.close();
    const lag = await s.gw.lagMs();
    if (!isSanitized) assert.ok(lag <= 20 + s.gw.takenMs, `a turn of ${lag} ms`);
    disk.fail('');
    await s.gw.settled();
});
