// A library that stands before a gateway's own calls: one .c file beside this one.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { isSanitized, root, scratch } from './place.mjs';

/** Builds it: its path, and `why` it cannot be loaded here, false when it can. `withSanitizer`: it
    need not be the first. */
export function preload(name, { withSanitizer = false } = {}) {
    const library = path.join(scratch, `${name}-${process.pid}.so`);
    if (isSanitized && !withSanitizer) return { library, why: 'a sanitizer wants to be loaded first' };
    fs.mkdirSync(scratch, { recursive: true });
    const source = path.join(root, 'tests/e2e/lib', `${name}.c`);
    const done = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl']);
    return { library, why: done.status === 0 ? false : 'no C compiler on this machine' };
}
