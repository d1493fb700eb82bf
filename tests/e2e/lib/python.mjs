// openai-python of one major: a process that takes orders (see smoke.py) as long as the tests last, for
// loading the SDK takes longer than most of them.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './place.mjs';

export const pythonEnv = {
    ...process.env,
    PYTHONDONTWRITEBYTECODE: '1',
    NO_PROXY: '127.0.0.1',
};

export class PythonSdk {
    #defaults;
    #child = null;
    #waiting = new Map(); // number of an order -> { resolve, reject }
    #orders = 0;
    #rest = '';
    #errors = '';

    /** folder: of build/python, and the name of the requirements it was made from. */
    constructor(folder, defaults) {
        this.#defaults = defaults;
        const pins = fs.readFileSync(path.join(root, `tests/python/${folder}.txt`), 'utf8');
        const [, version] = /^openai==(\S+)$/m.exec(pins);
        this.name = `python-${version}`;
        this.agent = `OpenAI/Python ${version}`;
        this.python = path.join(root, 'build/python', folder, 'bin/python');
        this.command = [this.python, '-I', path.join(root, 'tests/python/smoke.py')];
    }

    /** Why it cannot run here; false when it can. */
    get missing() {
        const note = path.join(this.python, '../../missing');
        if (fs.existsSync(note)) return fs.readFileSync(note, 'utf8').trim() || 'no openai-python';
        return fs.existsSync(this.python) ? false : `no ${this.python}: run tests/e2e/run.sh`;
    }

    /** An error's code as this SDK tells it: from 3 on in words, whatever came. */
    codeOf(status) {
        return this.name.startsWith('python-3') ? String(status) : status;
    }

    /** What smoke.py reads. */
    order(operation, { url, key = this.#defaults.key, retries = 0, ...rest }) {
        return { operation, base: `${url}/v1`, key, retries, model: this.#defaults.model, ...rest };
    }

    run(operation, args) {
        const number = ++this.#orders;
        this.#child ??= this.#start();
        this.#hold();
        this.#child.stdin.write(`${JSON.stringify({ number, ...this.order(operation, args) })}\n`);
        return new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
    }

    #start() {
        const [command, ...args] = this.command;
        const child = spawn(command, args, { env: pythonEnv });
        child.stderr.on('data', (bytes) => (this.#errors += bytes));
        child.stdout.on('data', (bytes) => this.#take(bytes));
        child.stdin.on('error', () => {}); // 'close' tells
        child.on('error', (error) => this.#fail(error));
        child.on('close', (code) => this.#fail(new Error(`${this.name}: exit ${code}: ${this.#errors}`)));
        return child;
    }

    #take(bytes) {
        const lines = (this.#rest + bytes).split('\n');
        this.#rest = lines.pop();
        for (const { number, outcome, broken } of lines.map(JSON.parse)) {
            const { resolve, reject } = this.#waiting.get(number);
            this.#waiting.delete(number);
            if (broken) reject(new Error(broken));
            else resolve(outcome);
        }
        this.#hold();
    }

    #fail(error) {
        this.#child = null;
        for (const { reject } of this.#waiting.values()) reject(error);
        this.#waiting.clear();
    }

    /** The test process waits for answers, not for this one's end: without orders it reads its input's. */
    #hold() {
        const { stdin, stdout, stderr } = this.#child;
        const how = this.#waiting.size > 0 ? 'ref' : 'unref';
        for (const one of [this.#child, stdin, stdout, stderr]) one[how]();
    }
}
