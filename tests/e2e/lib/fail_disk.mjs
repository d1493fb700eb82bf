// A gateway whose database's disk fails on demand (fail_disk.c).

import fs from 'node:fs';
import path from 'node:path';
import { preload } from './preload.mjs';
import { scratch } from './place.mjs';

const { library, why } = preload('fail_disk');
let made = 0;

/** Why its disk cannot fail here; false when it can. */
export const noFailDisk = why;

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
