// L5: memory that runs out: a refusal or the end of one connection, never the end of the process.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { J1, reply, S1, S1u, stream } from './lib/answers.mjs';
import { errorIs } from './lib/expect.mjs';
import { Memory, noFailing } from './lib/fail_malloc.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream, respond } from './lib/requests.mjs';
import { R1, RS1 } from './lib/response_answers.mjs';
import { eventually } from './lib/wait.mjs';

/** What a caller may see when an allocation has failed: no answer, a refusal, or a good answer. */
function survived(response, good) {
    if (!response) return;
    if (response.status === 502) {
        const { reason } = response.json.error;
        errorIs(response, 502, 'server_error', reason);
        // An answer that could not be kept is one that could not be read.
        assert.match(reason, /^(internal_error|store_unavailable|upstream_(invalid_response|truncated))$/);
    } else if (response.complete) {
        assert.ok(good.includes(response.text), response.text);
    }
}

const price = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const models = { 'gpt-4o-mini': { endpoints: 'chat responses', offer: ['P1/up', 'P2/up priority=2'], price } };

test('L5 memory is out', { skip: noFailing }, async (t) => {
    const memory = new Memory();
    const s = await scene(t, { models, env: memory.env, server: { workers: 1, commit_timeout: '300ms' } });
    for (const upstream of [s.M1, s.M2]) {
        upstream.always((exchange) => {
            const [whole, streamed] = exchange.request.json.input ? [R1, RS1] : [J1, S1u];
            return (exchange.request.json.stream ? stream(streamed) : reply(whole))(exchange);
        });
    }
    const ask = async (text) => {
        const client = await RawClient.connect(s.gw);
        const path = text.includes('"input"') ? '/v1/responses' : '/v1/chat/completions';
        await client.write(requestBytes({ path, body: text }));
        await client.until(() => client.responses[0]?.complete || client.ended, 'an answer or the end');
        client.close();
        return client.responses[0];
    };
    const servedAgain = (text) =>
        eventually(async () => (await ask(text))?.status === 200, 'served again');
    // An answer whose usage could not be read may show it to who did not ask for it.
    const more = { previous_response_id: 'resp_1' };
    const asked = {
        JSON: [chat(), [J1]],
        stream: [chatStream, [S1, S1u]],
        response: [respond(more), [R1]],
        'streamed response': [respond({ ...more, stream: true }), [RS1]],
    };
    assert.equal((await ask(respond())).status, 200); // gives resp_1 out
    for (const [name, [text, good]] of Object.entries(asked)) {
        await t.test(`L5 the n-th allocation fails: ${name}`, async () => {
            await ask(text);
            let refused = 0;
            for (let n = 1, beyond = 0; beyond < 3; n++) {
                memory.fail(n);
                const response = await ask(text);
                beyond = memory.heal() > 0 ? 0 : beyond + 1;
                survived(response, good);
                refused += response?.status === 502;
                if (response?.status === 200) {
                    const row = await s.gw.admin('usage', 'list', { limit: 50 }).then((rows) =>
                        rows.find((one) => one.request_id === response.header('x-request-id')),
                    );
                    const charge = row ? unitsOf(row.charge) : 5;
                    const estimated = row?.source !== 'upstream' && charge < 20;
                    assert.ok(charge === 5 || estimated, `${n}: charged ${charge}`);
                }
                await servedAgain(text);
            }
            assert.ok(refused > 0);
            await s.gw.logged(/fault GATEWAY_MEMORY/);
            await s.gw.settled();
        });
    }
    await t.test('L5 all fail from the n-th on', async () => {
        for (const [text, good] of Object.values(asked)) {
            for (let n = 1; n < 80; n += 7) {
                memory.fail(n, true);
                const response = await ask(text);
                memory.heal();
                survived(response, good);
                await servedAgain(text);
            }
        }
        await s.gw.settled();
    });
});
