// B and C: paths, methods, bodies, and what may be changed of a body on its way.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { data, event, events, fault, J1, reply, S1, S1u, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream, chatStreamUsage, messages } from './lib/requests.mjs';

const invalid = 'invalid_request_error';
const limit = 65536;
const s = await scene({ after, name: 'paths' }, { server: { max_body_json: '64k' } });
const { gw, M1, M2, reset } = s;

function unseen() {
    assert.equal(M1.count + M2.count, 0, 'no provider was asked');
}

const body = chat();

test('B1 unknown paths, with and without a key', async (t) => {
    reset();
    for (const [method, path] of [
        ['POST', '/v1/foo'],
        ['GET', '/v1/_stainless_unknown_path'],
        ['GET', '/'],
        ['POST', '/v1/chat/completions/more'],
        ['GET', '/admin/user/list'],
        ['POST', '/v1/%2e%2e/admin/user/list'],
    ]) {
        await t.test(`B1 ${method} ${path}`, async () => {
            for (const key of ['sk-t1-0000000000', null, 'sk-bad']) {
                const response = await call(gw, { method, path, key, body: method === 'POST' && body });
                errorIs(response, 404, invalid, 'unknown_path');
            }
        });
    }
    await t.test('B1 the message names method and path', async () => {
        const error = errorIs(await call(gw, { path: '/v1/foo', body }), 404, invalid, 'unknown_path');
        assert.equal(error.message, 'Invalid URL (POST /v1/foo)');
    });
    unseen();
});

test('B2 wrong method', async () => {
    reset();
    const response = await call(gw, { method: 'GET' });
    errorIs(response, 404, invalid, 'method_not_allowed', {
        message: 'Invalid method for URL (GET /v1/chat/completions)',
    });
    assert.equal(response.header('allow'), 'POST');
    const deleted = await call(gw, { method: 'DELETE', path: '/v1/models' });
    errorIs(deleted, 404, invalid, 'method_not_allowed');
    assert.match(deleted.header('allow'), /^GET\b/);
    unseen();
});

test('B3 without /v1: the message names the right base', async () => {
    reset();
    const response = await call(gw, { path: '/chat/completions', body });
    errorIs(response, 404, invalid, 'unknown_path', { message: /\/v1/ });
    unseen();
});

test('B4 doubled and trailing slashes', async () => {
    reset();
    M1.once(reply(J1));
    bodyIs(await call(gw, { path: '//v1//chat/completions/', body }), J1);
    assert.equal(M1.last.target, '/v1/chat/completions');
});

test('B5 bodies that are not JSON', async (t) => {
    const spent = await gw.spent();
    const deep = `{"model":"gpt-4o-mini","messages":${'['.repeat(600)}${']'.repeat(600)}}`;
    const wrong = {
        'cut short': '{"model":',
        'an array': '[]',
        empty: '',
        'a byte order mark': `\ufeff${body}`,
        'something behind it': `${body}x`,
        'a second value behind it': `${body}{}`,
        'depth 600': deep,
        'invalid UTF-8': Buffer.concat([
            Buffer.from('{"model":"gpt-4o-mini","messages":[{"role":"user","content":"'),
            Buffer.from([0xff, 0xfe]),
            Buffer.from('"}]}'),
        ]),
        'an overlong sequence': Buffer.concat([
            Buffer.from('{"model":"gpt-4o-mini","messages":[{"role":"user","content":"'),
            Buffer.from([0xc0, 0xaf]),
            Buffer.from('"}]}'),
        ]),
        NaN: '{"model":"gpt-4o-mini","messages":[1],"temperature":NaN}',
        'single quotes': "{'model':'gpt-4o-mini'}",
        'a comment': '{/**/"model":"gpt-4o-mini","messages":[1]}',
        'a trailing comma': '{"model":"gpt-4o-mini","messages":[1],}',
        'a leading zero': '{"model":"gpt-4o-mini","messages":[1],"seed":01}',
        'a raw control byte': '{"model":"gpt-4o-mini","messages":["\u0001"]}',
    };
    for (const [name, text] of Object.entries(wrong)) {
        await t.test(`B5 ${name}`, async () => {
            reset();
            const options = { body: text };
            if (text === '') {
                options.body = null;
                options.headers = { 'Content-Length': 0, 'Content-Type': 'application/json' };
            }
            errorIs(await call(gw, options), 404, invalid, 'invalid_json');
            unseen();
        });
    }
    assert.equal(await gw.spent(), spent, 'nothing was charged');
});

test('B6 required fields', async (t) => {
    const wrong = {
        'no model': [chat({ model: undefined }), 'missing_parameter', 'model'],
        'model empty': [chat({ model: '' }), /missing_parameter|invalid_value/, 'model'],
        'model a number': [chat({ model: 5 }), 'invalid_type', 'model'],
        'model null': [chat({ model: null }), /missing_parameter|invalid_type/, 'model'],
        'no messages': [chat({ messages: undefined }), 'missing_parameter', 'messages'],
        'messages empty': [chat({ messages: [] }), /missing_parameter|invalid_value/, 'messages'],
        'messages a text': [chat({ messages: 'hi' }), 'invalid_type', 'messages'],
    };
    for (const [name, [text, reason, param]] of Object.entries(wrong)) {
        await t.test(`B6 ${name}`, async () => {
            reset();
            const response = await call(gw, { body: text });
            const told = response.json.error?.reason;
            if (reason instanceof RegExp) assert.match(told, reason);
            errorIs(response, 404, invalid, reason instanceof RegExp ? told : reason, { param });
            unseen();
        });
    }
});

test('B7 types and ranges', async (t) => {
    const wrong = {
        'stream a text': [{ stream: 'yes' }, 'invalid_type', 'stream'],
        'stream a number': [{ stream: 1 }, 'invalid_type', 'stream'],
        'n 0': [{ n: 0 }, 'invalid_value', 'n'],
        'n 1.5': [{ n: 1.5 }, /invalid_type|invalid_value/, 'n'],
        'n negative': [{ n: -1 }, 'invalid_value', 'n'],
        'n huge': [{ n: 1e9 }, 'invalid_value', 'n'],
        'n a text': [{ n: '2' }, 'invalid_type', 'n'],
        'max_tokens negative': [{ max_tokens: -1 }, 'invalid_value', 'max_tokens'],
        'max_tokens a text': [{ max_tokens: '5' }, 'invalid_type', 'max_tokens'],
        'max_completion_tokens huge': [
            { max_completion_tokens: 2 ** 53 },
            'invalid_value',
            'max_completion_tokens',
        ],
    };
    for (const [name, [more, reason, param]] of Object.entries(wrong)) {
        await t.test(`B7 ${name}`, async () => {
            reset();
            const response = await call(gw, { body: chat(more) });
            const told = response.json.error?.reason;
            if (reason instanceof RegExp) assert.match(told, reason);
            errorIs(response, 404, invalid, reason instanceof RegExp ? told : reason, { param });
            unseen();
        });
    }
});

test('B8 a model that is not configured', async () => {
    reset();
    const response = await call(gw, { body: chat({ model: 'nope' }) });
    errorIs(response, 404, invalid, 'model_not_found', {
        param: 'model',
        message: "The model 'nope' does not exist",
    });
    unseen();
});

test('B9 a model of another kind', async () => {
    reset();
    const response = await call(gw, { body: chat({ model: 'text-embedding-3-small' }) });
    errorIs(response, 404, invalid, 'endpoint_not_supported');
    unseen();
});

test('B10 one byte over the body limit', async (t) => {
    const bare = chat({ pad: '' });
    const fits = chat({ pad: 'x'.repeat(limit - bare.length) });
    const over = chat({ pad: 'x'.repeat(limit - bare.length + 1) });
    await t.test('B10 exactly the limit passes', async () => {
        reset();
        M1.once(reply(J1));
        bodyIs(await call(gw, { body: fits }), J1);
    });
    const refused = async (client) => {
        const response = await client.response();
        errorIs(response, 404, invalid, 'body_too_large', { message: /65536/ });
        assert.match(response.header('connection') ?? '', /close/i);
        assert.equal(await client.connectionEnd(), 'FIN');
        unseen();
    };
    await t.test('B10 by Content-Length', async () => {
        reset();
        const client = await RawClient.connect(gw);
        await client.write(requestBytes({ body: over }));
        await refused(client);
    });
    await t.test('B10 chunked', async () => {
        reset();
        const client = await RawClient.connect(gw);
        const headers = { 'Transfer-Encoding': 'chunked' };
        await client.write(requestBytes({ headers, type: 'application/json' }));
        const size = over.length.toString(16);
        await client.write(Buffer.from(`${size}\r\n${over}\r\n0\r\n\r\n`));
        await refused(client);
    });
    await t.test('B10 with Expect: before the body', async () => {
        reset();
        const client = await RawClient.connect(gw);
        const headers = { Expect: '100-continue', 'Content-Length': over.length };
        await client.write(requestBytes({ headers, type: 'application/json' }));
        await refused(client);
        assert.deepEqual(client.interim, []);
    });
    await t.test('B10 memory stays bounded', async () => {
        reset();
        const before = gw.rssBytes;
        const client = await RawClient.connect(gw);
        const huge = 48 * 1024 * 1024;
        const headers = { 'Content-Length': huge };
        await client.write(requestBytes({ headers, type: 'application/json' }));
        const piece = Buffer.alloc(1024 * 1024, 0x20);
        for (let i = 0; i < 48; i++) await client.write(piece);
        await refused(client);
        assert.ok(gw.rssBytes - before < 16 * 1024 * 1024, 'the body was not kept');
    });
});

test('B11 JSON under other content types', async (t) => {
    for (const [name, type] of [
        ['none', null],
        ['curl default', 'application/x-www-form-urlencoded'],
        ['text/plain', 'text/plain'],
        ['with a charset', 'application/json; charset=utf-8'],
    ]) {
        await t.test(`B11 ${name}`, async () => {
            reset();
            M1.once(reply(J1));
            bodyIs(await call(gw, { type, body: ` ${body}` }), J1);
            assert.match(M1.last.header('content-type'), /^application\/json\b/);
            assert.equal(M1.last.all('content-type').length, 1);
        });
    }
});

test('B12 bodies of another kind', async (t) => {
    for (const [name, type, text] of [
        ['multipart', 'multipart/form-data; boundary=x', '--x--\r\n'],
        ['XML', 'application/xml', '<a/>'],
    ]) {
        await t.test(`B12 ${name}`, async () => {
            reset();
            const response = await call(gw, { type, body: text });
            errorIs(response, 404, invalid, 'unsupported_content_type');
            unseen();
        });
    }
    await t.test('B12 a form', async () => {
        reset();
        const type = 'application/x-www-form-urlencoded';
        const response = await call(gw, { type, body: 'model=gpt-4o-mini' });
        // Either says it: no JSON in there, or not under this type.
        assert.match(response.json.error?.reason, /^(invalid_json|unsupported_content_type)$/);
        errorIs(response, 404, invalid, response.json.error.reason);
        unseen();
    });
    await t.test('B12 a content encoding', async () => {
        reset();
        const response = await call(gw, { headers: { 'Content-Encoding': 'zstd' }, body });
        errorIs(response, 404, invalid, 'unsupported_content_encoding');
        unseen();
    });
});

test('B13 a GET with Content-Type and no body', async () => {
    reset();
    const headers = { 'Content-Type': 'application/json' };
    const response = await call(gw, { method: 'GET', path: '/v1/models', headers });
    assert.equal(response.status, 200);
    assert.equal(response.json.object, 'list');
});

test('framing faults close the connection', async (t) => {
    const cases = {
        'two Content-Length': ['400', [['Content-Length', '2'], ['Content-Length', '2']], '{}'],
        'both framings': ['400', [['Content-Length', '2'], ['Transfer-Encoding', 'chunked']], ''],
        'no framing': ['411', [], ''],
        'an odd Transfer-Encoding': ['501', [['Transfer-Encoding', 'gzip, chunked']], ''],
        'no Host': ['400', [['Host', '']], ''],
    };
    for (const [name, [status, headers, text]] of Object.entries(cases)) {
        await t.test(`framing ${name}`, async () => {
            reset();
            const client = await RawClient.connect(gw);
            let bytes = requestBytes({ headers }).toString('latin1');
            if (name === 'no Host') {
                bytes = bytes.replace('Host: \r\n', 'Content-Length: 0\r\n');
            }
            await client.write(Buffer.from(bytes + text, 'latin1'));
            const response = await client.response();
            assert.equal(String(response.status), status);
            await client.connectionEnd();
            unseen();
        });
    }
});

test('C1 everything but the model stands as it was', async () => {
    reset();
    M1.once(reply(J1));
    const text =
        '{"messages":[{"role":"user","content":"a"}],"temperature":0.10,' +
        '"seed":9223372036854775808,"x":"\\ud83d \\u0000", "big":1e400,\n\t"model" : "gpt-4o-mini"}';
    bodyIs(await call(gw, { body: text }), J1);
    assert.equal(M1.last.text, text.replace('gpt-4o-mini', 'up-mini'));
    assert.equal(Number(M1.last.header('content-length')), M1.last.body.length);
});

test('C2 the model key spelled with an escape', async () => {
    reset();
    M1.once(reply(J1));
    const text = '{"\\u006dodel":"gpt-4o-mini","messages":[{"role":"user","content":"a"}]}';
    bodyIs(await call(gw, { body: text }), J1);
    assert.equal(M1.last.json.model, 'up-mini');
    reset();
    M1.once(reply(J1));
    const value = '{"model":"gpt\\u002d4o-mini","messages":[{"role":"user","content":"a"}]}';
    bodyIs(await call(gw, { body: value }), J1);
    assert.equal(M1.last.json.model, 'up-mini');
});

test('C3 a policy key twice', async (t) => {
    const m = JSON.stringify(messages);
    const wrong = {
        'two models': `{"model":"gpt-4o-mini","messages":${m},"model":"gpt-4o-mini"}`,
        'one with an escape': `{"model":"gpt-4o-mini","messages":${m},"mode\\u006c":"x"}`,
        'two n': `{"model":"gpt-4o-mini","messages":${m},"n":1,"n":2}`,
        'another case': `{"model":"gpt-4o-mini","messages":${m},"Max_Tokens":2}`,
        'another case of model': `{"MODEL":"x","model":"gpt-4o-mini","messages":${m}}`,
        'two streams': `{"model":"gpt-4o-mini","messages":${m},"stream":true,"stream":false}`,
    };
    for (const [name, text] of Object.entries(wrong)) {
        await t.test(`C3 ${name}`, async () => {
            reset();
            errorIs(await call(gw, { body: text }), 404, invalid, 'duplicate_parameter');
            unseen();
        });
    }
    await t.test('C3 other keys twice pass', async () => {
        reset();
        M1.once(reply(J1));
        const text = `{"model":"gpt-4o-mini","messages":${m},"user":"a","user":"b"}`;
        bodyIs(await call(gw, { body: text }), J1);
        assert.equal(M1.last.text, text.replace('gpt-4o-mini', 'up-mini'));
    });
});

test('C4 nested model members are left alone', async () => {
    reset();
    M1.once(reply(J1));
    const text =
        '{"metadata":{"model":"gpt-4o-mini"},"tools":[{"model":"gpt-4o-mini","n":3}],' +
        '"messages":[{"role":"user","content":"x","model":"gpt-4o-mini"}],"model":"gpt-4o-mini"}';
    bodyIs(await call(gw, { body: text }), J1);
    const at = text.lastIndexOf('gpt-4o-mini');
    assert.equal(M1.last.text, `${text.slice(0, at)}up-mini${text.slice(at + 11)}`);
});

test('C5 usage is asked for and taken out again', async (t) => {
    const cases = {
        'no stream_options': [undefined, { include_usage: true }],
        null: [null, { include_usage: true }],
        'an empty object': [{}, { include_usage: true }],
        'another member': [
            { include_obfuscation: false },
            { include_obfuscation: false, include_usage: true },
        ],
        'include_usage false': [{ include_usage: false }, { include_usage: true }],
    };
    for (const [name, [options, want]] of Object.entries(cases)) {
        await t.test(`C5 ${name}`, async () => {
            reset();
            M1.once(stream(S1u));
            const text = chat({ stream: true, stream_options: options });
            const response = bodyIs(await call(gw, { body: text }), S1);
            assert.deepEqual(M1.last.json.stream_options, want);
            const asked = { ...JSON.parse(text), model: 'up-mini', stream_options: want };
            assert.deepEqual(M1.last.json, asked);
            const row = await gw.row(response);
            assert.equal(row.charge, '0.000005000');
            assert.equal(row.source, 'upstream');
        });
    }
});

test('C6 usage that the caller asked for stays', async () => {
    reset();
    M1.once(stream(S1u));
    bodyIs(await call(gw, { body: chatStreamUsage }), S1u);
    assert.equal(M1.last.text, chatStreamUsage.replace('gpt-4o-mini', 'up-mini'));
});

test('C7 a provider that does not take stream_options', async (t) => {
    const c = await scene(t, { provider: { inject_stream_usage: 'off' } });
    c.M1.once(stream(S1));
    const response = bodyIs(await call(c.gw, { body: chatStream }), S1);
    assert.equal(c.M1.last.text, chatStream.replace('gpt-4o-mini', 'up-mini'));
    const row = await c.gw.row(response);
    assert.equal(row.source, 'estimated');
    assert.notEqual(row.charge, '0.000000000');
});

test('C8 a provider that refuses stream_options is asked again without, and remembered', async (t) => {
    const c = await scene(t);
    const error = {
        message: 'Unknown parameter: stream_options',
        type: 'invalid_request_error',
        param: 'stream_options',
        code: 'unknown_parameter',
    };
    c.M1.once(fault(400, error), stream(S1), stream(S1));
    bodyIs(await call(c.gw, { body: chatStream }), S1);
    assert.equal(c.M1.count, 2);
    assert.ok('stream_options' in c.M1.requests[0].json);
    assert.equal(c.M1.requests[1].text, chatStream.replace('gpt-4o-mini', 'up-mini'));
    bodyIs(await call(c.gw, { body: chatStream }), S1);
    assert.equal(c.M1.count, 3);
    assert.ok(!('stream_options' in c.M1.requests[2].json), 'the flag is remembered');
    assert.equal(c.M2.count, 0);
});

test('C8 stream_options that the caller sent are not taken away', async (t) => {
    const c = await scene(t);
    c.M1.once(fault(400, { message: 'Unknown parameter: stream_options', code: 'unknown_parameter' }));
    const response = await call(c.gw, { body: chatStreamUsage });
    errorIs(response, 404, invalid, 'unknown_parameter');
    assert.equal(c.M1.count, 1);
});

test('C11 chunked and slow request bodies', async (t) => {
    await t.test('C11 chunked', async () => {
        reset();
        M1.once(reply(J1));
        const client = await RawClient.connect(gw);
        const headers = { 'Transfer-Encoding': 'chunked' };
        await client.write(requestBytes({ headers, type: 'application/json' }));
        const middle = body.length >> 1;
        for (const part of [body.slice(0, middle), body.slice(middle)]) {
            await client.write(Buffer.from(`${part.length.toString(16)};x=y\r\n${part}\r\n`));
        }
        await client.write(Buffer.from('0\r\n\r\n'));
        bodyIs(await client.response(), J1);
        client.close();
        assert.equal(Number(M1.last.header('content-length')), M1.last.body.length);
        assert.equal(M1.last.header('transfer-encoding'), undefined);
        assert.equal(M1.last.text, body.replace('gpt-4o-mini', 'up-mini'));
    });
    await t.test('C11 one byte at a time', async () => {
        reset();
        M1.once(reply(J1));
        const client = await RawClient.connect(gw);
        for (const byte of requestBytes({ body })) await client.write(Buffer.from([byte]));
        bodyIs(await client.response(), J1);
        client.close();
        assert.equal(M1.last.text, body.replace('gpt-4o-mini', 'up-mini'));
    });
    await t.test('C11 two requests in one write are answered in order', async () => {
        reset();
        M1.once(reply(J1), stream(events(data.role, data.stop) + event('[DONE]')));
        const client = await RawClient.connect(gw);
        const both = [requestBytes({ body }), requestBytes({ body: chatStream })];
        await client.write(Buffer.concat(both));
        bodyIs(await client.response(0), J1);
        bodyIs(await client.response(1), events(data.role, data.stop, '[DONE]'));
        client.close();
    });
});
