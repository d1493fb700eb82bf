// Which failures the tests have produced: names from the gateway's log, reasons from its answers.
// tests/e2e/faults.mjs tells at the end which rows of base/fault.def none of them did.

import fs from 'node:fs';
import path from 'node:path';
import { scratch } from './place.mjs';

export const seenFile = path.join(scratch, 'faults-seen');

export function note(line) {
    fs.mkdirSync(scratch, { recursive: true });
    fs.appendFileSync(seenFile, `${line}\n`);
}

/** An answer of the gateway: its status and reason if it is an error. */
export function noteAnswer(message) {
    if (message.status < 400) return;
    let reason = '-';
    try {
        reason = message.json.error.reason ?? '-';
    } catch {
        // Not JSON: the test that got it will say so.
    }
    note(`wire ${message.status} ${reason}`);
}

/** A line of the gateway's log. */
export function noteLog(line) {
    const match = /\bfault ([A-Z][A-Z_]+)\b/.exec(line);
    if (match) note(`log ${match[1]}`);
}
