// V6: the content of a video by a signed link, for who cannot send a header.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { errorIs } from './lib/expect.mjs';
import { secretOf } from './lib/fixture.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient } from './lib/raw.mjs';
import { reply } from './lib/answers.mjs';
import { callers, onDemand, taskOf, video, videoModels, VideoProvider } from './lib/videos.mjs';
import { eventually } from './lib/wait.mjs';

const s = await scene(
    { after, name: 'content-link' },
    { video: { ...onDemand, link: 'on' }, fixture: ['K1', 'K1b', 'K2'], models: videoModels },
);
const { gw, M1, reset } = s;
const { create, get, list, content, remove, until } = callers(gw);
const bytes = Buffer.from('a film of a few bytes');

let provider;

function fresh() {
    reset();
    provider = new VideoProvider(M1);
    provider.film = (exchange) => {
        const range = exchange.request.header('range');
        if (range !== 'bytes=2-5') return reply(bytes, { type: 'video/mp4' })(exchange);
        const headers = { 'Content-Range': `bytes 2-5/${bytes.length}` };
        return reply(bytes.subarray(2, 6), { status: 206, type: 'video/mp4', headers })(exchange);
    };
}

async function made() {
    const { id, metadata } = taskOf(await create(video({ model: 'only-one' })));
    assert.deepEqual(metadata, {});
    provider.tell('{"status":"completed"}');
    return until(id, 'completed');
}

const by = (link, also = {}) => call(gw, { method: 'GET', path: link, key: null, ...also });
const form = /^\/v1\/videos\/(task_\w{32})\/content\?expires=(\d+)&signature=([0-9a-f]{64})$/;
const keyless = (response) =>
    assert.deepEqual(response.json, { error: { message: 'No Authorization header', type: 'invalid_token', code: 401 } });
const refused = (response) => errorIs(response, 401, 'invalid_token', 'invalid_link');

test('V6 a completed video has a link that plays it without a key, for an hour', async () => {
    fresh();
    const task = await made();
    const [, id, expires] = form.exec(task.metadata.url);
    assert.equal(id, task.id);
    const hour = Number(expires) - Date.now() / 1000;
    assert.ok(hour > 3500 && hour <= 3600, `${hour} seconds`);
    const { data } = (await list()).json;
    assert.match(data.find((one) => one.id === task.id).metadata.url, form);
    const whole = await by(task.metadata.url);
    assert.equal(whole.status, 200);
    assert.ok(whole.body.equals(bytes));
    assert.equal(whole.header('content-type'), 'video/mp4');
    const part = await by(task.metadata.url, { headers: { Range: 'bytes=2-5' } });
    assert.deepEqual([part.status, part.text], [206, bytes.toString().slice(2, 6)]);
    const client = await RawClient.open(gw, { method: 'HEAD', path: task.metadata.url, key: null });
    assert.equal((await client.head()).status, 200);
    client.close();
    assert.equal((await content(task.id)).status, 200, 'as before by the key');
});

test('V6 a link opens nothing else', async () => {
    fresh();
    const [one, other] = [await made(), await made()];
    const { url } = one.metadata;
    M1.requests = [];
    refused(await by(url.replace(one.id, other.id)));
    refused(await by(url.replace(/expires=\d/, 'expires=9')));
    refused(await by(url.replace(/.$/, (last) => (last === '0' ? '1' : '0'))));
    refused(await by(url.replace(/&signature.*/, '&signature=')));
    refused(await by(url.replace(one.id, 'task_00000000000000000000000000000000')));
    const query = url.replace(/.*\?/, '?');
    for (const target of [`/v1/videos/${one.id}${query}`, `/v1/videos${query}`, `/v1/models${query}`]) {
        keyless(await by(target));
    }
    keyless(await by(url.replace(/\?.*/, '')));
    const deletion = await call(gw, { method: 'DELETE', path: `/v1/videos/${one.id}${query}`, key: null });
    assert.equal(deletion.status, 401);
    errorIs(await by(url, { key: 'sk-nobody' }), 401, 'invalid_token', 'unknown_token');
    errorIs(await by(url, { key: secretOf.K2 }), 404, 'invalid_request_error', 'task_not_found');
    assert.equal(M1.count, 0, 'nobody was asked');
    assert.equal((await by(url)).status, 200);
});

test('V6 a link to what has been deleted is dead; it costs nothing and leaves no row', async () => {
    fresh();
    const task = await made();
    const before = await gw.spent();
    const response = await by(task.metadata.url);
    assert.equal(response.status, 200);
    assert.equal(await gw.spent(), before);
    assert.equal((await remove(task.id)).status, 200);
    errorIs(await by(task.metadata.url), 404, 'invalid_request_error', 'task_not_found');
    const rows = await gw.cli(['usage', 'tail', '--limit', '200']);
    assert.ok(!rows.some((row) => row.request_id === response.header('x-request-id')));
});

test('V6 its life, its origin, and the end of it', async () => {
    fresh();
    const task = await made();
    gw.configure({ ...s.config, video: { ...onDemand, link: 'on', link_life: '1s', link_origin: 'https://films.example.com' } });
    await gw.cli(['reload']);
    const { url } = (await get(task.id)).json.metadata;
    assert.ok(url.startsWith('https://films.example.com/v1/videos/'), url);
    const local = url.replace('https://films.example.com', '');
    await eventually(async () => (await by(local)).status === 401, 'it is over');
    refused(await by(local));
    assert.equal((await by(task.metadata.url)).status, 200, 'the older one has its hour');
    const file = path.join(gw.dir, 'link.key');
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    await gw.stop();
    await gw.restart();
    assert.equal((await by(task.metadata.url)).status, 200, 'also after a restart');
    await gw.stop();
    fs.unlinkSync(file);
    await gw.restart();
    refused(await by(task.metadata.url));
    gw.configure({ ...s.config, video: onDemand });
    await gw.stop();
    await gw.restart();
    assert.deepEqual((await get(task.id)).json.metadata, {});
    keyless(await by(task.metadata.url));
});
