// V5 to V8: the content of a video: where it is fetched, what passes, and what is refused.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, hang, hangUp, raw, reply } from './lib/answers.mjs';
import { errorIs } from './lib/expect.mjs';
import { secretOf } from './lib/fixture.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { Upstream } from './lib/upstream.mjs';
import { callers, onDemand, taskOf, video, videoModels, VideoProvider } from './lib/videos.mjs';
import { deadlineMs, eventually } from './lib/wait.mjs';

const s = await scene(
    { after, name: 'content' },
    {
        server: { workers: 1 }, // whose pool is one
        video: onDemand,
        fixture: ['K1', 'K1b', 'K2'],
        provider: { content_private: '127.0.0.2, 127.0.0.3/32' },
        P2: { content_mode: 'redirect', content_private: '127.0.0.2' },
        models: {
            ...videoModels,
            'sent-there': { endpoints: 'video', offer: ['P2/up'], price: 'video_ms 0.0001 per second' },
        },
    },
);
const { gw, M1, M2, reset } = s;
const { create, content, until } = callers(gw);
/** Two hosts that are no provider's: the first may be reached, by its address. */
const cdn = await Upstream.start({ after }, 'cdn', undefined, '127.0.0.2');
const inner = await Upstream.start({ after }, 'inner', undefined, '127.0.0.4');
const cdnUrl = (target) => `http://127.0.0.2:${cdn.port}${target}`;
let provider;

function fresh() {
    reset();
    cdn.reset();
    inner.reset();
    provider = new VideoProvider(M1);
}

/** A task of that provider that is completed; `also` is what it tells besides. */
async function made(also = {}, model = 'only-one') {
    if (model === 'sent-there') provider = new VideoProvider(M2);
    const { id } = taskOf(await create(video({ model })));
    provider.tell(JSON.stringify({ status: 'completed', ...also }));
    await until(id, 'completed');
    M1.requests = [];
    return id;
}

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) % 251));
const etag = '"v1"';
const about = { 'Accept-Ranges': 'bytes', ETag: etag, 'Last-Modified': 'Fri, 27 Nov 2026 10:00:00 GMT' };

/** A host that has the film and knows ranges. */
function film(exchange) {
    const range = /^bytes=(\d+)-(\d+)$/.exec(exchange.request.header('range') ?? '');
    const condition = exchange.request.header('if-range');
    const also = { type: 'video/mp4', headers: { ...about, 'Set-Cookie': 'a=b', 'X-Host': 'inside' } };
    if (!range || (condition && condition !== etag)) return reply(bytes, also)(exchange);
    const [from, to] = [Number(range[1]), Number(range[2])];
    if (from >= bytes.length) {
        const headers = { 'Content-Range': `bytes */${bytes.length}` };
        return reply('<Error/>', { status: 416, type: 'application/xml', headers })(exchange);
    }
    also.status = 206;
    also.headers['Content-Range'] = `bytes ${from}-${to}/${bytes.length}`;
    return reply(bytes.subarray(from, to + 1), also)(exchange);
}

function filmIs(response, id, part = bytes) {
    assert.equal(response.complete, true);
    assert.equal(response.header('content-type'), 'video/mp4');
    assert.equal(Number(response.header('content-length')), part.length);
    assert.equal(response.header('content-disposition'), `inline; filename="${id}.mp4"`);
    assert.equal(response.header('cache-control'), 'private');
    assert.equal(response.header('x-content-type-options'), 'nosniff');
    assert.equal(response.header('set-cookie'), undefined);
    assert.equal(response.header('x-host'), undefined);
    assert.ok(response.body.equals(part), 'the bytes');
    return response;
}

const unavailable = (response, reason) => errorIs(response, 502, 'server_error', reason);

test('V5 before it is completed, and after it has failed', async () => {
    fresh();
    const task = taskOf(await create(video({ model: 'only-one' })));
    errorIs(await content(task.id), 404, 'invalid_request_error', 'task_not_completed', {
        message: 'Task is not completed yet, current status: queued',
    });
    provider.tell('{"status":"failed","error":{"code":"x","message":"no"}}');
    await until(task.id, 'failed');
    errorIs(await content(task.id), 404, 'invalid_request_error', 'task_failed');
});

test("V4 another user's content is as unknown as none, and nobody is asked", async () => {
    fresh();
    const id = await made();
    for (const [path, key] of [
        [id, secretOf.K2],
        ['task_00000000000000000000000000000000', secretOf.K1],
        ['%00', secretOf.K1],
    ]) {
        const response = await content(path, { key });
        if (path !== '%00') errorIs(response, 404, 'invalid_request_error', 'task_not_found');
        assert.equal(response.status, 404);
    }
    assert.equal(M1.count, 0);
    provider.film = film;
    filmIs(await content(id, { key: secretOf.K1b }), id);
});

test("V6 from the provider's own path, with its key", async () => {
    fresh();
    const id = await made();
    const before = await gw.spent();
    provider.film = film;
    const response = filmIs(await content(id, { headers: { Accept: 'application/binary' } }), id);
    assert.equal(response.status, 200);
    assert.equal(response.header('etag'), etag);
    assert.equal(response.header('accept-ranges'), 'bytes');
    assert.equal(response.header('last-modified'), about['Last-Modified']);
    assert.equal(M1.last.target, '/v1/videos/up_1/content');
    assert.equal(M1.last.header('authorization'), 'Bearer sk-provider-one');
    assert.equal(await gw.spent(), before);
    const row = await gw.row(response);
    assert.deepEqual([row.endpoint, row.status, row.charge], ['video', 200, '0.000000000']);
});

for (const [where, told] of [
    ['the provider', {}],
    ['another host', { url: cdnUrl('/a/film.mp4?sign=x%2By') }],
]) {
    test(`V6 ranges, conditions and heads: ${where}`, async () => {
        fresh();
        const id = await made(told);
        provider.film = film;
        cdn.always(film);
        const headers = { Range: 'bytes=10-19' };
        let response = filmIs(await content(id, { headers }), id, bytes.subarray(10, 20));
        assert.equal(response.status, 206);
        assert.equal(response.header('content-range'), 'bytes 10-19/1000');
        response = filmIs(await content(id, { headers: { ...headers, 'If-Range': etag } }), id, bytes.subarray(10, 20));
        assert.equal(response.status, 206);
        response = filmIs(await content(id, { headers: { ...headers, 'If-Range': '"v0"' } }), id);
        assert.equal(response.status, 200);
        response = await content(id, { headers: { Range: 'bytes=1000-1001' } });
        assert.equal(response.status, 416);
        assert.equal(response.header('content-range'), 'bytes */1000');
        assert.equal(response.bytes, 0);
        response = await content(id, { headers: { Range: 'bytes=0-1,4-5' } });
        assert.equal(response.status, 416);
        const asked = M1.count + cdn.count;
        const client = await RawClient.open(gw, { method: 'HEAD', path: `/v1/videos/${id}/content` });
        const head = await client.head();
        assert.equal(head.status, 200);
        assert.equal(head.header('content-length'), '1000');
        assert.equal(head.header('content-type'), 'video/mp4');
        assert.equal(head.header('etag'), etag);
        client.close();
        assert.equal(M1.count + cdn.count, asked + 1);
    });
}

test('V6 no key goes to a foreign host, also not by a redirect and back', async () => {
    fresh();
    const id = await made({ url: cdnUrl('/film.mp4') });
    cdn.always(film);
    filmIs(await content(id), id);
    assert.equal(cdn.last.target, '/film.mp4');
    assert.equal(cdn.last.header('host'), `127.0.0.2:${cdn.port}`);
    assert.equal(M1.count, 0);
    const own = await made();
    const turns = [cdnUrl('/away'), `${M1.url}/back/content`];
    const go = (exchange) => {
        const to = turns.shift();
        if (!to) return film(exchange);
        return reply('moved', { status: 302, type: 'text/html', headers: { Location: to } })(exchange);
    };
    provider.film = go;
    cdn.reset();
    cdn.always(go);
    filmIs(await content(own), own);
    const keys = [...M1.requests, ...cdn.requests].map((r) => r.header('authorization'));
    assert.deepEqual(keys, ['Bearer sk-provider-one', undefined, undefined]);
    for (const request of cdn.requests) {
        assert.doesNotMatch(request.head.toString('latin1'), /sk-/);
    }
});

test("V6 an address on the provider's own host is asked with the key", async () => {
    fresh();
    const id = await made({ url: `${M1.url}/files/1` });
    M1.once(film);
    filmIs(await content(id), id);
    assert.equal(M1.last.target, '/v1/files/1');
    assert.equal(M1.last.header('authorization'), 'Bearer sk-provider-one');
});

test('V6 a chunked film without an end known has none here', async () => {
    fresh();
    const id = await made();
    provider.film = raw(
        'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n' +
            '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    );
    const response = await content(id);
    assert.equal(response.text, 'abcde');
    assert.equal(response.header('transfer-encoding'), 'chunked');
    assert.equal(response.header('content-type'), 'application/octet-stream');
});

const refusedTargets = () => [
    ['127.0.0.1, another port', `http://127.0.0.1:${M2.port}/film.mp4`],
    ['a private address that is not listed', `http://127.0.0.4:${inner.port}/film.mp4`],
    ['the same in one number', `http://2130706436:${inner.port}/film.mp4`],
    ['the same in octal', `http://0177.0.0.4:${inner.port}/film.mp4`],
    ['the same in hex', `http://0x7f.4:${inner.port}/film.mp4`],
    ['the same inside IPv6', `http://[::ffff:127.0.0.4]:${inner.port}/film.mp4`],
    ['a name that leads there', `http://localhost:${M2.port}/film.mp4`],
    ['metadata of a cloud', 'http://169.254.169.254/latest/meta-data/'],
    ['a file', 'file:///etc/passwd'],
    ['a scheme of another kind', 'gopher://127.0.0.2/'],
    ['a password', `http://u:p@127.0.0.2:${cdn.port}/film.mp4`],
    ['no address', 'http://'],
];

for (const [name] of refusedTargets()) {
    test(`V7 refused, and nothing fetched: ${name}`, async () => {
        fresh();
        const target = refusedTargets().find(([n]) => n === name)[1];
        const told = await made({ url: target });
        const direct = await content(told);
        assert.equal(direct.status, 502, direct.text);
        assert.match(direct.json.error.reason, /^upstream_(unreachable|invalid_response)$/);
        const own = await made();
        provider.film = reply('', { status: 302, type: null, headers: { Location: target } });
        const sent = await content(own);
        assert.equal(sent.status, 502, sent.text);
        assert.doesNotMatch(sent.text, /127|169|localhost|passwd/);
        assert.equal(M2.count + inner.count + cdn.count, 0, 'nothing was fetched');
    });
}

test('V7 five redirects are followed, not six', async () => {
    fresh();
    const id = await made({ url: cdnUrl('/0') });
    let last = 5;
    cdn.always((exchange) => {
        const at = Number(exchange.request.target.slice(1));
        if (at === last) return film(exchange);
        const headers = { Location: at % 2 ? `/${at + 1}` : `${at + 1}` };
        return reply('', { status: [301, 302, 303, 307, 308][at % 5], type: null, headers })(exchange);
    });
    filmIs(await content(id), id);
    assert.equal(cdn.count, 6);
    last = 6;
    unavailable(await content(id), 'upstream_invalid_response');
    assert.equal(cdn.count, 12);
});

test('V8 a signed address that is refused is renewed, once', async () => {
    fresh();
    const id = await made({ url: cdnUrl('/old') });
    provider.tell(JSON.stringify({ status: 'completed', url: cdnUrl('/new') }));
    cdn.always((exchange) =>
        exchange.request.target === '/old'
            ? reply('<Error/>', { status: 403, type: 'application/xml' })(exchange)
            : film(exchange),
    );
    const headers = { Range: 'bytes=0-9' };
    const { connections } = M1;
    filmIs(await content(id, { headers }), id, bytes.subarray(0, 10));
    assert.equal(M1.count, 1, 'the provider was asked once');
    assert.equal(M1.connections, connections + 1, 'not over one that may have died since');
    assert.equal(M1.last.target, '/v1/videos/up_1');
    assert.deepEqual(cdn.requests.map((r) => r.target), ['/old', '/new']);
    filmIs(await content(id), id);
    assert.equal(cdn.last.target, '/new', 'the task has it now');
    assert.equal(cdn.count, 3);
    provider.tell(JSON.stringify({ status: 'completed', url: cdnUrl('/old') }));
    cdn.always(reply('', { status: 401, type: null }));
    unavailable(await content(id), 'upstream_unavailable');
    assert.equal(cdn.count, 5);
    provider.tell(fault(500, { message: 'down' }));
    unavailable(await content(id), 'upstream_unavailable');
    assert.equal(cdn.count, 6);
});

for (const [name, answer, status, reason] of [
    ['404', fault(404, { message: 'gone' }), 404, 'task_expired'],
    ['410', fault(410, { message: 'gone' }), 404, 'task_expired'],
    ['500', fault(500, { message: 'x' }), 502, 'upstream_error'],
    ['429', fault(429, { message: 'x' }), 502, 'upstream_error'],
    ['401', fault(401, { message: 'x' }), 502, 'upstream_unavailable'],
    ['a page', reply('<html>', { type: 'text/html' }), 502, 'upstream_invalid_response'],
    ['a document', reply('{"status":"ok"}'), 502, 'upstream_invalid_response'],
    ['a document that says it is none', reply('{"a":1}', { type: 'video/mp4' }), 502, 'upstream_invalid_response'],
    ['a picture that runs', reply('<svg/>', { type: 'image/svg+xml' }), 502, 'upstream_invalid_response'],
    ['nothing', reply('', { type: 'video/mp4' }), 502, 'upstream_empty_result'],
    ['no HTTP', raw('hello\r\n', 'fin'), 502, 'upstream_invalid_response'],
    ['a hang-up', raw('', 'fin'), 502, 'upstream_disconnected'],
    ['a redirect to nowhere', reply('', { status: 302, type: null }), 502, 'upstream_invalid_response'],
]) {
    test(`V6 no film: ${name}`, async () => {
        fresh();
        const id = await made();
        provider.film = answer;
        const type = status === 404 ? 'invalid_request_error' : 'server_error';
        errorIs(await content(id), status, type, reason);
        if (name === 'a hang-up' || name === 'no HTTP') return;
        const client = await RawClient.open(gw, { method: 'HEAD', path: `/v1/videos/${id}/content` });
        if (name !== 'nothing' && !name.includes('says it is none')) {
            assert.equal((await client.head()).status, status);
        }
        client.close();
    });
}

test('V6 a film that stands in its own address', async () => {
    fresh();
    const id = await made({ url: `data:video/mp4;base64,${bytes.toString('base64')}` });
    filmIs(await content(id), id);
    const headers = { Range: 'bytes=990-' };
    const response = filmIs(await content(id, { headers }), id, bytes.subarray(990));
    assert.equal(response.status, 206);
    assert.equal(response.header('content-range'), 'bytes 990-999/1000');
    assert.equal((await content(id, { headers: { Range: 'bytes=1000-' } })).status, 416);
    const conditional = { ...headers, 'If-Range': '"x"' };
    assert.equal(filmIs(await content(id, { headers: conditional }), id).status, 200);
    const client = await RawClient.open(gw, { method: 'HEAD', path: `/v1/videos/${id}/content` });
    assert.equal((await client.head()).header('content-length'), '1000');
    client.close();
    const page = await made({ url: 'data:text/html;base64,PGh0bWw+' });
    unavailable(await content(page), 'upstream_invalid_response');
    assert.equal(M1.count, 0);
});

test('V6 pictures besides the film, where the provider has them', async () => {
    fresh();
    const id = await made();
    provider.film = reply('RIFFpicture', { type: 'image/webp' });
    const picture = await call(gw, { method: 'GET', path: `/v1/videos/${id}/content?variant=thumbnail` });
    assert.equal(picture.status, 200);
    assert.equal(picture.header('content-disposition'), `inline; filename="${id}.webp"`);
    assert.equal(M1.last.target, '/v1/videos/up_1/content?variant=thumbnail');
    provider.film = film;
    filmIs(await call(gw, { method: 'GET', path: `/v1/videos/${id}/content?variant=video` }), id);
    assert.equal(M1.last.target, '/v1/videos/up_1/content');
    const elsewhere = await made({ url: cdnUrl('/film.mp4') });
    for (const [of, variant] of [[id, 'poster'], [elsewhere, 'spritesheet']]) {
        const path = `/v1/videos/${of}/content?variant=${variant}`;
        const response = await call(gw, { method: 'GET', path });
        errorIs(response, 404, 'invalid_request_error', 'invalid_value', { param: 'variant' });
    }
});

test('V6 content_mode = redirect sends the client to an address that answers', async () => {
    fresh();
    const url = cdnUrl(`/film.mp4?sign=${'s'.repeat(2000)}`);
    const id = await made({ url }, 'sent-there');
    cdn.always(film);
    const response = await content(id, { headers: { Range: 'bytes=10-19' } });
    assert.equal(response.status, 302);
    assert.equal(response.header('location'), url);
    assert.equal(response.header('cache-control'), 'private');
    assert.equal(response.bytes, 0);
    assert.deepEqual([cdn.count, cdn.last.method, cdn.last.header('range')], [1, 'GET', 'bytes=0-0']);
    assert.equal(cdn.last.header('authorization'), undefined);
    const client = await RawClient.open(gw, { method: 'HEAD', path: `/v1/videos/${id}/content` });
    const head = await client.head();
    assert.deepEqual([head.status, head.header('location')], [302, url]);
    client.close();
    const own = await made({ url: null }, 'sent-there');
    provider.film = film;
    filmIs(await content(own), own);
});

test("V6 content_mode = redirect: what lies at the provider's own host is relayed", async () => {
    fresh();
    const id = await made({ url: `${M2.url}/files/1` }, 'sent-there');
    M2.always(film);
    const response = await content(id, { headers: { Range: 'bytes=10-19' } });
    filmIs(response, id, bytes.subarray(10, 20));
    assert.equal(response.header('location'), undefined);
});

test('V8 content_mode = redirect: an address that has expired is not shown', async () => {
    fresh();
    const id = await made({ url: cdnUrl('/old') }, 'sent-there');
    provider.tell(JSON.stringify({ status: 'completed', url: cdnUrl('/new') }));
    cdn.always((exchange) =>
        exchange.request.target === '/old' ? fault(403, { message: 'x' })(exchange) : film(exchange),
    );
    const response = await content(id);
    assert.deepEqual([response.status, response.header('location')], [302, cdnUrl('/new')]);
    cdn.always(fault(404, { message: 'x' }));
    errorIs(await content(id), 404, 'invalid_request_error', 'task_expired');
});

for (const [name] of refusedTargets()) {
    test(`V7 nobody is sent there: ${name}`, async () => {
        fresh();
        const target = refusedTargets().find(([n]) => n === name)[1];
        const id = await made({ url: target }, 'sent-there');
        M2.requests = [];
        const response = await content(id);
        if (target.startsWith(`http://127.0.0.1:${M2.port}/`)) {
            assert.equal(M2.last.target, '/film.mp4', "the provider's own host");
            return;
        }
        assert.equal(response.status, 502, response.text);
        assert.equal(response.header('location'), undefined);
        assert.doesNotMatch(response.text, /127|169|localhost|passwd/);
        assert.equal(inner.count + cdn.count, 0, 'nothing was fetched');
    });
}

const big = 60_000_000;
const headOfBig = `HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: ${big}\r\n\r\n`;
const piece = Buffer.alloc(100_000, 7);

test('V6 60 MB to a client that reads late: memory is bounded', async () => {
    fresh();
    const id = await made();
    let sent = 0;
    provider.film = async (exchange) => {
        await exchange.send(headOfBig);
        while (sent < big && (await exchange.send(piece))) sent += piece.length;
    };
    const before = gw.rssBytes;
    const client = await RawClient.connect(gw);
    client.socket.pause();
    await client.write(requestBytes({ method: 'GET', path: `/v1/videos/${id}/content` }));
    let last = 0;
    let quiet = 0;
    await eventually(() => {
        quiet = sent === last ? quiet + 1 : 0;
        last = sent;
        return sent > 0 && quiet === 15;
    }, 'the upstream is paused');
    assert.ok(sent < big / 2, `paused at ${sent}`);
    assert.ok(gw.rssBytes - before < 2e6, `memory has grown by ${gw.rssBytes - before}`);
    client.socket.resume();
    const response = await client.response(0, 3 * deadlineMs);
    assert.equal(response.complete, true);
    assert.equal(response.bytes, big);
    client.close();
});

test('V6 a pooled connection that dies under it: once more there, on a new one', async () => {
    fresh();
    const id = await made();
    for (const how of ['fin', 'rst']) {
        provider.film = film;
        filmIs(await content(id), id);
        M1.requests = [];
        const turns = [hangUp(how), film];
        provider.film = (exchange) => turns.shift()(exchange);
        filmIs(await content(id), id);
        const [first, second] = M1.requests.map(({ connection }) => connection);
        assert.notEqual(first, second);
    }
    provider.film = hangUp();
    M1.requests = [];
    unavailable(await content(id), 'upstream_disconnected');
    assert.equal(M1.count, 2, 'but not twice');
});

test('V6 a film that breaks off breaks off here, too', async () => {
    fresh();
    const id = await made();
    provider.film = raw(Buffer.concat([Buffer.from(headOfBig), piece]), 'fin');
    const client = await RawClient.open(gw, { method: 'GET', path: `/v1/videos/${id}/content` });
    const response = await client.response();
    assert.equal(response.complete, false);
    assert.equal(response.bytes, piece.length);
    client.close();
    const row = await gw.row(response);
    assert.deepEqual([row.status, row.reason, row.end], [200, 'upstream_disconnected', 'upstream_gone']);
});

test('V6 who leaves before the end has the fetching ended', async () => {
    fresh();
    const id = await made();
    for (const begin of [headOfBig, '']) {
        provider.film = async (exchange) => {
            await exchange.send(begin === '' ? '' : Buffer.concat([Buffer.from(begin), piece]));
            await hang()(exchange);
        };
        const client = await RawClient.open(gw, { method: 'GET', path: `/v1/videos/${id}/content` });
        if (begin !== '') await client.head();
        await M1.until(() => M1.exchanges.at(-1)?.request.target.endsWith('/content'), 'is asked');
        const exchange = M1.exchanges.at(-1);
        client.close();
        await exchange.closed;
    }
});
