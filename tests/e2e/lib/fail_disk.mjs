// A gateway whose database's disk fails on demand (fail_disk.c).

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { isSanitized } from './gateway.mjs';
import { root, scratch } from './seen.mjs';

const library = path.join(scratch, `fail-disk-${process.pid}.so`);
let made = 0;

/** Why its disk cannot fail here; false when it can. */
export const noFailDisk = (() => {
    if (isSanitized) return 'a sanitizer wants to be loaded first';
    const source = path.join(root, 'tests/e2e/lib/fail_disk.c');
    const done = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source]);
    return done.status === 0 ? false : 'no C compiler on this machine';
})();

/** `env` for the gateway; `fail(how)` from now on, '' = no more. */
export function failDisk() {
    const file = path.join(scratch, `fail-disk-${process.pid}-${made++}`);
    fs.writeFileSync(file, '');
    const fail = (how) => {
        fs.writeFileSync(`${file}.new`, how);
        fs.renameSync(`${file}.new`, file);
    };
    return { env: { LD_PRELOAD: library, FAIL_DISK: file }, fail };
}
