// Random choices from a seed: the same seed makes the same choices again.

import { randomInt } from 'node:crypto';

/** The seed of this run, from the environment if it is set there. */
export function seedOf(name) {
    return Number(process.env[name] || randomInt(1, 1e9));
}

export class Random {
    #state;

    /** `stream` tells apart what runs side by side under one seed. */
    constructor(seed, stream = 0) {
        this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
        this.below(2);
    }

    /** 0 to n - 1 (mulberry32). */
    below(n) {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let t = this.#state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
    }

    between(low, high) {
        return low + this.below(high - low + 1);
    }

    chance(p) {
        return this.below(1e6) < p * 1e6;
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    /** 1 to max, every order of magnitude as likely as any other. */
    size(max) {
        return Math.min(max, Math.floor(2 ** ((this.below(1e6) / 1e6) * Math.log2(max + 1))));
    }
}
