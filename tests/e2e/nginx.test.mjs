// nginx: the gateway behind deploy/nginx.conf, over TLS.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { data, event, events, fault, hang, J1, reply, S1, told } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { delivered, Nginx } from './lib/nginx.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { SdkProcess } from './lib/sdk_process.mjs';
import { root } from './lib/place.mjs';
import { Barrier, eventually } from './lib/wait.mjs';

const invalid = 'invalid_request_error';
const trusting = { trusted_proxy: '127.0.0.1' };
const s = await scene({ after, name: 'nginx' }, { server: trusting, P1: { drain: '0s' } });
const { gw, M1, M2, reset } = s;
const nginx = await Nginx.start({ after }, gw);
await gw.cli(['user', 'credit', 'u1', '1000']);

function unseen() {
    assert.equal(M1.count + M2.count, 0, 'no provider was asked');
}

/** A stream that brings one content after the other, each when its gate opens. */
function gated(...contents) {
    const gates = contents.map(() => new Barrier());
    const answer = told(async ({ send, last }) => {
        await send(event(data.role));
        for (const [i, content] of contents.entries()) {
            await gates[i].passed(content);
            await send(event(data.chunk(JSON.stringify({ content }), 'null')));
        }
        await send(events(data.stop, data.done));
        await last();
    });
    return { gates, answer };
}

test('nginx -t has nothing to say but that the file is good', () => {
    const { code, text } = nginx.check();
    assert.equal(code, 0, text);
    const lines = text.trim().split('\n');
    assert.equal(lines.length, 2, text);
    assert.match(lines[0], /syntax is ok$/);
    assert.match(lines[1], /test is successful$/);
});

test('nginx JSON answers, models and paths pass as they are', async (t) => {
    reset();
    M1.always(reply(J1));
    bodyIs(await call(nginx, { body: chat() }), J1);
    const one = await call(nginx, { method: 'GET', path: '/v1/models/org%2Fslash-model' });
    assert.equal(one.json.id, 'org/slash-model', one.text);
    const wrong = await call(nginx, { method: 'GET', path: '//v1//foo%2Fbar?a=%20b' });
    errorIs(wrong, 404, invalid, 'unknown_path');
    const again = await call(gw, { method: 'GET', path: '//v1//foo%2Fbar?a=%20b' });
    assert.equal(wrong.json.error.message, again.json.error.message, 'the path the client wrote');
    await eachSdk(t, 'nginx chat', async (sdk) => {
        const client = new SdkProcess(sdk, 'chat', nginx);
        assert.equal((await client.ended()).content, 'Hi there');
    });
});

test('nginx an SDK stream arrives event by event', async (t) => {
    await eachSdk(t, 'nginx stream', async (sdk, st) => {
        reset();
        const { gates, answer } = gated('one', ' two', ' three');
        M1.once(answer);
        const client = new SdkProcess(sdk, 'stream', nginx);
        st.after(() => client.stop());
        let content = '';
        for (const [i, more] of ['one', ' two', ' three'].entries()) {
            gates[i].open();
            content += more;
            await client.came(content);
        }
        assert.deepEqual(await client.ended(), { content, chunks: 5 });
    });
});

test('nginx each event of a stream passes before the next is sent, byte for byte', async () => {
    reset();
    const gate = new Barrier();
    M1.once(
        told(async ({ send, last }) => {
            await send(events(data.role, data.hi));
            await gate.passed();
            await send(events(data.there, data.stop, data.done));
            await last();
        }),
    );
    const client = await RawClient.connect(nginx);
    await client.write(requestBytes({ body: chatStream }));
    const response = await client.text(events(data.role, data.hi));
    assert.equal(response.header('content-type'), 'text/event-stream');
    gate.open();
    bodyIs(await client.response(), S1);
    client.close();
});

test('nginx a body of 30 MB passes', async () => {
    reset();
    M1.once(reply(J1));
    const content = 'x'.repeat(30e6);
    const body = chat({ messages: [{ role: 'user', content }] });
    bodyIs(await call(nginx, { body }), J1);
    const sent = M1.last.text.replace('up-mini', 'gpt-4o-mini');
    assert.ok(sent === body, 'the provider got the same bytes');
});

test('nginx a body over the limit', async (t) => {
    const large = 128 * 1024 * 1024;
    reset();
    await t.test('nginx over the JSON limit: the gateway refuses', async () => {
        const body = chat({ pad: 'x'.repeat(32 * 1024 * 1024) });
        const response = await call(nginx, { body });
        errorIs(response, 404, invalid, 'body_too_large', { message: /33554432 bytes/ });
    });
    const refused = (response) => {
        const { message } = errorIs(response, 404, invalid, 'body_too_large');
        assert.equal(message, `Request body exceeds ${large} bytes`);
        assert.match(response.header('connection') ?? '', /close/i);
    };
    await t.test('nginx over its own limit, by Content-Length', async () => {
        const client = await RawClient.connect(nginx);
        const headers = { 'Content-Length': large + 1 };
        await client.write(requestBytes({ headers, type: 'application/json' }));
        refused(await client.response());
        client.close();
    });
    await t.test('nginx over its own limit, chunked', async () => {
        const client = await RawClient.connect(nginx);
        const headers = { 'Transfer-Encoding': 'chunked' };
        await client.write(requestBytes({ headers, type: 'application/json' }));
        const piece = Buffer.from(`100000\r\n${'x'.repeat(0x100000)}\r\n`);
        for (let i = 0; i < 129 && client.responses.length === 0; i++) await client.write(piece);
        refused(await client.response());
        client.close();
    });
    unseen();
});

test("nginx the client's address is seen by --networks", async (t) => {
    reset();
    M1.always(reply(J1));
    const key = 'sk-bound-000000000';
    await gw.cli(['key', 'create', 'u1', '--networks', '127.0.0.9', '--secret-stdin'], {
        input: `${key}\n`,
    });
    await t.test('nginx from the address', async () => {
        bodyIs(await call(nginx, { from: '127.0.0.9', key, body: chat() }), J1);
    });
    await t.test('nginx from another one', async () => {
        const response = await call(nginx, { from: '127.0.0.8', key, body: chat() });
        errorIs(response, 401, 'invalid_token', 'ip_not_allowed');
    });
    await t.test('nginx from another one that claims to be the address', async () => {
        for (const name of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded']) {
            const headers = { [name]: name === 'Forwarded' ? 'for=127.0.0.9' : '127.0.0.9' };
            const response = await call(nginx, { from: '127.0.0.8', key, headers, body: chat() });
            errorIs(response, 401, 'invalid_token', 'ip_not_allowed');
        }
    });
    assert.equal(M1.count, 1);
});

test('nginx a client that leaves frees the upstream', async (t) => {
    const leave = {
        'by closing': (client) => client.close(),
        'by a reset': (client) => client.reset(),
    };
    for (const [name, end] of Object.entries(leave)) {
        await t.test(`nginx leaves ${name}`, async () => {
            reset();
            M1.once(
                told(async ({ send, exchange }) => {
                    await send(events(data.role, data.hi));
                    await exchange.closed;
                }),
            );
            const client = await RawClient.connect(nginx);
            await client.write(requestBytes({ body: chatStream }));
            const response = await client.text(events(data.role, data.hi));
            end(client);
            await M1.until(() => M1.exchanges[0].isClosed, 'the upstream is free');
            const row = await gw.row(response);
            assert.equal(row.end, 'client_gone');
        });
        await t.test(`nginx leaves before the first event ${name}`, async () => {
            reset();
            M1.once(hang());
            const client = await RawClient.connect(nginx);
            await client.write(requestBytes({ body: chatStream }));
            await M1.request();
            end(client);
            await M1.until(() => M1.exchanges[0].isClosed, 'the upstream is free');
        });
    }
});

test("nginx the gateway's errors pass as they are", async () => {
    reset();
    const missing = await call(nginx, { key: null, body: chat() });
    assert.equal(
        missing.text,
        '{"error":{"message":"No Authorization header","type":"invalid_token","code":401}}',
    );
    assert.equal(missing.header('www-authenticate'), 'Bearer');
    const error = { message: 'no', type: 'invalid_request_error', code: 'content_policy_violation' };
    M1.once(fault(400, error));
    const blocked = await call(nginx, { body: chat() });
    errorIs(blocked, 502, 'server_error', 'prompt_blocked');
    assert.equal(blocked.header('x-should-retry'), 'false');
});

test('nginx logs neither the query nor the key', async () => {
    const response = await call(nginx, { method: 'GET', path: '/v1/models?key=sk-in-the-query' });
    const id = response.header('x-request-id');
    const line = await eventually(
        () => nginx.accessLog().split('\n').find((one) => one.includes(id)),
        'the line of the request',
    );
    assert.match(line, /^127\.0\.0\.1 \[.+\] "GET \/v1\/models HTTP\/1\.1" 200 \d+ [\d.]+s req_\w+$/);
    assert.doesNotMatch(nginx.accessLog(), /sk-/);
});

// --- what nginx says itself ---------------------------------------------------------------------

const table = fs.readFileSync(path.join(root, 'base/fault.def'), 'utf8');
const row = /^FAULT\(\w+,\s*(\d+),\s*(\w+),\s*"(\w+)",\s*\w+,\s*(\w+),\s*"((?:[^"\\]|\\.)*)"/gm;
const rows = [...table.matchAll(row)].map(([, status, type, reason, retry, message]) => ({
    status: Number(status),
    type,
    reason,
    retry,
    message,
}));

/** Does `text` say what a row's message says, whatever stands for its subject? */
function saysAs(message, text) {
    const [before, behind] = message.split('{}');
    return behind === undefined
        ? text === message
        : text.startsWith(before) && text.endsWith(behind) && text.length > before.length;
}

test("nginx its own answers are rows of the gateway's table", () => {
    const answers = [...delivered.matchAll(/location = \/own\/(\w+) \{\s+return (\d+) '(.*)';/g)];
    assert.equal(answers.length, delivered.match(/error_page/g).length, 'one for each error_page');
    for (const [, name, status, body] of answers) {
        const { error } = JSON.parse(body);
        const members = ['message', 'type', 'code', 'param', 'reason', 'request_id'];
        assert.deepEqual(Object.keys(error), members, body);
        assert.equal(error.reason, name, body);
        assert.equal(error.code, Number(status), body);
        const same = rows.find(
            (one) =>
                one.status === error.code &&
                one.type === error.type &&
                one.reason === error.reason &&
                saysAs(one.message, error.message),
        );
        assert.ok(same, `a row of base/fault.def says this: ${body}`);
        assert.equal(delivered.includes(`/own/${name} 1;`), same.retry === 'SOON', name);
    }
});

test('nginx requests that do not reach the gateway', async (t) => {
    const long = 'x'.repeat(5000);
    const cases = {
        'a long head line': [{ headers: { 'X-Long': long } }, 400, 'bad_framing'],
        'a long path': [{ path: `/v1/${long}` }, 400, 'bad_framing'],
        'a bad Host': [{ headers: { Host: 'a b' } }, 400, 'bad_framing'],
        'plain HTTP': [{ plain: true }, 400, 'bad_framing'],
        TRACE: [{ method: 'TRACE' }, 404, 'method_not_allowed'],
        'a transfer encoding': [
            { headers: { 'Transfer-Encoding': 'gzip' } },
            501,
            'unsupported_transfer_encoding',
        ],
        'a page of its own errors': [{ path: '/own/overloaded' }, 404, 'unknown_path'],
    };
    for (const [name, [options, status, reason]] of Object.entries(cases)) {
        await t.test(`nginx ${name}`, async () => {
            const target = options.plain
                ? { host: nginx.host, port: nginx.port, speaksForItself: true }
                : nginx;
            const response = await call(target, { method: 'GET', path: '/v1/models', ...options });
            errorIs(response, status, invalid, reason);
            assert.equal(response.header('retry-after'), undefined);
        });
    }
});

test('nginx too many connections, and an answer that does not come', async (t) => {
    reset();
    const small = await Nginx.start(t, gw, [
        ['limit_conn addresses 4096', 'limit_conn addresses 1'],
        ['proxy_read_timeout 600s', 'proxy_read_timeout 200ms'],
    ]);
    M1.once(hang());
    const client = await RawClient.connect(small);
    await client.write(requestBytes({ body: chatStream }));
    const response = await call(small, { method: 'GET', path: '/v1/models' });
    errorIs(response, 502, 'server_error', 'overloaded');
    assert.equal(response.header('retry-after'), '1');
    assert.equal(response.header('retry-after-ms'), '1000');
    errorIs(await client.response(), 502, 'server_error', 'upstream_timeout');
    assert.equal((await client.response()).header('retry-after'), undefined);
    client.close();
});

test('nginx the gateway is stopped, and comes back', async (t) => {
    reset();
    M1.always(reply(J1));
    const own = await scene(t, { name: 'nginx-stop', server: trusting, leave: true });
    const front = await Nginx.start(t, own.gw);
    own.M1.once(reply(J1));
    bodyIs(await call(front, { body: chat() }), J1);
    await own.gw.stop();
    const response = await call(front, { body: chat() });
    errorIs(response, 502, 'server_error', 'shutting_down', { message: 'Server is restarting' });
    assert.equal(response.header('retry-after'), '1');
    assert.equal(response.header('retry-after-ms'), '1000');
    await eachSdk(t, 'nginx stopped', async (sdk) => {
        const { error } = await new SdkProcess(sdk, 'chat', front).ended();
        assert.equal(error.class, 'InternalServerError', JSON.stringify(error));
        assert.equal(error.status, 502);
        assert.equal(error.type, 'server_error');
    });
    const listen = `127.0.0.1:${own.gw.port}`;
    const next = await scene(t, { name: 'nginx-back', server: { ...trusting, listen } });
    next.M1.once(reply(J1));
    bodyIs(await call(front, { body: chat() }), J1);
});
