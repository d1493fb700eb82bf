// install: what `make install` puts where, that it is in order, and that it can be taken away again.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { binary, root } from './lib/place.mjs';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'gateway-install-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

function run(command, args, env = {}) {
    const done = spawnSync(command, args, {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, MAKEFLAGS: '', MAKELEVEL: '', ...env },
    });
    return { code: done.status, missing: done.error !== undefined, text: done.stdout + done.stderr };
}

/** `-o all`: the binary of these tests is installed, not built again. */
function make(...words) {
    const done = run('make', ['-o', 'all', `BUILD=${path.dirname(binary)}`, ...words]);
    assert.equal(done.code, 0, done.text);
}

function has(command, ...args) {
    return !run(command, args).missing;
}

function filesBelow(dir) {
    return fs
        .readdirSync(dir, { recursive: true })
        .filter((name) => !fs.statSync(path.join(dir, name)).isDirectory())
        .sort();
}

const expected = [
    'bin/gateway',
    'lib/systemd/system/gateway.service',
    'lib/sysusers.d/gateway.conf',
    'lib/tmpfiles.d/gateway.conf',
    'share/bash-completion/completions/gateway',
    'share/doc/gateway/README.md',
    'share/doc/gateway/billing.md',
    'share/doc/gateway/gateway.conf.example',
    'share/doc/gateway/nginx.conf',
    'share/doc/gateway/sysadmin.md',
    'share/doc/gateway/videos-content.md',
    'share/doc/gateway/videos.md',
    'share/man/man1/gateway.1',
    'share/man/man5/gateway.conf.5',
    'share/man/man8/gateway.8',
];

test('install below DESTDIR and PREFIX, and away again', async (t) => {
    const stage = path.join(scratch, 'stage');
    const where = [`DESTDIR=${stage}`, 'PREFIX=/usr'];
    make('install', ...where);
    const at = (name) => path.join(stage, 'usr', name);
    await t.test('install puts these files there and no others', () => {
        assert.deepEqual(filesBelow(stage), expected.map((name) => path.join('usr', name)));
        for (const name of expected) {
            const { mode, size } = fs.statSync(at(name));
            assert.equal(mode & 0o7777, name === 'bin/gateway' ? 0o755 : 0o644, name);
            assert.ok(size > 0, `${name} is not empty`);
        }
    });
    await t.test('install makes a program that runs', () => {
        assert.match(run(at('bin/gateway'), ['version']).text, /^gateway \d+\.\d+\.\d+\n$/);
    });
    await t.test('install names PREFIX, not DESTDIR, in the unit', () => {
        const unit = fs.readFileSync(at('lib/systemd/system/gateway.service'), 'utf8');
        assert.match(unit, /^ExecStart=\/usr\/bin\/gateway serve -c \/etc\/gateway\/gateway\.conf$/m);
        assert.doesNotMatch(unit, /\/usr\/local/);
        assert.ok(!unit.includes(stage));
    });
    await t.test('uninstall takes the same files away, and nobody else\'s', () => {
        fs.writeFileSync(at('bin/other'), '');
        make('uninstall', ...where);
        assert.deepEqual(filesBelow(stage), ['usr/bin/other']);
        assert.ok(!fs.existsSync(at('share/doc/gateway')));
    });
});

const prefix = path.join(scratch, 'local');
make('install', `PREFIX=${prefix}`);

const noSystemd = !has('systemd-analyze', '--version') && 'no systemd-analyze on this machine';

test('install: the unit is in order', { skip: noSystemd }, async (t) => {
    const unit = path.join(prefix, 'lib/systemd/system/gateway.service');
    await t.test('install: systemd-analyze verify has nothing to say', () => {
        const env = { MANPATH: `${prefix}/share/man:` };
        const done = run('systemd-analyze', ['verify', unit], env);
        // Units of the machine itself may have their troubles.
        const about = done.text.split('\n').filter((line) => line.includes('gateway'));
        assert.deepEqual(about, [], done.text);
        assert.equal(done.code, 0, done.text);
    });
    await t.test('install: the unit is closed as far as it can be', () => {
        const done = run('systemd-analyze', ['security', '--offline=yes', '--threshold=15', unit]);
        assert.equal(done.code, 0, done.text);
    });
    await t.test('install: the stop may take as long as the server wants', () => {
        const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(fs.readFileSync(unit, 'utf8'))[1]);
        const settings = fs.readFileSync(path.join(root, 'config/settings.def'), 'utf8');
        const limit = Number(/shutdown_timeout, TIME, "(\d+)s"/.exec(settings)[1]);
        assert.ok(seconds > limit + 15, `${seconds} s for ${limit} s and 15 s`);
    });
});

test('install: the manual pages are in order', async (t) => {
    const lint = has('mandoc', '-V')
        ? (page) => run('mandoc', ['-T', 'lint', '-W', 'warning', page])
        : (page) => run('sh', ['-c', 'man --warnings -E UTF-8 -l -Tutf8 "$1" >/dev/null', 'sh', page]);
    const missing = !has('mandoc', '-V') && !has('man', '--version') && 'neither mandoc nor man here';
    for (const name of expected.filter((one) => one.startsWith('share/man/'))) {
        await t.test(`install: ${path.basename(name)}`, { skip: missing }, () => {
            const done = lint(path.join(prefix, name));
            const words = done.text.split('\n').filter((line) => /warning|error/i.test(line));
            assert.deepEqual(words.filter((line) => !/missing date/.test(line)), []);
        });
    }
});

/** `gateway -t` on a text of the documents, with a key in a credential. */
function checks(text) {
    const dir = fs.mkdtempSync(path.join(scratch, 'check-'));
    fs.writeFileSync(path.join(dir, 'gateway.conf'), text);
    fs.writeFileSync(path.join(dir, 'key_openai'), 'sk-of-a-provider\n');
    const done = run(binary, ['-t', '-c', path.join(dir, 'gateway.conf')], {
        CREDENTIALS_DIRECTORY: dir,
        GATEWAY_DATABASE_PATH: path.join(dir, 'gateway.db'),
        GATEWAY_ADMIN_SOCKET: path.join(dir, 'admin.sock'),
    });
    assert.equal(done.code, 0, done.text);
    assert.match(done.text, /^gateway: configuration \S+ is ok\n$/);
}

test('install: the configurations of the documents pass the check', () => {
    const guide = fs.readFileSync(path.join(root, 'deploy/doc/sysadmin.md'), 'utf8');
    const [, fromGuide] = /```ini\n([^]*?)```/.exec(guide);
    const page = fs.readFileSync(path.join(root, 'deploy/man/gateway.conf.5'), 'utf8');
    const [, fromPage] = /^\.SH EXAMPLE\n\.EX\n([^]*?)^\.EE/m.exec(page);
    checks(fromGuide);
    checks(fromPage.replaceAll('\\-', '-'));
    // Paths that the unit and the documents speak of are one and the same.
    const unit = fs.readFileSync(path.join(root, 'deploy/gateway.service'), 'utf8');
    for (const line of ['path = /var/lib/gateway/gateway.db', 'socket = /run/gateway/admin.sock']) {
        for (const text of [fromGuide, fromPage, unit]) assert.ok(text.includes(line), line);
    }
});
