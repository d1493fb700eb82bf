// Instructions of the gateway's threads for one request, counted by valgrind: a figure without noise.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { requests } from './measure.mjs';
import { root } from '../e2e/lib/place.mjs';
import { Stand } from './stand.mjs';

const limitS = 60;

function annotate(file, args) {
    return execFileSync('callgrind_annotate', [...args, file], { encoding: 'utf8', maxBuffer: 1 << 26 });
}

/** Instructions of a thread's file of callgrind, and what its functions took with all they call. */
function readThread(file, count) {
    const rows = [];
    for (const line of annotate(file, ['--inclusive=yes', '--threshold=100']).split('\n')) {
        const match = /^\s*([\d,]+) \([^)]*\)\s+(?:\S*:)?(\S+) \[(\S+)\]/.exec(line);
        if (!match || match[2].startsWith('0x')) continue;
        const each = Math.round(Number(match[1].replaceAll(',', '')) / count);
        rows.push({ name: match[2], from: path.basename(match[3]), each });
    }
    const total = /([\d,]+) \([^)]*\)\s+PROGRAM TOTALS/.exec(annotate(file, []))[1];
    return { each: Math.round(Number(total.replaceAll(',', '')) / count), functions: rows };
}

export function valgrindIsThere() {
    try {
        execFileSync('valgrind', ['--version'], { stdio: 'ignore' });
        return true;
    } catch {
        return false;
    }
}

/** Threads with their instructions for each of `count` requests, the busiest first. */
export async function instructions(connections, count) {
    const out = path.join(root, `build/callgrind-${process.pid}`);
    const wrap = ['valgrind', '-q', '--tool=callgrind', '--instr-atstart=no', '--separate-threads=yes'];
    const stand = await Stand.start('instructions', { wrap: [...wrap, `--callgrind-out-file=${out}`] });
    stand.count = { gateway: 0, nginx: 0 };
    const options = { connections, slice: limitS, requestsMax: count };
    const pid = String(stand.gateway.process.pid);
    await requests(stand, stand.gateway, options);
    execFileSync('callgrind_control', ['-i', 'on', pid], { stdio: 'ignore' });
    await requests(stand, stand.gateway, options);
    execFileSync('callgrind_control', ['-i', 'off', pid], { stdio: 'ignore' });
    await stand.stop(stand.count);
    const files = fs.readdirSync(path.dirname(out)).filter((name) => name.startsWith(path.basename(out)));
    const threads = files.filter((name) => /-\d\d$/.test(name)).map((name) => {
        return readThread(path.join(path.dirname(out), name), count);
    });
    for (const name of files) fs.rmSync(path.join(path.dirname(out), name));
    return threads.filter(({ each }) => each > 100).sort((a, b) => b.each - a.each);
}
