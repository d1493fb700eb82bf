// Limits of the kernel on a gateway: files that cannot grow, as on a full disk, and few descriptors.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

export const noPrlimit = spawnSync('prlimit', ['--version']).error && 'no prlimit on this machine';

/** For `wrap`: SIGXFSZ is ignored, so that a write beyond the limit fails as it does on a full disk. */
export const failingWrites = ['sh', '-c', 'trap "" XFSZ; exec "$@"', 'sh'];

/** From now on its files may grow up to `bytes`; sockets and pipes are not touched. */
export function limitFiles(gw, bytes) {
    const limit = `--fsize=${bytes}:unlimited`;
    const done = spawnSync('prlimit', ['--pid', String(gw.child.pid), limit]);
    assert.equal(done.status, 0, String(done.stderr));
}

/** For `wrap`: at most so many descriptors. */
export function fewDescriptors(n) {
    return ['prlimit', `--nofile=${n}:${n}`];
}
