// deploy/nginx.conf in front of a gateway: a real nginx, whose file differs from the delivered one in
// ports and paths alone.  It needs no root rights.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeCertificate } from './certificate.mjs';
import { root } from './place.mjs';
import { refusedPort } from './upstream.mjs';
import { Changes } from './wait.mjs';
import { RawClient } from './raw.mjs';
import { eventually } from './wait.mjs';

export const delivered = fs.readFileSync(path.join(root, 'deploy/nginx.conf'), 'utf8');

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Each text must be there, so that a changed file does not go by unchanged. */
function replaced(text, changes) {
    for (const [from, to] of changes) {
        if (!text.includes(from)) throw new Error(`deploy/nginx.conf has no "${from}" any more`);
        text = text.replaceAll(from, to);
    }
    return text;
}

export class Nginx {
    host = '127.0.0.1';
    speaksForItself = true;
    exited = false;
    changes = new Changes();

    /** Stops with `owner`.  `changes`: further texts of the file and what stands for them. */
    static async start(owner, gw, changes = []) {
        const nginx = new Nginx();
        nginx.port = await refusedPort();
        nginx.#write(gw, changes);
        owner.after(() => nginx.stop());
        // It ends with this process, however that ends.
        process.once('exit', () => fs.rmSync(nginx.dir, { recursive: true, force: true }));
        const args = ['-e', nginx.errorLog, '-c', nginx.file, '-g', 'daemon off;'];
        const command = ['--pdeathsig', 'TERM', 'nginx', ...args];
        nginx.child = spawn('setpriv', command, { env, stdio: ['ignore', 'ignore', 'pipe'] });
        nginx.child.stderr.on('data', (bytes) => (nginx.errors += bytes));
        nginx.child.on('error', (error) => nginx.#end(error.message));
        nginx.child.on('exit', (code) => nginx.#end(`exit ${code}`));
        await eventually(async () => {
            if (nginx.exited) return true;
            (await RawClient.connect(nginx)).close();
            return true;
        }, 'nginx takes connections');
        if (nginx.exited) throw new Error(`nginx did not start: ${nginx.exited} ${nginx.errors}`);
        return nginx;
    }

    #write(gw, changes) {
        // Not below the project: the workers of a root's nginx are somebody else.
        this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'gateway-nginx-'));
        fs.chmodSync(this.dir, 0o711);
        fs.mkdirSync(path.join(this.dir, 'spool'), { mode: 0o711 });
        const { keyFile, caFile } = makeCertificate(this.dir);
        this.caFile = caFile;
        this.ca = fs.readFileSync(caFile);
        this.file = path.join(this.dir, 'nginx.conf');
        this.errorLog = path.join(this.dir, 'error.log');
        this.errors = '';
        const text = replaced(delivered, [
            ['listen 443 ssl', `listen 127.0.0.1:${this.port} ssl`],
            ['127.0.0.1:8080', `${gw.host}:${gw.port}`],
            ['/etc/nginx/tls/fullchain.pem', caFile],
            ['/etc/nginx/tls/privkey.pem', keyFile],
            ['/run/nginx.pid', path.join(this.dir, 'pid')],
            ['/var/log/nginx', this.dir],
            ['/var/lib/nginx', path.join(this.dir, 'spool')],
            // Only root can become somebody else; nginx warns of the line otherwise.
            ...(process.getuid() === 0 ? [] : [['user www-data;', '']]),
            ...changes,
        ]);
        fs.writeFileSync(this.file, text);
    }

    get url() {
        return `https://${this.host}:${this.port}`;
    }

    /** What `nginx -t` prints about the file. */
    check() {
        const done = spawnSync('nginx', ['-e', this.errorLog, '-t', '-c', this.file], { env });
        return { code: done.status, text: String(done.stderr) };
    }

    accessLog() {
        return fs.readFileSync(path.join(this.dir, 'access.log'), 'utf8');
    }

    #end(how) {
        this.exited = how;
        this.changes.changed();
    }

    /** Ends it; its log must hold no alarm. */
    async stop() {
        if (this.child && !this.exited) {
            this.child.kill('SIGTERM');
            await this.changes.until(() => this.exited, 'the end of nginx');
        }
        const log = fs.existsSync(this.errorLog) ? fs.readFileSync(this.errorLog, 'utf8') : '';
        fs.rmSync(this.dir, { recursive: true, force: true });
        // A container may not let nginx raise its limit of open files.
        const alarm = log
            .split('\n')
            .find((line) => /\[(emerg|alert|crit)\]/.test(line) && !/RLIMIT_NOFILE/.test(line));
        if (alarm) throw new Error(`nginx: ${alarm}`);
    }
}
