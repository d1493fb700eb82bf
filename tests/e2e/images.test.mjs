// I: pictures.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { event, fault, raw, reply, stream, told } from './lib/answers.mjs';
import { bodyIs, errorIs, typedErrorIs } from './lib/expect.mjs';
import { filePart, form, formType, part, textPart } from './lib/form.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';

const offer = ['P1/up', 'P2/up priority=2'];
const s = await scene(
    { after, name: 'images' },
    {
        models: {
            'gpt-image': {
                endpoints: 'images',
                offer,
                price: ['in_text 5 per 1M tokens', 'in_image 10 per 1M tokens', 'out_image 40 per 1M tokens'],
            },
            pieces: {
                endpoints: 'images',
                default_for: 'images',
                offer,
                price: [
                    'images 0.04 per image size=1024x1024',
                    'images 0.08 per image size=1792x1024',
                    'images 0.12 per image size=1024x1024 quality=hd',
                ],
            },
            any: { endpoints: 'images', offer, price: 'images 0.25 per image' },
            mixed: {
                endpoints: 'images',
                offer,
                price: ['in_text 5 per 1M tokens', 'images 0.04 per image size=1024x1024'],
            },
            picky: { endpoints: 'images', offer, price: 'images 0.25 per image', drop: 'n' },
        },
    },
);
const { gw, M1, M2, reset } = s;
const path = '/v1/images/generations';
await gw.cli(['user', 'credit', 'u1', '1000']);

function ask(body, also = {}) {
    return call(gw, { path, body: typeof body === 'string' ? body : JSON.stringify(body), ...also });
}

async function answered(body, answer, script = reply(answer)) {
    reset();
    M1.once(script);
    const response = bodyIs(await ask(body), answer);
    return gw.row(response);
}

const usageText =
    '{"total_tokens":150,"input_tokens":50,"output_tokens":100,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}';
const pictures = (n, also = '') =>
    `{"created":1,"data":[${Array.from({ length: n }, () => '{"b64_json":"iVBORw0KGgo="}')}]${also}}`;

test('I1 two pictures with usage: its tokens are charged, the output as pictures', async () => {
    const body = '{"model":"gpt-image", "n" : 2,"prompt":"a cat","size":"1024x1024"}';
    const entry = await answered(body, pictures(2, `,"usage":${usageText}`));
    assert.equal(M1.last.target, path);
    assert.equal(M1.last.body.toString(), body.replace('"gpt-image"', '"up"'));
    assert.equal(entry.endpoint, 'images');
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.charge, '0.004450000'); // 10 x 5 + 40 x 10 + 100 x 40
    assert.ok(Number(entry.hold) >= 2 * 8192 * 40e-6, entry.hold);
});

test('I1 tokens are charged, but none are told: the ceiling of each picture', async () => {
    const entry = await answered({ model: 'gpt-image', prompt: 'a cat', n: 3 }, pictures(1));
    assert.equal(entry.source, 'estimated');
    assert.ok(Number(entry.charge) > 8192 * 40e-6 && Number(entry.charge) < 8300 * 40e-6, entry.charge);
});

test('I2 one picture of two came: one is charged', async () => {
    const body = { model: 'pieces', prompt: 'a cat', n: 2, size: '1024x1024' };
    const entry = await answered(body, pictures(1));
    assert.equal(entry.hold, '0.240000000'); // the quality was not said
    assert.equal(entry.charge, '0.040000000');
});

test('I2 the size of the answer counts, where the request left it open', async () => {
    for (const size of [undefined, 'auto']) {
        const body = { model: 'pieces', prompt: 'a cat', size };
        const entry = await answered(body, pictures(1, ',"size":"1792x1024","quality":"standard"'));
        assert.equal(entry.hold, '0.120000000');
        assert.equal(entry.charge, '0.080000000');
    }
});

test('I2 a size without a price is refused, and nothing is held', async () => {
    M1.reset();
    // What else the model has prices for does not stand in for the picture.
    for (const model of ['pieces', 'mixed']) {
        const response = await ask({ model, prompt: 'a cat', size: '3840x2160' });
        errorIs(response, 404, 'invalid_request_error', 'invalid_value', { param: 'size' });
    }
    assert.equal(M1.count, 0);
    await gw.settled();
});

test('I2 any size passes byte for byte', async () => {
    const body = '{ "prompt":"a cat\\u00e9" , "size":"3840x2160","model":"any","quality":"hd"}';
    const entry = await answered(body, pictures(1));
    assert.equal(M1.last.body.toString(), body.replace('"any"', '"up"'));
    assert.equal(entry.charge, '0.250000000');
});

test('I2 no model is the default of the endpoint', async () => {
    const entry = await answered('{"prompt":"a cat","size":"1024x1024"}', pictures(1));
    assert.equal(M1.last.body.toString(), '{"model":"up","prompt":"a cat","size":"1024x1024"}');
    assert.equal(entry.model, 'pieces');
});

test('I2 n beyond 1..10, and members of a wrong type', async () => {
    M1.reset();
    for (const n of [0, 11, -1, 1.5, 1e9]) {
        const response = await ask({ model: 'any', prompt: 'a cat', n });
        errorIs(response, 404, 'invalid_request_error', 'invalid_value', { param: 'n' });
    }
    for (const [param, value] of [['n', '2'], ['size', 1024], ['quality', ['hd']], ['stream', 'yes']]) {
        const response = await ask({ model: 'any', prompt: 'a cat', [param]: value });
        errorIs(response, 404, 'invalid_request_error', 'invalid_type', { param });
    }
    assert.equal(M1.count, 0);
});

const partial = (i, bytes) =>
    `event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","partial_image_index":${i},"b64_json":"${'A'.repeat(bytes)}"}\n\n`;
const completed = (bytes = 8, also = `,"usage":${usageText}`) =>
    `event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"${'B'.repeat(bytes)}"${also}}\n\n`;
const streamed = { model: 'gpt-image', prompt: 'a cat', stream: true, partial_images: 2 };

test('I5 a stream with two previews, events of 3 MB: memory stays bounded', async () => {
    const before = gw.rssBytes;
    const text = partial(0, 3e6) + partial(1, 3e6) + completed(3e6);
    const entry = await answered(streamed, text, stream(text));
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.charge, '0.004450000');
    assert.ok(gw.rssBytes - before < 16e6, `${gw.rssBytes - before}`);
});

test('I5 the last of n pictures is the last word, whatever comes behind', async () => {
    for (const end of ['last', 'fin']) {
        M1.reset();
        const text = completed(8, '') + partial(0, 8) + completed(8, '');
        const body = { ...streamed, model: 'any', n: 2 };
        assert.equal((await answered(body, text, stream(text, end))).charge, '0.500000000');
    }
    const done = completed(8, '') + event('[DONE]');
    assert.equal((await answered({ ...streamed, model: 'any', n: 2 }, done, stream(done))).charge, '0.250000000');
});

test('I5 fewer than n, and a clean end', async () => {
    const text = completed(8, '');
    assert.equal((await answered({ ...streamed, model: 'any', n: 3 }, text, stream(text))).charge, '0.250000000');
});

test('I5 the last word waits for the charge', async () => {
    M1.reset();
    M1.once(told(async ({ send, exchange }) => {
        await send(partial(0, 8) + completed());
        await exchange.closed;
    }));
    const client = await RawClient.connect(gw);
    await client.write(requestBytes({ path, body: streamed }));
    const response = await client.text('image_generation.completed');
    const entry = await gw.row(response);
    assert.equal(entry.charge, '0.004450000');
    client.close();
});

test('I5 cut before any picture: an error event, and no charge', async () => {
    M1.reset();
    M1.once(stream(partial(0, 8), 'rst'));
    const response = await ask(streamed);
    typedErrorIs(response, partial(0, 8));
    assert.equal((await gw.row(response)).charge, '0.000000000');
});

test('I5 cut behind the first of two: that one is charged', async () => {
    M1.reset();
    M1.once(stream(completed(8, ''), 'rst'));
    const response = await ask({ ...streamed, model: 'any', n: 2 });
    typedErrorIs(response, completed(8, ''));
    assert.equal((await gw.row(response)).charge, '0.250000000');
});

test('I5 an error event of this endpoint passes', async () => {
    const error =
        'event: error\ndata: {"type":"error","code":"moderation_blocked","message":"no","param":null}\n\n';
    M1.reset();
    M1.once(stream(partial(0, 8) + error));
    const response = bodyIs(await ask(streamed), partial(0, 8) + error);
    assert.equal((await gw.row(response)).charge, '0.000000000');
});

test('I6 accepted, then gone: nobody else is asked, and the caller is told not to', async () => {
    reset();
    M1.once(raw('', 'rst'));
    const response = await ask({ model: 'gpt-image', prompt: 'a cat' });
    errorIs(response, 502, 'server_error', 'upstream_disconnected');
    assert.equal(response.header('x-should-retry'), 'false');
    assert.equal(M1.count, 1);
    assert.equal(M2.count, 0);
    await gw.settled();
});

test('I6 each request has a connection of its own', async () => {
    await answered({ model: 'any', prompt: 'a cat' }, pictures(1));
    const { connection } = M1.last;
    await answered({ model: 'any', prompt: 'a cat' }, pictures(1));
    assert.notEqual(M1.last.connection, connection);
});

test('I6 a provider that is full is no reason: the next one is asked', async () => {
    reset();
    M1.once(fault(429, { message: 'slow down', code: 'rate_limit_exceeded' }));
    M2.once(reply(pictures(1)));
    bodyIs(await ask({ model: 'any', prompt: 'a cat' }), pictures(1));
});

test('I7 a blocked prompt', async () => {
    reset();
    M1.once(fault(400, { message: 'no', type: 'image_generation_user_error', code: 'moderation_blocked' }));
    const response = await ask({ model: 'gpt-image', prompt: 'a cat' });
    errorIs(response, 502, 'server_error', 'prompt_blocked');
    assert.equal(M2.count, 0);
    await gw.settled();
});

const edits = '/v1/images/edits';
const file = Buffer.alloc(5e6, '\r\n--x\0');
const type = formType;
const text = textPart;
const picture = (name, bytes = 'PNG') => filePart(name, bytes, { filename: 'a.png', type: 'image/png' });

async function edited(body, wanted, also = {}) {
    M1.reset();
    M1.once(reply(pictures(1)));
    const response = bodyIs(await call(gw, { path: edits, type, body, ...also }), pictures(1));
    assert.equal(M1.last.target, edits);
    assert.equal(M1.last.header('content-type'), also.type ?? type);
    assert.equal(Number(M1.last.header('content-length')), wanted.length);
    assert.ok(M1.last.body.equals(Buffer.from(wanted)), 'only the model has changed');
    return gw.row(response);
}

test('I3 a picture; pictures and a mask: their parts pass untouched', async () => {
    for (const files of [[picture('image')], [picture('image[]'), picture('image[]'), picture('mask')]]) {
        const rest = [...files, text('prompt', 'a cat'), text('n', '2')];
        const entry = await edited(form(text('model', 'any'), ...rest), form(text('model', 'up'), ...rest));
        assert.equal(entry.hold, '0.500000000');
        assert.equal(entry.charge, '0.250000000');
    }
});

test('I4 a JSON body', async () => {
    const body = '{"model":"any","prompt":"x","images":[{"image_url":"https://example.com/a.png"}]}';
    await edited(body, body.replace('"any"', '"up"'), { type: 'application/json' });
});

test('C9 the model behind a file of 5 MB, before it, bare, with a type; a quoted boundary', async () => {
    const rest = [picture('image', file), text('prompt', 'a cat')];
    const bare = (value) => part('content-disposition:form-data;name=model\r\nContent-Type: text/plain; charset=utf-8', value);
    await edited(form(...rest, text('model', 'any')), form(...rest, text('model', 'up')));
    await edited(form(text('model', 'any'), ...rest), form(text('model', 'up'), ...rest));
    await edited(form(bare('any'), ...rest), form(bare('up'), ...rest));
    await edited(form(text('model', 'any'), ...rest), form(text('model', 'up'), ...rest), {
        type: 'multipart/form-data; boundary="b1"',
    });
});

test('I3 what a model does not take is left out of JSON, and counted in a form, which passes whole', async () => {
    const parts = [text('n', '2'), text('prompt', 'a cat'), picture('image')];
    const entry = await edited(form(text('model', 'picky'), ...parts), form(text('model', 'up'), ...parts));
    assert.equal(entry.hold, '0.500000000');
});

test('C10 no model is the default, as a part before the first', async () => {
    const rest = [picture('image'), text('prompt', 'a cat'), text('size', '1024x1024')];
    const entry = await edited(form(...rest), form(text('model', 'up'), ...rest));
    assert.equal(entry.model, 'pieces');
});

test('C10 a type that is neither', async () => {
    M1.reset();
    const response = await call(gw, { path: edits, type: 'text/html', body: 'x' });
    errorIs(response, 404, 'invalid_request_error', 'unsupported_content_type', {
        message: /application\/json or multipart\/form-data/,
    });
    assert.equal(M1.count, 0);
});

test('C10 forms that are refused', async () => {
    M1.reset();
    const model = text('model', 'any');
    const prompt = text('prompt', 'a cat');
    for (const [body, reason, param] of [
        [Buffer.concat([model, prompt]), 'invalid_multipart', null],
        [form(model), 'missing_parameter', 'prompt'],
        [form(model, model, prompt), 'duplicate_parameter', 'model'],
        [form(model, text('Model', 'x'), prompt), 'duplicate_parameter', 'model'],
        [form(model, prompt, text('n', '11')), 'invalid_value', 'n'],
        [form(model, prompt, text('n', 'two')), 'invalid_type', 'n'],
    ]) {
        const response = await call(gw, { path: edits, type, body });
        errorIs(response, 404, 'invalid_request_error', reason, { param });
    }
    assert.equal(M1.count, 0);
});
