// Prints which failures of base/fault.def no test has produced, by the names and reasons that the
// harness saw in logs and answers (build/e2e/faults-seen).

import fs from 'node:fs';
import path from 'node:path';
import { root } from './lib/place.mjs';
import { seenFile } from './lib/seen.mjs';

const table = fs.readFileSync(path.join(root, 'base/fault.def'), 'utf8');
const rows = [...table.matchAll(/^FAULT\((\w+),\s*(\d+),\s*(\w+),\s*"(\w+)"/gm)].map((match) => ({
    name: match[1],
    status: Number(match[2]),
    reason: match[4],
}));

const seen = fs.existsSync(seenFile) ? fs.readFileSync(seenFile, 'utf8').split('\n') : [];
const names = new Set();
const onWire = new Set();
for (const line of seen) {
    const [kind, a, b] = line.split(' ');
    if (kind === 'log') names.add(a);
    if (kind === 'wire') onWire.add(`${a} ${b}`);
}

// A reason that only one row has is proof enough; rows that share one need the log's name.
const rowsOf = (row) =>
    rows.filter((one) => one.status === row.status && one.reason === row.reason).length;
const missing = rows.filter((row) => {
    if (names.has(row.name)) return false;
    return !(rowsOf(row) === 1 && onWire.has(`${row.status} ${row.reason}`));
});

console.log(`faults: ${rows.length - missing.length} of ${rows.length} produced by a test`);
if (missing.length > 0) console.log(`not produced: ${missing.map((row) => row.name).join(' ')}`);
