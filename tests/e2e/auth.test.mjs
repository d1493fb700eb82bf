// A: who may call, from where, and with what money.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, reply } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { fixtureOf } from './lib/fixture.mjs';
import { scene } from './lib/gateway.mjs';
import { Proxy } from './lib/proxy.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { eventually } from './lib/wait.mjs';

const fixture = ['K1', 'K1b', 'K2', 'K4', 'K5', 'K6', 'K7', 'K8', 'KG', 'KE', 'KD'];
const s = await scene({ after, name: 'auth' }, { fixture });
const { gw, reset } = s;

/** Nothing reached a provider. */
function unseen() {
    assert.equal(s.M1.count + s.M2.count, 0, 'no provider was asked');
}

const body = chat();

test('A1 no Authorization header: exactly the documented example', async () => {
    reset();
    const response = await call(gw, { key: null, body });
    assert.equal(response.status, 401);
    assert.equal(
        response.text,
        '{"error":{"message":"No Authorization header","type":"invalid_token","code":401}}',
    );
    assert.equal(response.header('www-authenticate'), 'Bearer');
    assert.match(response.header('content-type'), /^application\/json\b/);
    assert.match(response.header('x-request-id'), /^req_/);
    unseen();
});

test('A2 malformed Authorization', async (t) => {
    const wrong = {
        'Basic x': [['Authorization', 'Basic x']],
        'Bearer alone': [['Authorization', 'Bearer']],
        'Bearer and a blank': [['Authorization', 'Bearer ']],
        'a bare token': [['Authorization', 'sk-t1-0000000000']],
        'two headers': [
            ['Authorization', 'Bearer sk-t1-0000000000'],
            ['Authorization', 'Bearer sk-t1-0000000000'],
        ],
    };
    for (const [name, headers] of Object.entries(wrong)) {
        await t.test(`A2 ${name}`, async () => {
            reset();
            const response = await call(gw, { headers, body });
            errorIs(response, 401, 'invalid_token', 'malformed_authorization');
            unseen();
        });
    }
});

test('A3 tokens that are not good', async (t) => {
    reset();
    await t.test('A3 unknown', async () => {
        errorIs(await call(gw, { key: 'sk-nobody', body }), 401, 'invalid_token', 'unknown_token');
    });
    await t.test('A3 a prefix and an extension of a good one', async () => {
        for (const key of ['sk-t1-000000000', 'sk-t1-0000000000x', 'SK-T1-0000000000']) {
            errorIs(await call(gw, { key, body }), 401, 'invalid_token', 'unknown_token');
        }
    });
    await t.test('A3 expired', async () => {
        await gw.admin('key', 'create', { user: 'u1', secret: 'sk-t3-0000000000', expires_s: 1 });
        const response = await eventually(async () => {
            const answer = await call(gw, { key: 'sk-t3-0000000000', method: 'GET', path: '/v1/models' });
            return answer.status === 401 && answer;
        }, 'the key expires');
        errorIs(response, 401, 'invalid_token', 'token_expired');
        errorIs(await call(gw, { key: 'sk-t3-0000000000', body }), 401, 'invalid_token', 'token_expired');
    });
    await t.test('A3 disabled', async () => {
        errorIs(await call(gw, { key: 'sk-t4-0000000000', body }), 401, 'invalid_token', 'token_disabled');
    });
    await t.test('A3 disabled while it is cached, enabled again', async () => {
        s.M1.always(reply(J1));
        const id = String(gw.keys.K1b.id);
        bodyIs(await call(gw, { key: 'sk-t1b-0000000000', body }), J1);
        await gw.cli(['key', 'disable', id]);
        errorIs(await call(gw, { key: 'sk-t1b-0000000000', body }), 401, 'invalid_token', 'token_disabled');
        await gw.cli(['key', 'enable', id]);
        bodyIs(await call(gw, { key: 'sk-t1b-0000000000', body }), J1);
        assert.equal(s.M1.count, 2);
        reset();
    });
    await t.test('A3 its user is disabled', async () => {
        errorIs(await call(gw, { key: 'sk-td-0000000000', body }), 401, 'invalid_token', 'user_disabled');
    });
    unseen();
});

test('A4 case and blanks of the header do not matter', async (t) => {
    const spelled = {
        'lower case and blanks': 'bearer   sk-t1-0000000000 ',
        'upper case': 'BEARER sk-t1-0000000000',
        'a tab': 'Bearer\tsk-t1-0000000000',
    };
    for (const [name, value] of Object.entries(spelled)) {
        await t.test(`A4 ${name}`, async () => {
            reset();
            s.M1.once(reply(J1));
            bodyIs(await call(gw, { headers: { authorization: value }, body }), J1);
        });
    }
});

test('A4 a key with spaces', async () => {
    reset();
    s.M1.once(reply(J1));
    await fixtureOf(gw, ['K1s']);
    const headers = { Authorization: 'Bearer My API Key 0000' };
    bodyIs(await call(gw, { headers, body }), J1);
});

test('A5 a key bound to an address', async (t) => {
    reset();
    await t.test('A5 another address', async () => {
        errorIs(await call(gw, { key: 'sk-t5-0000000000', body }), 401, 'invalid_token', 'ip_not_allowed');
    });
    await t.test('A5 X-Forwarded-For of an untrusted peer', async () => {
        const headers = { 'X-Forwarded-For': '10.9.9.9' };
        const response = await call(gw, { key: 'sk-t5-0000000000', headers, body });
        errorIs(response, 401, 'invalid_token', 'ip_not_allowed');
    });
    unseen();
    await t.test('A5 X-Forwarded-For of a trusted peer', async (st) => {
        const trusting = await scene(st, {
            name: 'A5',
            server: { trusted_proxy: '127.0.0.0/8' },
            fixture: ['K5'],
        });
        trusting.M1.always(reply(J1));
        const from = (value) =>
            call(trusting.gw, { key: 'sk-t5-0000000000', headers: { 'X-Forwarded-For': value }, body });
        bodyIs(await from('10.9.9.9'), J1);
        bodyIs(await from('1.2.3.4, 10.9.9.9'), J1);
        errorIs(await from('10.9.9.9, 1.2.3.4'), 401, 'invalid_token', 'ip_not_allowed');
        errorIs(await from('10.9.9.8'), 401, 'invalid_token', 'ip_not_allowed');
    });
});

test('A6 a 20 MB body with a bad key: the SDK sees the 401 each time', async (t) => {
    await eachSdk(t, 'A6', async (sdk) => {
        const own = await scene(t, { name: `auth-${sdk.name}` }); // all together would be too many from here
        for (let i = 0; i < 5; i++) {
            const { error } = await sdk.run('chat', { url: own.gw.url, key: 'sk-bad', bytes: 20e6 });
            assert.equal(error?.class, 'AuthenticationError', JSON.stringify(error));
            assert.equal(error.status, 401);
        }
        assert.equal(own.M1.count + own.M2.count, 0);
    });
});

test('A7 the same with Expect: 100-continue: 401 without 100, nothing uploaded', async () => {
    reset();
    const client = await RawClient.connect(gw);
    const headers = { Expect: '100-continue', 'Content-Length': 20000000 };
    await client.write(requestBytes({ key: 'sk-bad', headers }));
    const response = await client.response();
    errorIs(response, 401, 'invalid_token', 'unknown_token');
    assert.deepEqual(client.interim, []);
    client.close();
    unseen();
});

test('A7 Expect with a good key and a good body gets its 100', async () => {
    reset();
    s.M1.once(reply(J1));
    const client = await RawClient.connect(gw);
    const headers = { Expect: '100-continue', 'Content-Length': body.length };
    await client.write(requestBytes({ headers, type: 'application/json' }));
    await client.until(() => client.interim.length > 0, '100 Continue');
    await client.write(Buffer.from(body));
    bodyIs(await client.response(), J1);
    assert.deepEqual(client.interim, [100]);
    client.close();
});

test('A8 no money', async (t) => {
    const poor = {
        'user balance': ['sk-t6-0000000000', 'insufficient_balance'],
        'key quota': ['sk-t7-0000000000', 'token_quota_exhausted'],
        'group quota': ['sk-tg-0000000000', 'group_quota_exhausted'],
    };
    for (const [name, [key, reason]] of Object.entries(poor)) {
        await t.test(`A8 ${name}`, async (st) => {
            reset();
            const response = await call(gw, { key, body });
            errorIs(response, 403, 'insufficient_quota', reason);
            const proxy = await Proxy.start(st, gw);
            await eachSdk(st, 'A8', async (sdk) => {
                const before = proxy.callsOf(sdk);
                const run = { url: proxy.url, key, retries: 2 };
                const { error } = await sdk.run('chat', run);
                assert.equal(error?.class, 'PermissionDeniedError');
                assert.equal(error.type, 'insufficient_quota');
                assert.equal(proxy.callsOf(sdk) - before, 1, 'one call');
            });
            unseen();
        });
    }
    await t.test('A8 the message says what is needed, what is there and how to need less', async () => {
        const error = errorIs(
            await call(gw, { key: 'sk-t6-0000000000', body: chat({ max_tokens: 100 }) }),
            403,
            'insufficient_quota',
            'insufficient_balance',
        );
        assert.match(error.message, /max_tokens/);
    });
});

test('A9 not permitted', async (t) => {
    reset();
    await t.test('A9 the group lacks the model', async () => {
        const response = await call(gw, { key: 'sk-t2-0000000000', body: chat({ model: 'gpt-4o' }) });
        const error = errorIs(response, 403, 'insufficient_quota', 'model_not_permitted');
        assert.equal(error.param, 'model');
        assert.match(error.message, /basic/);
    });
    await t.test('A9 the key lacks the model', async () => {
        const response = await call(gw, { key: 'sk-t8-0000000000', body });
        const error = errorIs(response, 403, 'insufficient_quota', 'token_model_not_permitted');
        assert.equal(error.param, 'model');
        assert.match(error.message, /gpt-4o-mini/);
    });
    await t.test('A9 the group lacks the endpoint', async () => {
        const response = await call(gw, { key: 'sk-te-0000000000', body });
        errorIs(response, 403, 'insufficient_quota', 'endpoint_not_permitted');
    });
    unseen();
});
