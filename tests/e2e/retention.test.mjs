// keep: rows of the log of usage go by age ([database] usage_forget_after); what they cost does not.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, test } from 'node:test';
import { J1, reply } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eventually } from './lib/wait.mjs';

const s = await scene({ after }, { name: 'retention', database: { usage_forget_after: '48h' } });
const { gw, M1 } = s;

/** Makes the first `n` requests of a stopped gateway's books some days older: an id has its time in its upper bits. */
function age(n, days) {
    const sql = `CREATE TEMP TABLE old AS SELECT id, id - (${days * 86400000} << 21) AS aged FROM requests ORDER BY id LIMIT ${n};
        UPDATE ledger SET request_id = (SELECT aged FROM old WHERE old.id = ledger.id), id = (SELECT aged FROM old WHERE old.id = ledger.id)
            WHERE id IN (SELECT id FROM old);
        UPDATE requests SET id = (SELECT aged FROM old WHERE old.id = requests.id) WHERE id IN (SELECT id FROM old)`;
    const program = 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2])';
    execFileSync('python3', ['-c', program, path.join(gw.dir, 'gateway.db'), sql]);
}

test('keep-1 old rows go, and the sums and the balance stay', async () => {
    M1.always(reply(J1));
    for (let i = 0; i < 5; i++) bodyIs(await call(gw, { body: chat() }), J1);
    const before = await gw.cli(['user', 'show', 'u1']);
    const rows = await gw.cli(['usage', 'list']);
    assert.equal(rows.length, 5);
    await gw.stop();
    age(3, 5);
    await gw.restart();
    const left = await eventually(async () => {
        const list = await gw.cli(['usage', 'list']);
        return list.length < 5 && list;
    }, 'the old rows are gone');
    assert.deepEqual(left, rows.filter((row) => left.some((other) => other.request_id === row.request_id)));
    assert.equal(left.length, 2);
    const gone = await gw.cliRaw(['usage', 'show', rows.at(-1).request_id]);
    assert.equal(gone.code, 3, gone.stderr);
    const days = await gw.cli(['usage', 'summary', '--by', 'day']);
    assert.deepEqual(days.map((day) => day.requests), [3, 2]);
    const [sum] = await gw.cli(['usage', 'summary', '--by', 'user']);
    assert.deepEqual([sum.requests, sum.spent], [5, before.spent]);
    assert.deepEqual(await gw.cli(['user', 'show', 'u1']), before);
    await gw.settled();
});
