// Memory that runs out in a gateway: allocations that fail when a test says so (fail_malloc.c).

import fs from 'node:fs';
import path from 'node:path';
import { preload } from './preload.mjs';
import { scratch } from './place.mjs';

const { library, why } = preload('fail_malloc');

/** Why memory cannot be made to fail here; false when it can. */
export const noFailing = why;

export class Memory {
    #file = path.join(scratch, `fail_malloc-${process.pid}`);

    constructor() {
        fs.writeFileSync(this.#file, Buffer.alloc(32));
        this.fd = fs.openSync(this.#file, 'r+');
    }

    /** For a gateway's start. */
    get env() {
        return { LD_PRELOAD: library, FAIL_MALLOC: this.#file };
    }

    /** The n-th allocation from now on fails; `forever`: and all behind it. */
    fail(n, forever = false) {
        this.#set(1n, BigInt(n), forever ? 1n : 0n, 0n);
    }

    /** Allocations succeed again; gives how many have failed. */
    heal() {
        const words = Buffer.alloc(32);
        fs.readSync(this.fd, words, 0, 32, 0);
        this.#set(0n, 0n, 0n, 0n);
        return Number(words.readBigInt64LE(24));
    }

    #set(...words) {
        const bytes = Buffer.alloc(32);
        words.slice(1).forEach((word, i) => bytes.writeBigInt64LE(word, 8 + 8 * i));
        fs.writeSync(this.fd, bytes, 8, 24, 8);
        bytes.writeBigInt64LE(words[0], 0);
        fs.writeSync(this.fd, bytes, 0, 8, 0); // last: from here on it counts
    }
}
