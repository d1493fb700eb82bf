// V6, V8, V12, V13: copies of completed videos: what plays when the provider has it no more, and how
// copies come and go.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fault, raw, reply } from './lib/answers.mjs';
import { errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { failingWrites, limitFiles, noPrlimit } from './lib/limit.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { Upstream } from './lib/upstream.mjs';
import { callers, soon, taskOf, video, videoModels, VideoProvider } from './lib/videos.mjs';
import { deadlineMs, eventually } from './lib/wait.mjs';

const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));
const film = reply(bytes, { type: 'video/mp4; codecs="avc1"', headers: { ETag: '"there"' } });
const slow = { poll_interval: '10s', poll_interval_max: '10s' }; // until a second try

/** A gateway that keeps, and a provider whose films are `film`, told where they lie by `also`. */
async function keepers(t, video = {}, more = {}) {
    const s = await scene(t, {
        video: { ...soon, keep: 'on', ...video },
        provider: { content_private: '127.0.0.2' },
        models: videoModels,
        ...more,
    });
    const provider = new VideoProvider(s.M1);
    provider.film = film;
    const folder = path.join(s.gw.dir, 'kept');
    const its = callers(s.gw);
    return {
        ...s,
        ...its,
        provider,
        folder,
        files: () => fs.readdirSync(folder).sort(),
        figures: async () => (await s.gw.cli(['status'])).kept,
        head: async (id) => {
            const client = await RawClient.open(s.gw, { method: 'HEAD', path: `/v1/videos/${id}/content` });
            const head = await client.head();
            client.close();
            return head;
        },
        async made(also = {}) {
            const { id } = taskOf(await its.create(video_()));
            provider.tell(JSON.stringify({ status: 'completed', ...also }));
            await its.until(id, 'completed');
            return id;
        },
        /** The gateway says so behind the file: from here on it plays from there. */
        kept: (id) => eventually(() => s.gw.log.some((line) => line.includes(`task ${id} is kept"`)), `${id} is kept`),
    };
}

const video_ = () => video({ model: 'only-one' });

function filmIs(response, id, part = bytes) {
    assert.equal(response.complete, true);
    assert.equal(response.header('content-type'), 'video/mp4');
    assert.equal(Number(response.header('content-length')), part.length);
    assert.equal(response.header('content-disposition'), `inline; filename="${id}.mp4"`);
    assert.equal(response.header('accept-ranges'), 'bytes');
    assert.equal(response.header('cache-control'), 'private');
    assert.ok(response.body.equals(part), 'the bytes');
    return response;
}

/** As the provider has it. */
function relayed(response) {
    assert.equal(response.status, 200);
    assert.ok(response.body.equals(bytes));
    return response;
}

for (const [where, elsewhere] of [['the provider', false], ['another host', true]]) {
    test(`V6 what is kept plays when it is gone: ${where}`, async (t) => {
        const s = await keepers(t);
        const cdn = await Upstream.start(t, 'cdn', undefined, '127.0.0.2');
        cdn.always(film);
        const id = await s.made(elsewhere ? { url: `http://127.0.0.2:${cdn.port}/film.mp4` } : {});
        await s.kept(id);
        assert.deepEqual(await s.figures(), { files: 1, bytes: bytes.length });
        const asked = elsewhere ? cdn.requests : s.M1.requests.filter((r) => r.target.endsWith('/content'));
        assert.equal(asked.length, 1, 'it was fetched once');
        assert.equal(asked[0].header('authorization'), elsewhere ? undefined : 'Bearer sk-provider-one');
        s.M1.reset();
        s.M1.always(fault(404, { message: 'gone' }));
        cdn.always(fault(404, { message: 'gone' }));
        cdn.requests = [];
        const whole = filmIs(await s.content(id), id);
        const [etag, modified] = [whole.header('etag'), whole.header('last-modified')];
        assert.match(etag, /^"[0-9a-f]+-[0-9a-f]+"$/);
        assert.ok(Math.abs(Date.parse(modified) - Date.now()) < 60_000, modified);
        const headers = { Range: 'bytes=70000-199999' };
        const part = bytes.subarray(70000, 200000);
        let response = filmIs(await s.content(id, { headers }), id, part);
        assert.deepEqual([response.status, response.header('content-range')], [206, 'bytes 70000-199999/300000']);
        for (const [condition, status] of [[etag, 206], [modified, 206], ['"there"', 200], ['W/"x"', 200]]) {
            response = await s.content(id, { headers: { ...headers, 'If-Range': condition } });
            assert.equal(response.status, status, condition);
            filmIs(response, id, status === 206 ? part : bytes);
        }
        response = await s.content(id, { headers: { Range: 'bytes=-5' } });
        filmIs(response, id, bytes.subarray(299_995));
        response = await s.content(id, { headers: { Range: 'bytes=300000-' } });
        assert.deepEqual([response.status, response.header('content-range')], [416, 'bytes */300000']);
        assert.equal((await s.content(id, { headers: { Range: 'bytes=0-1,4-5' } })).status, 416);
        const head = await s.head(id);
        assert.deepEqual([head.status, head.header('content-length'), head.header('etag')], [200, '300000', etag]);
        assert.equal(s.M1.count + cdn.count, 0, 'nobody was asked');
        await s.gw.stop();
        await s.gw.restart();
        assert.equal(filmIs(await s.content(id), id).header('etag'), etag, 'also after a restart');
        assert.deepEqual(await s.figures(), { files: 1, bytes: bytes.length });
        assert.equal((await s.remove(id)).status, 200);
        await eventually(() => s.files().length === 0, 'the copy has gone with it');
        assert.deepEqual(await s.figures(), { files: 0, bytes: 0 });
    });
}

test('V6 off, nothing is kept', async (t) => {
    const s = await keepers(t, { keep: 'off' });
    await s.made();
    assert.equal(fs.existsSync(s.folder), false);
    assert.equal(await s.figures(), null);
});

test('V6 the oldest go when there is no room; what is larger than all of it is not kept', async (t) => {
    const s = await keepers(t, { ...slow, refresh_after: '10ms', keep_size: '700k' });
    const ids = [];
    for (let i = 0; i < 3; i++) {
        ids.push(await s.made());
        await s.kept(ids[i]);
    }
    assert.deepEqual(s.files(), ids.slice(1).map((id) => `${id}.video-mp4`).sort());
    assert.deepEqual(await s.figures(), { files: 2, bytes: 600_000 });
    relayed(await s.content(ids[0]));
    // A length that is told, and one that is not.
    const big = Buffer.alloc(800_000, 1);
    const heads = [`Content-Length: ${big.length}`, 'Connection: close'];
    for (const head of heads) {
        s.provider.film = raw(Buffer.concat([
            Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n${head}\r\n\r\n`), big,
        ]), 'fin');
        const id = await s.made();
        await s.gw.logged(new RegExp(`${id} is not kept.*keep_size`));
        assert.ok((await s.content(id)).body.equals(big), 'the task is as it was');
    }
    await eventually(() => s.files().every((name) => !name.endsWith('.part')), 'no half ones');
    assert.ok((await s.figures()).bytes <= 700 * 1024);
});

test('V6 what is deleted while its copy waits for the first byte is not kept', async (t) => {
    const s = await keepers(t);
    let go;
    const gone = new Promise((resolve) => (go = resolve));
    let asked = false;
    s.provider.film = async (exchange) => {
        asked = true;
        await gone;
        return film(exchange);
    };
    const id = await s.made();
    await eventually(() => asked, 'the copy is begun');
    assert.equal((await s.remove(id)).status, 200);
    go();
    await s.kept(id);
    await eventually(() => s.files().length === 0, 'the copy has gone');
    assert.deepEqual(await s.figures(), { files: 0, bytes: 0 });
});

test('V6 the copy goes also when who deletes it does not wait for the answer', async (t) => {
    const s = await keepers(t, {}, { database: { durability: 'power' } });
    const ids = [];
    for (let i = 0; i < 16; i++) ids.push(await s.made());
    for (const id of ids) await s.kept(id);
    for (const id of ids) {
        const client = await RawClient.open(s.gw, { method: 'DELETE', path: `/v1/videos/${id}` });
        client.reset();
    }
    const left = async () => {
        const there = [];
        for (const id of ids) if ((await s.get(id)).status === 200) there.push(`${id}.video-mp4`);
        return there.sort();
    };
    await eventually(async () => {
        const there = await left();
        assert.ok(there.length < ids.length, 'some are deleted');
        assert.deepEqual(s.files(), there);
        return true;
    }, 'as many files as tasks');
});

test('V6 what is too old goes', async (t) => {
    const s = await keepers(t, { keep_age: '1s' });
    const id = await s.made();
    await s.gw.logged(new RegExp(`${id} is kept`));
    await eventually(() => s.files().length === 0, 'it is gone', 3 * deadlineMs);
    assert.deepEqual(await s.figures(), { files: 0, bytes: 0 });
    relayed(await s.content(id));
});

test('V8 a copy that fails is tried again; what is no film is not', async (t) => {
    const s = await keepers(t);
    const turns = [
        fault(500, { message: 'x' }),
        raw(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 300000\r\n\r\n'),
            bytes.subarray(0, 290_000)]), 'fin'),
        film,
    ];
    let asked = 0;
    s.provider.film = (exchange) => turns[asked++](exchange);
    const id = await s.made();
    await s.kept(id);
    assert.equal(asked, 3);
    assert.equal(s.gw.log.filter((line) => line.includes(`${id} is not kept yet`)).length, 2);
    const bad = [
        reply('{"a":1}', { type: 'video/mp4' }),
        reply('<html>', { type: 'text/html' }),
        fault(404, { message: 'x' }),
    ];
    for (const answer of bad) {
        asked = 0;
        s.provider.film = (exchange) => (asked++, answer(exchange));
        const one = await s.made();
        await s.gw.logged(new RegExp(`${one} is not kept: `));
        assert.equal(asked, 1);
    }
    const empty = await s.made({ url: `data:video/mp4;base64,${bytes.subarray(0, 900).toString('base64')}` });
    filmIs(await s.content(empty), empty, bytes.subarray(0, 900));
    assert.deepEqual(s.files(), [`${id}.video-mp4`]);
});

test('V12 kill -9 in the middle of a copy: the half is removed, and it is made anew', async (t) => {
    const s = await keepers(t);
    s.provider.film = async (exchange) => {
        await exchange.send('HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 900000\r\n\r\n');
        await exchange.send(bytes);
        await exchange.closed;
    };
    const id = await s.made();
    await eventually(() => fs.existsSync(path.join(s.folder, `${id}.part`)), 'half of it is there');
    fs.writeFileSync(path.join(s.folder, 'of-somebody-else'), 'x');
    s.gw.signal('SIGKILL');
    await s.gw.exit();
    s.provider.film = film;
    await s.gw.restart();
    await s.kept(id);
    assert.deepEqual(s.files(), ['of-somebody-else', `${id}.video-mp4`].sort());
    s.M1.requests = [];
    filmIs(await s.content(id), id);
    assert.equal(s.M1.count, 0);
});

test('V12 what was completed and not copied when the process ended is copied at the next start', async (t) => {
    const s = await keepers(t, slow, {});
    s.provider.film = fault(500, { message: 'x' });
    const { id } = taskOf(await s.create(video_()));
    s.provider.tell('{"status":"completed"}');
    await s.until(id, 'completed');
    await s.gw.logged(new RegExp(`${id} is not kept yet`));
    s.gw.signal('SIGKILL');
    await s.gw.exit();
    s.provider.film = film;
    await s.gw.restart();
    await s.kept(id);
    filmIs(await s.content(id), id);
});

test('V12 a copy whose task is not there any more is removed at the start', async (t) => {
    const s = await keepers(t);
    const id = await s.made();
    await s.kept(id);
    await s.gw.stop();
    for (const digit of '123') fs.writeFileSync(path.join(s.folder, `task_${digit.repeat(32)}.video-mp4`), 'film');
    await s.gw.restart();
    await eventually(() => s.files().length === 1, 'the others are removed');
    assert.deepEqual(s.files(), [`${id}.video-mp4`]);
    await s.gw.logged(/3 kept videos without a task are removed/);
    assert.deepEqual(await s.figures(), { files: 1, bytes: bytes.length });
    filmIs(await s.content(id), id);
});

test('V6 a copy whose file was removed under us: from the provider, as if there were none', async (t) => {
    const s = await keepers(t);
    const id = await s.made();
    await s.kept(id);
    fs.unlinkSync(path.join(s.folder, `${id}.video-mp4`));
    assert.equal(relayed(await s.content(id)).header('etag'), '"there"');
});

test('V6 a full disk: the video is as it was, and the log says so', { skip: noPrlimit }, async (t) => {
    const s = await keepers(t, slow, { wrap: failingWrites });
    const big = Buffer.alloc(8_000_000, 3);
    s.provider.film = reply(big, { type: 'video/mp4' });
    limitFiles(s.gw, 4_000_000);
    const id = await s.made();
    await s.gw.logged(new RegExp(`${id} is not kept yet: File too large`));
    await eventually(() => s.files().length === 0, 'nothing is left of it');
    assert.deepEqual(await s.figures(), { files: 0, bytes: 0 });
    const response = await s.content(id);
    assert.ok(response.body.equals(big));
});

test('V6 60 MB are kept and played to a client that reads late: memory is bounded', async (t) => {
    const s = await keepers(t);
    const piece = Buffer.alloc(100_000, 7);
    const size = 60_000_000;
    s.provider.film = async (exchange) => {
        await exchange.send(`HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: ${size}\r\n\r\n`);
        for (let sent = 0; sent < size && (await exchange.send(piece)); ) sent += piece.length;
    };
    const before = s.gw.rssBytes;
    const id = await s.made();
    await eventually(async () => (await s.figures()).files === 1, 'it is kept', 3 * deadlineMs);
    s.M1.always(fault(404, { message: 'gone' }));
    const client = await RawClient.connect(s.gw);
    client.socket.pause();
    await client.write(requestBytes({ method: 'GET', path: `/v1/videos/${id}/content` }));
    const leaver = await RawClient.open(s.gw, { method: 'GET', path: `/v1/videos/${id}/content` });
    await leaver.head();
    leaver.close();
    client.socket.resume();
    const response = await client.response(0, 3 * deadlineMs);
    assert.deepEqual([response.complete, response.bytes], [true, size]);
    client.close();
    assert.ok(s.gw.rssBytes - before < 8e6, `memory has grown by ${s.gw.rssBytes - before}`);
    assert.ok((await s.gw.lagMs()) < 100, 'no turn of a loop was long');
    const row = await s.gw.row(response);
    assert.deepEqual([row.endpoint, row.status, row.charge, row.end], ['video', 200, '0.000000000', 'finished']);
});

test('V13 with content_mode = redirect the copy plays all the same', async (t) => {
    const s = await keepers(t, {}, { P1: { content_mode: 'redirect' } });
    const cdn = await Upstream.start(t, 'cdn', undefined, '127.0.0.2');
    cdn.always(film);
    const id = await s.made({ url: `http://127.0.0.2:${cdn.port}/film.mp4` });
    await s.kept(id);
    cdn.always(fault(404, { message: 'gone' }));
    filmIs(await s.content(id), id);
    const response = await call(s.gw, { method: 'GET', path: `/v1/videos/${id}/content?variant=thumbnail` });
    errorIs(response, 404, 'invalid_request_error', 'invalid_value', { param: 'variant' });
});
