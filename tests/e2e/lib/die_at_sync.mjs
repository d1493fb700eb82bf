// A gateway that dies where it makes a commit durable, when a test says so (die_at_sync.c).

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { isSanitized } from './gateway.mjs';
import { root, scratch } from './seen.mjs';

const library = path.join(scratch, `die_at_sync-${process.pid}.so`);

/** Why it cannot be made to die there; false when it can. */
export const noDying = (() => {
    if (isSanitized) return 'a sanitizer wants to be loaded first';
    const source = path.join(root, 'tests/e2e/lib/die_at_sync.c');
    const done = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source]);
    return done.status === 0 ? false : 'no C compiler on this machine';
})();

export class Death {
    #file = path.join(scratch, `die_at_sync-${process.pid}`);

    /** For a gateway's start. */
    get env() {
        return { LD_PRELOAD: library, DIE_AT_SYNC: this.#file };
    }

    /** At the next commit: 'before' it is durable, or 'after'. */
    at(when) {
        fs.writeFileSync(`${this.#file}.new`, when);
        fs.renameSync(`${this.#file}.new`, this.#file); // never half of it
    }

    no() {
        fs.rmSync(this.#file, { force: true });
    }
}
