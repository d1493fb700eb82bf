// A gateway that dies where it makes a commit durable, when a test says so (die_at_sync.c).

import fs from 'node:fs';
import path from 'node:path';
import { preload } from './preload.mjs';
import { scratch } from './place.mjs';

const { library, why } = preload('die_at_sync');

/** Why it cannot be made to die there; false when it can. */
export const noDying = why;

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
