// Paths that are nearly right: what the base URL says of itself, the nearest route, and the aliases.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, reply } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';

const invalid = 'invalid_request_error';
const body = chat();
const s = await scene({ after, name: 'routes' });
const { gw, M1, M2, reset } = s;

/** The path is known: it was for want of a key that it was refused. */
function asksForKey(response) {
    assert.equal(response.status, 401, response.text);
    assert.match(response.text, /"No Authorization header"/);
}

test('route-1 GET /v1 explains itself, with and without a key', async () => {
    reset();
    for (const [path, key] of [
        ['/v1', null],
        ['/v1/', 'sk-t1-0000000000'],
        ['//v1', 'sk-bad'],
        ['/v1?x=1', null],
    ]) {
        const response = await call(gw, { method: 'GET', path, key });
        assert.equal(response.status, 200, path);
        assert.match(response.header('content-type'), /^application\/json\b/);
        assert.match(response.header('x-request-id'), /^req_/);
        const about = response.json;
        assert.match(about.message, /base URL.*GET \/v1\/models/);
        assert.ok(about.routes.includes('POST /v1/chat/completions'));
        assert.ok(about.routes.includes('GET /v1/models/{id}'));
    }
    const posted = await call(gw, { path: '/v1', body });
    errorIs(posted, 404, invalid, 'method_not_allowed');
    assert.equal(posted.header('allow'), 'GET');
    assert.equal(M1.count + M2.count, 0);
    assert.deepEqual(await gw.cli(['usage', 'tail']), [], 'no row: nobody asked for anything');
});

test('route-1 every route that it names is there', async () => {
    const { routes } = (await call(gw, { method: 'GET', path: '/v1', key: null })).json;
    assert.equal(new Set(routes).size, routes.length);
    for (const route of routes) {
        const [method, path] = route.split(' ');
        const sent = method === 'POST' ? body : null;
        const asked = { method, path: path.replace('{id}', 'x'), key: null, body: sent };
        if (method === 'HEAD') {
            const { status } = await fetch(`http://${gw.host}:${gw.port}${asked.path}`, { method });
            assert.equal(status, 401, route);
        } else {
            asksForKey(await call(gw, asked));
        }
    }
});

test('route-1 the connection goes on after it', async () => {
    const client = await RawClient.open(gw, { method: 'GET', path: '/v1', key: null, body: null });
    assert.equal((await client.response(0)).status, 200);
    M1.reset().once(reply(J1));
    await client.write(requestBytes({ body }));
    bodyIs(await client.response(1), J1);
    client.close();
});

test('route-2 a 404 names the nearest route', async () => {
    reset();
    for (const [method, path, near] of [
        ['POST', '/v1/chat/completion', 'POST /v1/chat/completions?'],
        ['POST', '/v1/image/generations', 'POST /v1/images/generations?'],
        ['POST', '/v1/embedding', 'POST /v1/embeddings?'],
        ['POST', '/v1/v1/chat/completions', 'POST /v1/chat/completions?'],
        ['GET', '/models', 'GET /v1/models? The base URL ends with /v1'],
    ]) {
        const response = await call(gw, { method, path, key: null, body: method === 'POST' && body });
        errorIs(response, 404, invalid, 'unknown_path', {
            message: `Invalid URL (${method} ${path}; did you mean ${near})`,
        });
    }
    assert.equal(M1.count + M2.count, 0);
});

test('route-3 path_aliases: doubled and bare paths', async (t) => {
    const aliased = await scene(t, { name: 'aliases', server: { path_aliases: 'on' } });
    for (const path of ['/v1/v1/chat/completions', '/chat/completions', '/v1/chat/completions']) {
        aliased.M1.once(reply(J1));
        bodyIs(await call(aliased.gw, { path, body }), J1);
        assert.equal(aliased.M1.last.target, '/v1/chat/completions');
    }
    for (const path of ['/models', '/v1/v1/models']) {
        const list = await call(aliased.gw, { method: 'GET', path });
        assert.equal(list.status, 200);
        assert.ok(list.json.data.some((model) => model.id === 'gpt-4o-mini'));
    }
    await t.test('route-3 other paths are as unknown as before', async () => {
        for (const path of ['/', '/foo', '/v1/v1/v1/models', '/admin/status', '/v1x/models']) {
            const response = await call(aliased.gw, { method: 'GET', path });
            errorIs(response, 404, invalid, 'unknown_path', { message: /\/v1/ });
        }
        const got = await call(aliased.gw, { method: 'GET', path: '/chat/completions' });
        errorIs(got, 404, invalid, 'method_not_allowed');
        asksForKey(await call(aliased.gw, { path: '/chat/completions', key: null, body }));
    });
    await t.test('route-3 SDKs whose base URL has /v1 twice', async (st) => {
        aliased.M1.always(reply(J1));
        await eachSdk(st, 'route-3', async (sdk) => {
            const done = await sdk.run('chat', { url: `${aliased.gw.url}/v1` });
            assert.equal(done.content, 'Hi there');
        });
    });
});
