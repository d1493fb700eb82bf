// N7: objects of the Responses API that live at one provider.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, reply, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { models, responseScene } from './lib/response_scene.mjs';
import { Proxy } from './lib/proxy.mjs';
import { respond } from './lib/requests.mjs';
import { messageOf, R1, responseEvents, responseOf, responseUsage } from './lib/response_answers.mjs';
import { eachSdk } from './lib/sdk.mjs';

const s = await responseScene({ after, name: 'responses_pins' });
const { gw, M1, M2, reset, call, row, streamed } = s;
const proxy = await Proxy.start({ after }, gw);

// --- objects at one provider -------------------------------------------------------------------------

/** A response that P2 made (P1 does not answer), whole or streamed. */
async function madeAtP2(id, options = {}) {
    reset();
    M1.once(fault(503, { message: 'no' }));
    const { created, added, hi, completed } = responseEvents(id);
    M2.once(options.stream ? stream(created + added + hi + completed) : reply(responseOf({ id })));
    const response = await call({ body: respond({ ...options }), key: options.key });
    assert.equal(response.status, 200, response.text);
    reset();
}

/** A request that names `more`, answered by P2 alone. */
async function goesToP2(more, options = {}) {
    reset();
    M2.once(reply(R1));
    const body = respond(more);
    bodyIs(await call({ body, ...options }), R1);
    assert.equal(M1.count, 0);
    assert.equal(M2.last.body.toString(), body.replace('"gpt-4o-mini"', '"mini-b"'));
}

async function isUnknown(more, param, message = /was not found/, options = {}) {
    reset();
    const response = await call({ body: respond(more), ...options });
    errorIs(response, 404, 'invalid_request_error', 'not_found', { param, message });
    assert.equal(M1.count + M2.count, 0, 'never sent upstream');
    assert.equal((await row(response)).charge, '0.000000000');
}

test('N7 previous_response_id goes to the provider that made it', async (t) => {
    await madeAtP2('resp_p2');
    await madeAtP2('resp_s2', { stream: true });
    for (const id of ['resp_p2', 'resp_s2']) {
        await t.test(`N7 ${id}: there only`, async () => {
            await goesToP2({ previous_response_id: id });
            reset(); // no failover: P1 does not know it
            M2.once(fault(503, { message: 'no' }));
            const response = await call({ body: respond({ previous_response_id: id }) });
            errorIs(response, 502, 'server_error', 'upstream_overloaded');
            assert.equal(M1.count, 0);
        });
        await t.test(`N7 ${id}: by another key of the same user`, async () => {
            await goesToP2({ previous_response_id: id }, { key: 'sk-t1b-0000000000' });
        });
        await t.test(`N7 ${id}: not by another user`, async () => {
            const message = new RegExp(`^'${id}' was not found$`);
            await isUnknown({ previous_response_id: id }, 'previous_response_id', message, { key: 'sk-t2-0000000000' });
        });
    }
    await t.test('N7 null is none', async () => {
        reset();
        M1.once(reply(R1));
        bodyIs(await call({ body: respond({ previous_response_id: null, conversation: null }) }), R1);
    });
    await t.test('N7 a model that is not to be had there', async () => {
        await isUnknown({ model: 'only-one', previous_response_id: 'resp_p2' }, 'previous_response_id');
    });
    await t.test('N7 by its SDKs', async (st) => {
        reset();
        M2.always(reply(R1));
        await eachSdk(st, 'N7', async (sdk) => {
            const before = proxy.callsOf(sdk);
            const made = await sdk.run('response', { url: proxy.url, previous: 'resp_p2' });
            assert.equal(made.id, 'resp_1', JSON.stringify(made));
            const { error } = await sdk.run('response', { url: proxy.url, previous: 'resp_none', retries: 2 });
            assert.equal(error.class, 'NotFoundError');
            assert.equal(proxy.callsOf(sdk) - before, 2);
        });
    });
});

test('N7 what the conversation carries along is held', async () => {
    reset();
    const usage = responseUsage.replace('"input_tokens":3', '"input_tokens":50000').replace('"total_tokens":5', '"total_tokens":50002');
    M1.once(reply(responseOf({ id: 'resp_big', usage })));
    await call({ body: respond({ input: 'words '.repeat(12000) }) });
    const more = responseUsage.replace('"input_tokens":3', '"input_tokens":50010').replace('"total_tokens":5', '"total_tokens":50012');
    M1.once(reply(responseOf({ id: 'resp_more', usage: more })));
    const entry = await row(await call({ body: respond({ previous_response_id: 'resp_big' }) }));
    assert.ok(unitsOf(entry.hold) > 50000, entry.hold);
    assert.equal(entry.charge, '0.050012000');
    assert.equal(entry.flags.length, 0, `${entry.flags}`);
});

test('N7 items of the input', async (t) => {
    await madeAtP2('resp_i2');
    reset();
    M1.once(reply(responseOf({ id: 'resp_i1' })));
    bodyIs(await call({ body: respond() }), responseOf({ id: 'resp_i1' }));
    const item = (id, more = { type: 'item_reference' }) => ({ ...more, id });
    const user = { role: 'user', content: 'x' };
    await t.test('N7 a reference, with its type or without', async () => {
        await goesToP2({ input: [item('msg_resp_i2'), user] });
        await goesToP2({ input: [user, item('msg_resp_i2', {})] });
        await goesToP2({ input: [user, item('msg_resp_i2', { type: null })] });
        await goesToP2({ input: [item('msg_resp_i2')], previous_response_id: 'resp_i2' });
    });
    await t.test('N7 one that is not known', async () => {
        await isUnknown({ input: [item('msg_resp_i2'), item('msg_none')] }, 'input', /'msg_none'/);
        await isUnknown({ input: [item('msg_none', {})] }, 'input');
        await isUnknown({ input: [item('msg_resp_i2')] }, 'input', /./, { key: 'sk-t2-0000000000' });
    });
    await t.test('N7 items of two providers', async () => {
        await isUnknown({ input: [item('msg_resp_i2'), item('msg_resp_i1')] }, 'input', /'msg_resp_i1'/);
    });
    await t.test('N7 two types, two ids: all of them count', async () => {
        const twice = (text) => respond({ input: [user] }).replace('[{', `[${text},{`);
        for (const text of [
            '{"type":"message","type":"item_reference","id":"msg_none"}',
            '{"id":"msg_resp_i2","type":"item_reference","id":"msg_none"}',
            '{"id":"msg_none","type":"item_reference","type":"message"}',
        ]) {
            reset();
            errorIs(await call({ body: twice(text) }), 404, 'invalid_request_error', 'not_found', { param: 'input' });
        }
    });
    await t.test('N7 ids of whole items are their own affair', async () => {
        reset();
        M1.once(reply(R1));
        const input = [user, JSON.parse(messageOf('msg_elsewhere')), { id: 'x', role: 'user', content: 'y' }];
        bodyIs(await call({ body: respond({ input }) }), R1);
    });
});

test('N7 conversations', async (t) => {
    reset();
    const answer = responseOf({ id: 'resp_c' }).replace('"metadata"', '"conversation":{"id":"conv_1"},"metadata"');
    M1.once(fault(503, { message: 'no' }));
    M2.once(reply(answer));
    bodyIs(await call({ body: respond() }), answer);
    await t.test('N7 by name, and as an object', async () => {
        await goesToP2({ conversation: 'conv_1' });
        await goesToP2({ conversation: { id: 'conv_1' } });
    });
    await t.test('N7 not known', async () => {
        await isUnknown({ conversation: 'conv_2' }, 'conversation');
        await isUnknown({ conversation: { id: 'conv_2' } }, 'conversation');
        await isUnknown({ conversation: { id: 5 } }, 'conversation');
        await isUnknown({ conversation: 'conv_1' }, 'conversation', /./, { key: 'sk-t2-0000000000' });
    });
});

test('N7 ids that can be none', async () => {
    for (const id of ['', 'x'.repeat(600), 'a\u0000b', "';--"]) {
        await isUnknown({ previous_response_id: id }, 'previous_response_id');
    }
    const many = Array.from({ length: 4000 }, (_, i) => ({ type: 'item_reference', id: `msg_${i}_${'z'.repeat(40)}` }));
    await isUnknown({ input: many }, 'input');
});

test('N7 an answer that is not stored gives out no id', async () => {
    await madeAtP2('resp_unstored', { store: false });
    await isUnknown({ previous_response_id: 'resp_unstored' }, 'previous_response_id');
});

test('N7 ids outlive the process', async (t) => {
    const q = await scene(t, { models });
    q.M1.once(reply(responseOf({ id: 'resp_before' })));
    assert.equal((await call({ body: respond() }, q.gw)).status, 200);
    q.gw.signal('SIGKILL');
    await q.gw.exit();
    await q.gw.restart();
    q.M1.once(reply(R1));
    bodyIs(await call({ body: respond({ previous_response_id: 'resp_before' }) }, q.gw), R1);
});
