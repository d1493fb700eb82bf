// A gateway whose clock is ahead (later.c): what takes days happens at its next start.

import { preload } from './preload.mjs';

const { library, why } = preload('later');

/** Why its clock cannot be set here; false when it can. */
export const noLater = why;

/** Starts this gateway again, so many hours from now. */
export async function restartLater(gw, hours) {
    gw.signal('SIGTERM');
    await gw.exit();
    gw.options.env = { ...gw.options.env, LD_PRELOAD: library, LATER_MS: String(hours * 3600000) };
    await gw.restart();
}
