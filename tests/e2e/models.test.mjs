// W: the list of models.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { eachSdk } from './lib/sdk.mjs';

const invalid = 'invalid_request_error';
const off = {
    providers: { off: { base_url: 'http://127.0.0.1:9/v1', enabled: 'off' } },
    models: { gone: { endpoints: 'chat', offer: 'off/x', price: 'in_text 1 per 1M tokens' } },
};
off.models.gone.price = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const s = await scene({ after, name: 'models' }, { fixture: ['K1', 'K2', 'K6', 'K8'], ...off });
const { gw } = s;

async function list(key) {
    const response = await call(gw, { method: 'GET', path: '/v1/models', key });
    assert.equal(response.status, 200, response.text);
    return response.json;
}

test('W1 each key sees its own list', async (t) => {
    const all = [
        'gpt-4o',
        'gpt-4o-mini',
        'gpt-image-1',
        'org/slash-model',
        'text-embedding-3-small',
        'tts-1',
    ];
    const want = {
        K1: ['sk-t1-0000000000', all],
        'K2 (group basic)': ['sk-t2-0000000000', ['gpt-4o-mini']],
        'K6 (no balance)': ['sk-t6-0000000000', all],
        'K8 (its own list)': ['sk-t8-0000000000', ['tts-1']],
    };
    for (const [name, [key, ids]] of Object.entries(want)) {
        await t.test(`W1 ${name}`, async () => {
            const answer = await list(key);
            assert.equal(answer.object, 'list');
            assert.ok(!('success' in answer));
            assert.deepEqual(
                answer.data.map((one) => one.id),
                ids,
            );
            for (const one of answer.data) {
                assert.equal(one.object, 'model');
                assert.ok(Number.isInteger(one.created));
                assert.equal(typeof one.owned_by, 'string');
            }
        });
    }
    await t.test('W1 created is stable', async () => {
        assert.deepEqual(await list('sk-t1-0000000000'), await list('sk-t1-0000000000'));
    });
    assert.equal(s.M1.count + s.M2.count, 0);
});

test('W2 one model', async (t) => {
    const get = (path, key = 'sk-t1-0000000000') => call(gw, { method: 'GET', path: `/v1/models/${path}`, key });
    for (const path of ['org/slash-model', 'org%2Fslash-model', 'org%2fslash-model']) {
        await t.test(`W2 ${path}`, async () => {
            const response = await get(path);
            assert.equal(response.status, 200, response.text);
            assert.equal(response.json.id, 'org/slash-model');
            assert.equal(response.json.object, 'model');
        });
    }
    await t.test('W2 unknown', async () => {
        const response = await get('nope');
        errorIs(response, 404, invalid, 'model_not_found', {
            param: 'model',
            message: "The model 'nope' does not exist",
        });
    });
    await t.test('W2 not permitted', async () => {
        errorIs(await get('gpt-4o', 'sk-t2-0000000000'), 404, invalid, 'model_not_found');
    });
    await t.test('W2 a NUL in the path', async () => {
        const response = await get('gpt-4o-mini%00x');
        assert.equal(response.status, 404);
        errorIs(response, 404, invalid, response.json.error.reason);
    });
    await eachSdk(t, 'W2', async (sdk) => {
        const one = await sdk.run('model', { url: gw.url, id: 'org/slash-model' });
        assert.equal(one.id, 'org/slash-model', JSON.stringify(one));
    });
});

test('W3 a model whose providers are disabled', async (t) => {
    const ids = (await list('sk-t1-0000000000')).data.map((one) => one.id);
    assert.ok(!ids.includes('gone'));
    const response = await call(gw, { body: chat({ model: 'gone' }) });
    errorIs(response, 502, 'server_error', 'no_provider', { message: /'gone'/ });
    await t.test('W3 a provider that a reload disables', async (st) => {
        const one = await scene(st, { fixture: ['K1'] });
        const { config } = one;
        config.providers.P1.enabled = 'off';
        config.providers.P2.enabled = 'off';
        one.gw.configure(config);
        await one.gw.cli(['reload']);
        const answer = await call(one.gw, { method: 'GET', path: '/v1/models' });
        assert.deepEqual(answer.json.data, []);
        const refused = await call(one.gw, { body: chat() });
        errorIs(refused, 502, 'server_error', 'no_provider');
    });
});
