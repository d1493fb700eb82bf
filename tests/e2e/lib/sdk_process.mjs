// An SDK in a process of its own, which trusts a certificate from its start (Node reads
// NODE_EXTRA_CA_CERTS only then), and tells how far a stream has come.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pythonEnv } from './python.mjs';
import { nodeSdks } from './sdk.mjs';
import { Changes } from './wait.mjs';

const self = fileURLToPath(import.meta.url);

export class SdkProcess {
    content = ''; // of the stream so far
    outcome = null; // what the operation gave, see sdk.mjs
    changes = new Changes();
    #rest = '';
    #errors = '';

    /** Runs an operation of sdk.mjs; `target` has url and caFile. */
    constructor(sdk, operation, { url, caFile }) {
        const args = { url, ca: caFile, tell: true };
        const order = sdk.order?.(operation, args) ?? { name: sdk.name, operation, args };
        const [command, ...rest] = sdk.command ?? [process.execPath, self];
        const env = { ...(sdk.command ? pythonEnv : process.env), NODE_EXTRA_CA_CERTS: caFile };
        this.child = spawn(command, rest, { env });
        this.child.stdin.end(`${JSON.stringify(order)}\n`);
        this.child.stderr.on('data', (bytes) => (this.#errors += bytes));
        this.child.stdout.on('data', (bytes) => this.#take(bytes));
        this.child.on('close', (code) => {
            this.outcome ??= { error: { class: 'process', message: `exit ${code}: ${this.#errors}` } };
            this.changes.changed();
        });
    }

    #take(bytes) {
        const lines = (this.#rest + bytes).split('\n');
        this.#rest = lines.pop();
        for (const { broken, ...told } of lines.map(JSON.parse)) {
            Object.assign(this, told);
            if (broken) this.#errors += broken;
        }
        this.changes.changed();
    }

    /** Waits until the stream has brought `content` so far. */
    async came(content) {
        const what = `the SDK has "${content}"`;
        await this.changes.until(() => this.content === content || this.outcome, what);
        if (this.content !== content) throw new Error(`${what}: ${JSON.stringify(this.outcome)}`);
    }

    ended() {
        return this.changes.until(() => this.outcome, 'the end of the SDK');
    }

    stop() {
        this.child.kill();
    }
}

if (process.argv[1] === self) {
    const { name, operation, args } = JSON.parse(fs.readFileSync(0, 'utf8'));
    const tell = (values) => process.stdout.write(`${JSON.stringify(values)}\n`);
    const sdk = nodeSdks.find((one) => one.name === name);
    tell({ outcome: await sdk.run(operation, { ...args, onText: (content) => tell({ content }) }) });
}
