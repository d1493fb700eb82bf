// A gateway that looks up some names slowly (slow_dns.c).

import fs from 'node:fs';
import path from 'node:path';
import { preload } from './preload.mjs';
import { scratch } from './place.mjs';

const { library, why } = preload('slow_dns');
let made = 0;

/** Why names cannot be slow here; false when they can. */
export const noSlowDns = why;

/** The environment in which names under slow.internal take so long; `lookups()` counts them. */
export function slowDns(ms) {
    const log = path.join(scratch, `slow-dns-${process.pid}-${made++}.log`);
    fs.rmSync(log, { force: true });
    return {
        env: { LD_PRELOAD: library, SLOW_DNS_MS: String(ms), SLOW_DNS_LOG: log },
        lookups: () => (fs.existsSync(log) ? fs.statSync(log).size : 0),
    };
}
