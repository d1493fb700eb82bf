// A gateway that looks up some names slowly (slow_dns.c).

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { isSanitized } from './gateway.mjs';
import { root, scratch } from './seen.mjs';

const library = path.join(scratch, `slow-dns-${process.pid}.so`);
let made = 0;

/** Why names cannot be slow here; false when they can. */
export const noSlowDns = (() => {
    if (isSanitized) return 'a sanitizer wants to be loaded first';
    const source = path.join(root, 'tests/e2e/lib/slow_dns.c');
    const done = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl']);
    return done.status === 0 ? false : 'no C compiler on this machine';
})();

/** The environment in which names under slow.internal take so long; `lookups()` counts them. */
export function slowDns(ms) {
    const log = path.join(scratch, `slow-dns-${process.pid}-${made++}.log`);
    fs.rmSync(log, { force: true });
    return {
        env: { LD_PRELOAD: library, SLOW_DNS_MS: String(ms), SLOW_DNS_LOG: log },
        lookups: () => (fs.existsSync(log) ? fs.statSync(log).size : 0),
    };
}
