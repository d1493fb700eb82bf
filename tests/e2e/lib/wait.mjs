// Waiting in tests: for conditions with a deadline, never for time.

/** How long a condition may take before its test fails; sanitizer builds are slow. */
export const deadlineMs = Number(process.env.E2E_DEADLINE_MS ?? 10000);

/** Something that changes, and those who wait for it to be in a certain state. */
export class Changes {
    #waiters = new Set();

    /** Resolves as soon as `predicate()` is truthy, with its value; rejects when it throws, or after
     * the deadline. */
    until(predicate, what, ms = deadlineMs) {
        const value = predicate();
        if (value) return Promise.resolve(value);
        return new Promise((resolve, reject) => {
            const waiter = { predicate, resolve, reject };
            waiter.timer = setTimeout(() => {
                this.#waiters.delete(waiter);
                reject(new Error(`not within ${ms} ms: ${what}`));
            }, ms);
            this.#waiters.add(waiter);
        });
    }

    changed() {
        for (const waiter of [...this.#waiters]) {
            let value, fault;
            try {
                value = waiter.predicate();
            } catch (error) {
                fault = error;
            }
            if (!value && !fault) continue;
            clearTimeout(waiter.timer);
            this.#waiters.delete(waiter);
            if (fault) waiter.reject(fault);
            else waiter.resolve(value);
        }
    }
}

/** A gate that one side opens and the other waits at. */
export class Barrier {
    #changes = new Changes();
    #open = false;

    open() {
        this.#open = true;
        this.#changes.changed();
    }

    passed(what = 'barrier') {
        return this.#changes.until(() => this.#open, what);
    }
}

/** Asks `probe` again and again until it gives something truthy: for what cannot notify us. */
export async function eventually(probe, what, ms = deadlineMs) {
    const end = Date.now() + ms;
    let last;
    for (;;) {
        try {
            const value = await probe();
            if (value) return value;
            last = undefined;
        } catch (error) {
            last = error;
        }
        if (Date.now() > end) {
            throw new Error(`not within ${ms} ms: ${what}`, { cause: last });
        }
        await pace(20);
    }
}

/** Only for cases that are about pacing ("1 ms apart") and between two probes. */
export function pace(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}
