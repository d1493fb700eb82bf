// A gateway whose clock is ahead (later.c): what takes days happens at its next start.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { isSanitized } from './gateway.mjs';
import { root, scratch } from './seen.mjs';

const library = path.join(scratch, `later-${process.pid}.so`);

/** Why its clock cannot be set here; false when it can. */
export const noLater = (() => {
    if (isSanitized) return 'a sanitizer wants to be loaded first';
    const source = path.join(root, 'tests/e2e/lib/later.c');
    const done = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source]);
    return done.status === 0 ? false : 'no C compiler on this machine';
})();

/** Starts this gateway again, so many hours from now. */
export async function restartLater(gw, hours) {
    gw.signal('SIGTERM');
    await gw.exit();
    gw.options.env = { ...gw.options.env, LD_PRELOAD: library, LATER_MS: String(hours * 3600000) };
    await gw.restart();
}
