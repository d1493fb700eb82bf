// N1, N8: the Responses API: documents and parameters.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, reply, told } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { unitsOf } from './lib/gateway.mjs';
import { responseScene } from './lib/response_scene.mjs';
import { Proxy } from './lib/proxy.mjs';
import { respond } from './lib/requests.mjs';
import { messageOf, R1, responseOf, responseUsage } from './lib/response_answers.mjs';

const s = await responseScene({ after, name: 'responses' });
const { gw, M1, M2, reset, call, row } = s;
const proxy = await Proxy.start({ after }, gw);

// --- documents ---------------------------------------------------------------------------------------

test('N1 a document whose error is null', async () => {
    reset();
    M1.once(reply(R1));
    const body = respond({ store: true, tools: [{ type: 'web_search' }], unknown: [0.1] });
    const entry = await row(bodyIs(await call({ body }), R1));
    assert.equal(M1.last.target, '/v1/responses');
    assert.equal(M1.last.body.toString(), body.replace('"gpt-4o-mini"', '"up-mini"'));
    assert.equal(entry.endpoint, 'responses');
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.end, 'finished');
    assert.equal(entry.charge, '0.000005000');
    assert.ok(unitsOf(entry.hold) > 4096, 'the default output is held');
});

test('N1 what it has cached and thought is counted apart', async () => {
    reset();
    const usage =
        '{"input_tokens":30,"input_tokens_details":{"cached_tokens":20},"output_tokens":9,' +
        '"output_tokens_details":{"reasoning_tokens":8},"total_tokens":39}';
    const answer = responseOf({ status: 'incomplete', usage });
    M1.once(reply(answer));
    const entry = await row(bodyIs(await call({ body: respond({ max_output_tokens: 64 }) }), answer));
    assert.equal(entry.charge, '0.000039000');
    assert.match(JSON.stringify(entry), /in_cached.{1,4}20/);
    assert.match(JSON.stringify(entry), /out_reasoning.{1,4}8/);
    assert.ok(unitsOf(entry.hold) < 100, `the caller's limit is held: ${entry.hold}`);
});

test('N1 instructions, tools and the form of the output are part of the hold', async () => {
    const held = async (more) => {
        reset();
        M1.once(reply(R1));
        return unitsOf((await row(await call({ body: respond({ max_output_tokens: 1, ...more }) }))).hold);
    };
    const text = 'many words of an instruction '.repeat(40);
    const bare = await held({});
    assert.ok((await held({ instructions: text })) > bare + 200);
    assert.ok((await held({ tools: [{ type: 'function', name: 'f', description: text }] })) > bare + 200);
    assert.ok((await held({ text: { format: { type: 'json_schema', schema: { description: text } } } })) > bare + 200);
});

test('N1 no usage: prompt and output are estimated', async () => {
    reset();
    const answer = responseOf({ output: [messageOf('msg_1', 'a long answer of many words')], usage: 'null' });
    M1.once(reply(answer));
    const entry = await row(bodyIs(await call({ body: respond() }), answer));
    assert.equal(entry.source, 'estimated');
    assert.ok(unitsOf(entry.charge) > 6 && unitsOf(entry.charge) < 20, entry.charge);
});

test('N1 answers that are none', async (t) => {
    const bad = {
        'an error': ['{"error":{"message":"boom","type":"server_error"}}', 'upstream_error'],
        'no id': [`{"object":"response","status":"completed","output":[],"error":null}`, 'upstream_empty_result'],
        'neither output nor status': ['{"id":"resp_1","error":null}', 'upstream_empty_result'],
        'cut': ['{"id":"resp_1","output":[', 'upstream_invalid_response'],
    };
    for (const [name, [answer, reason]] of Object.entries(bad)) {
        await t.test(`N1 ${name}: the other provider, else 502`, async () => {
            reset();
            M1.once(reply(answer));
            M2.once(reply(R1));
            bodyIs(await call({ body: respond() }), R1);
            M1.once(reply(answer));
            M2.once(reply(answer));
            const response = await call({ body: respond() });
            errorIs(response, 502, 'server_error', reason);
            assert.equal((await row(response)).charge, '0.000000000');
        });
    }
});

test('N1 a failed document', async (t) => {
    const failed = (code, more) =>
        responseOf({ status: 'failed', output: [], usage: 'null', error: `{"code":"${code}","message":"m"}`, ...more });
    const server = failed('server_error');
    await t.test('N1 the other provider does better', async () => {
        for (const answer of [server, failed('rate_limit_exceeded')]) {
            reset();
            M1.once(reply(answer));
            M2.once(reply(R1));
            bodyIs(await call({ body: respond() }), R1);
        }
    });
    await t.test('N1 none is left: the answer as it came, free', async () => {
        reset();
        M1.once(reply(server));
        M2.once(reply(server));
        const entry = await row(bodyIs(await call({ body: respond() }), server));
        assert.equal(entry.charge, '0.000000000');
        assert.equal(entry.end, 'upstream_gone');
    });
    await t.test("N1 the caller's own fault is not tried elsewhere", async () => {
        reset();
        const answer = failed('invalid_image');
        M1.once(reply(answer));
        bodyIs(await call({ body: respond() }), answer);
        assert.equal(M2.count, 0);
    });
    await t.test('N1 with output, or with usage, it is charged', async () => {
        reset();
        const answer = failed('server_error', { output: [messageOf('msg_1')], usage: responseUsage });
        M1.once(reply(answer));
        assert.equal((await row(bodyIs(await call({ body: respond() }), answer))).charge, '0.000005000');
    });
    await t.test('N1 a blocked prompt is told as everywhere', async () => {
        reset();
        M1.once(reply(failed('invalid_prompt')));
        const response = await call({ body: respond() });
        errorIs(response, 502, 'server_error', 'prompt_blocked');
        assert.equal(response.header('x-should-retry'), 'false');
        assert.equal(M2.count, 0);
    });
    await t.test("N1 the operator's account is nobody's business", async () => {
        reset();
        const answer = failed('insufficient_quota');
        M1.once(reply(answer));
        M2.once(reply(answer));
        errorIs(await call({ body: respond() }), 502, 'server_error', 'upstream_unavailable');
    });
});

// --- parameters --------------------------------------------------------------------------------------

test('N8 background', async () => {
    reset();
    const response = await call({ body: respond({ background: true }) });
    errorIs(response, 404, 'invalid_request_error', 'unsupported_parameter', { param: 'background' });
    assert.equal(M1.count, 0);
    M1.once(reply(R1));
    bodyIs(await call({ body: respond({ background: false }) }), R1);
});

test('N8 parameters', async (t) => {
    const bad = [
        [{ input: 5 }, 'invalid_type', 'input'],
        [{ input: {} }, 'invalid_type', 'input'],
        [{ stream: 'yes' }, 'invalid_type', 'stream'],
        [{ store: 1 }, 'invalid_type', 'store'],
        [{ background: 'no' }, 'invalid_type', 'background'],
        [{ max_output_tokens: 0 }, 'invalid_value', 'max_output_tokens'],
        [{ max_output_tokens: 1.5 }, 'invalid_value', 'max_output_tokens'],
        [{ previous_response_id: 5 }, 'invalid_type', 'previous_response_id'],
        [{ previous_response_id: {} }, 'invalid_type', 'previous_response_id'],
        [{ conversation: [] }, 'invalid_type', 'conversation'],
    ];
    for (const [more, reason, param] of bad) {
        await t.test(`N8 ${JSON.stringify(more)}`, async () => {
            reset();
            errorIs(await call({ body: respond(more) }), 404, 'invalid_request_error', reason, { param });
            assert.equal(M1.count, 0);
        });
    }
    await t.test('N8 twice, in another case', async () => {
        reset();
        const body = respond({ previous_response_id: null }).replace('}', ',"Previous_Response_ID":"resp_x"}');
        errorIs(await call({ body }), 404, 'invalid_request_error', 'duplicate_parameter');
    });
    await t.test('N8 no input at all is for the provider to judge', async () => {
        reset();
        M1.once(reply(R1));
        bodyIs(await call({ body: respond({ input: undefined }) }), R1);
    });
});

test('N8 what is kept at the provider was issued to nobody here', async (t) => {
    const input = (part) => ({ input: [{ role: 'user', content: [part] }] });
    const foreign = [
        ['prompt', 'pmpt_1', { input: undefined, prompt: { id: 'pmpt_1' } }],
        ['input', 'file-1', input({ type: 'input_file', file_id: 'file-1' })],
        ['input', 'file-2', { input: [{ type: 'function_call_output', output: [{ file_id: 'file-2' }] }] }],
        ['input', 'file-3', { input: [{ type: 'computer_call_output', output: { file_id: 'file-3' } }] }],
        ['tools', 'tools', { tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] }],
        ['tools', 'cntr_1', { tools: [{ type: 'code_interpreter', container: 'cntr_1' }] }],
        ['tools', 'tools', { tools: [{ container: { type: 'auto', file_ids: ['file-4'] } }] }],
        ['tools', 'file-5', { tools: [{ input_image_mask: { file_id: 'file-5' } }] }],
    ];
    for (const [param, id, more] of foreign) {
        await t.test(`N8 ${JSON.stringify(more)}`, async () => {
            reset();
            const response = await call({ body: respond(more) });
            const error = errorIs(response, 404, 'invalid_request_error', 'not_found', { param });
            assert.equal(error.message, `'${id}' was not found`);
            assert.equal(M1.count, 0);
        });
    }
    const own = [
        input({ type: 'input_file', file_id: null, file_data: 'data:text/plain,Hi' }),
        { tools: [{ type: 'code_interpreter', container: { type: 'auto', file_ids: [] } }] },
        { tools: [{ type: 'function', name: 'f', parameters: { properties: { file_id: { type: 'string' } } } }] },
    ];
    for (const more of own) {
        await t.test(`N8 passes: ${JSON.stringify(more)}`, async () => {
            reset();
            M1.once(reply(R1));
            bodyIs(await call({ body: respond(more) }), R1);
        });
    }
});
