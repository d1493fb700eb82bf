// The standard library's stand-in for openai-python: its request bytes and stream decoder.  It needs
// no package.

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { pythonEnv } from './python.mjs';
import { root } from './place.mjs';

export const replay = {
    name: 'replay',
    async run(operation, { url, key = 'sk-t1-0000000000' }) {
        const order = JSON.stringify({ operation, base: `${url}/v1`, key, model: 'gpt-4o-mini' });
        const run = promisify(execFile);
        const done = run('python3', ['-I', path.join(root, 'tests/python/replay.py')], { env: pythonEnv });
        done.child.stdin.end(order);
        return JSON.parse((await done).stdout);
    },
};
