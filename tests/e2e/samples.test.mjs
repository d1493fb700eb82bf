// The samples of the public API page, run as they stand in samples/ (each file opens with the line of the
// page where it begins) against a fresh `gateway quickstart`: only the base URL, the key and {task_id}
// are put in.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { dataOf } from './lib/expect.mjs';
import { Gateway } from './lib/gateway.mjs';
import { filmOf } from './lib/mp4.mjs';
import { sidesOf } from './lib/png.mjs';
import { nodeSdks, pythonSdks } from './lib/sdk.mjs';
import { root } from './lib/place.mjs';
import { eventually } from './lib/wait.mjs';

const gw = await Gateway.quickstart({ name: 'samples' });
after(async () => {
    await gw.settled().finally(() => gw.stop());
});

/** A sample with this gateway in place of the page's. */
function sample(file, task = '{task_id}') {
    const text = fs.readFileSync(path.join(root, 'tests/e2e/samples', file), 'utf8');
    return text
        .replaceAll('https://1.cnmz.de/v1', `${gw.url}/v1`)
        .replaceAll('sk-your-token', gw.key)
        .replaceAll('{task_id}', task);
}

/** Runs a program on `text`, its standard input; gives its standard output. */
function run([command, ...args], text, { cwd = gw.dir } = {}) {
    return new Promise((resolve, reject) => {
        const env = { ...process.env, NEW_API_KEY: gw.key, NO_PROXY: '127.0.0.1' };
        const child = spawn(command, args, { env, cwd });
        let out = '';
        let err = '';
        child.stdout.on('data', (bytes) => (out += bytes));
        child.stderr.on('data', (bytes) => (err += bytes));
        child.on('error', reject);
        child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`exit ${code}: ${err}`))));
        child.stdin.end(text);
    });
}

const shell = (file, task) => run(['sh'], sample(file, task));
const node = (file, options) => run([process.execPath, '--input-type=module', '-'], sample(file), options);

test('page-6 curl: the list of models', async () => {
    const list = JSON.parse(await shell('6-models.sh'));
    assert.equal(list.object, 'list');
    const ids = list.data.map((one) => one.id);
    for (const id of ['gpt-4o-mini', 'gpt-image-1']) assert.ok(ids.includes(id), `${id} of ${ids}`);
});

/** What the sandbox answers to both SDKs, and print adds. */
const hello = /^\S.*sandbox.*"Say hello\."\n$/;

test('page-18 Python: a chat', { concurrency: true }, async (t) => {
    const one = ({ name, missing, python }) =>
        t.test(`page-18 ${name}`, { skip: missing }, async () => {
            assert.match(await run([python, '-'], sample('18-chat.py')), hello);
        });
    await Promise.all(pythonSdks.map(one));
});

test('page-30 Node.js: a chat', { concurrency: true }, async (t) => {
    const one = ({ name, folder }) =>
        t.test(`page-30 ${name}`, async () => {
            assert.match(await node('30-chat.mjs', { cwd: folder }), hello);
        });
    await Promise.all(nodeSdks.map(one));
});

test('page-43 curl: a streamed chat', async () => {
    const events = dataOf(await shell('43-chat.sh'));
    assert.equal(events.pop(), '[DONE]');
    const deltas = events.map((one) => JSON.parse(one).choices[0].delta.content ?? '');
    assert.ok(deltas.length > 5, 'word by word');
    assert.match(deltas.join(''), /sandbox.*Say hello in one short sentence\./);
});

test('page-62 curl: a picture', async () => {
    const { data } = JSON.parse(await shell('62-image.sh'));
    assert.equal(data.length, 1);
    assert.deepEqual(sidesOf(data[0].b64_json), [1024, 1024]);
});

/** A task as its creation answers; the fetch sample prints it as Node shows objects. */
function isTask(text) {
    const id = /\bid"?: ?["'](task_[0-9A-Za-z]{32})["']/.exec(text)?.[1];
    assert.ok(id, text);
    assert.match(text, /\bstatus"?: ?["'](queued|in_progress)["']/);
    return id;
}

test('page-81 curl: a video of a text', async () => {
    isTask(await shell('81-video.sh'));
});

test('page-91 curl: a video with references', async () => {
    isTask(await shell('91-video-references.sh'));
});

test('page-104 curl: polls a video, and saves it', async () => {
    const task = isTask(await shell('81-video.sh'));
    const file = path.join(gw.dir, 'result.mp4');
    await eventually(async () => {
        const told = await shell('104-video-content.sh', task);
        return /"status": ?"completed"/.test(told);
    }, 'the video is there');
    assert.deepEqual(filmOf(fs.readFileSync(file)), { seconds: 15, width: 720, height: 1280 });
});

test('page-110 fetch: a video', async () => {
    isTask(await node('110-video.mjs'));
});
