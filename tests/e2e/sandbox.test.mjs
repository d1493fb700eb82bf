// sandbox: a fresh `gateway quickstart` answers each endpoint without a provider, told by the
// official SDK, and charges what the answers say.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { filmOf } from './lib/mp4.mjs';
import { sidesOf } from './lib/png.mjs';
import { nodeSdks, tools } from './lib/sdk.mjs';
import { eventually } from './lib/wait.mjs';

const gw = await Gateway.quickstart({ name: 'sandbox' });
after(async () => {
    await gw.settled().finally(() => gw.stop());
});
const sdk = nodeSdks.at(-1);
const client = sdk.clientOf({ url: gw.url, key: gw.key });
const model = 'gpt-4o-mini';

/** Prices of the quickstart's models, in nano-USD a unit. */
const prices = {
    text: { in: 150, out: 600 },
    picture: { text: 5000, image: 10000, out: 40000 },
    character: 15000,
    second: 100000,
    filmSecond: 20000000,
};

/** The row of a request: settled by what the sandbox told, below its hold, and of this charge. */
async function charged(requestId, nano) {
    const row = await gw.usage(requestId);
    assert.equal(row.source, 'upstream');
    assert.deepEqual(row.flags, []);
    assert.equal(Math.round(Number(row.charge) * 1e9), nano);
    assert.ok(Number(row.charge) <= Number(row.hold), `${row.charge} of ${row.hold}`);
    return row;
}

/** All of a stream, and the id of its request. */
async function listened(promise) {
    const { data, response } = await promise.withResponse();
    const events = [];
    for await (const event of data) events.push(event);
    return { events, id: response.headers.get('x-request-id') };
}

function wordsOf(text) {
    return text.split(' ').length;
}

function textCharge({ input, output }) {
    return input * prices.text.in + output * prices.text.out;
}

test('sandbox quickstart lists its models', async () => {
    const ids = [];
    for await (const one of await client.models.list()) ids.push(one.id);
    for (const id of [model, 'gpt-image-1', 'tts-1', 'whisper-1', 'text-embedding-3-small', 'rerank-1', 'omni-moderation-latest', 'video-ds-2.0-fast'])
        assert.ok(ids.includes(id), id);
    const tested = await gw.cli(['provider', 'test', 'sandbox']);
    assert.deepEqual(tested.missing, [], 'the sandbox lists what it is asked for');
});

test('sandbox chat, whole and streamed', async () => {
    const messages = [{ role: 'user', content: 'Say hello.' }];
    const whole = await client.chat.completions.create({ model, messages });
    const text = whole.choices[0].message.content;
    assert.match(text, /sandbox.*Say hello\./);
    assert.equal(whole.usage.completion_tokens, wordsOf(text));
    const { prompt_tokens: input, completion_tokens: output } = whole.usage;
    await charged(whole._request_id, textCharge({ input, output }));
    const { events, id } = await listened(client.chat.completions.create({ model, messages, stream: true }));
    assert.equal(events.map((one) => one.choices[0].delta.content ?? '').join(''), text);
    await charged(id, textCharge({ input, output }));
});

test('sandbox completions, whole and streamed', async () => {
    const asked = { model, prompt: 'Say hello.', max_tokens: 40 };
    const whole = await client.completions.create(asked);
    const { text } = whole.choices[0];
    assert.match(text, /sandbox.*Say hello\./);
    const { prompt_tokens: input, completion_tokens: output } = whole.usage;
    assert.equal(output, wordsOf(text));
    await charged(whole._request_id, textCharge({ input, output }));
    const { events, id } = await listened(client.completions.create({ ...asked, stream: true }));
    assert.equal(events.map((one) => one.choices[0].text).join(''), text);
    await charged(id, textCharge({ input, output }));
});

test('sandbox responses, whole and streamed', async () => {
    const asked = { model, input: 'Say hello.' };
    const whole = await client.responses.create(asked);
    assert.match(whole.output_text, /sandbox.*Say hello\./);
    const { input_tokens: input, output_tokens: output } = whole.usage;
    assert.equal(output, wordsOf(whole.output_text));
    await charged(whole._request_id, textCharge({ input, output }));
    const { events, id } = await listened(client.responses.create({ ...asked, stream: true }));
    const types = events.map((one) => one.type).filter((one, i, all) => one !== all[i - 1]);
    assert.deepEqual(types, [
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.content_part.added',
        'response.output_text.delta',
        'response.output_text.done',
        'response.content_part.done',
        'response.output_item.done',
        'response.completed',
    ]);
    assert.deepEqual(
        events.map((one) => one.sequence_number),
        [...events.keys()],
    );
    assert.equal(events.at(-1).response.output[0].content[0].text, whole.output_text);
    await charged(id, textCharge({ input, output }));
});

test('sandbox responses with tools: the SDK gathers the stream, and the result is told', async () => {
    const flat = tools.map(({ type, function: one }) => ({ type, ...one, strict: false }));
    const input = [{ role: 'user', content: 'Which weather?' }];
    const stream = client.responses.stream({ model, input, tools: flat });
    const done = await stream.finalResponse();
    const [item] = done.output;
    assert.equal(item.type, 'function_call');
    assert.equal(item.name, 'weather');
    assert.deepEqual(JSON.parse(item.arguments), {});
    const told = await client.responses.create({
        model,
        tools: flat,
        previous_response_id: done.id,
        input: [...input, item, { type: 'function_call_output', call_id: item.call_id, output: 'rain at noon' }],
    });
    assert.match(told.output_text, /sandbox.*rain at noon/);
    assert.equal(told.previous_response_id, done.id);
});

test('sandbox embeddings', async () => {
    const done = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'one two'] });
    assert.deepEqual(
        done.data.map((one) => one.embedding.length),
        [1536, 1536],
    );
    await charged(done._request_id, done.usage.prompt_tokens * 20);
});

test('sandbox rerank', async () => {
    const body = { model: 'rerank-1', query: 'red apple', documents: ['pear', 'a red apple'] };
    const { data, response } = await client.post('/rerank', { body }).withResponse();
    assert.equal(data.results[0].index, 1);
    const row = await gw.usage(response.headers.get('x-request-id'));
    assert.equal(row.source, 'upstream');
    assert.equal(row.charge, '0.002000000');
});

test('sandbox moderations', async () => {
    const done = await client.moderations.create({ input: ['hello', 'sandbox-flag'] });
    assert.deepEqual(
        done.results.map((one) => one.flagged),
        [false, true],
    );
    assert.equal(done.results[1].categories['violence/graphic'], true);
});

function pictureCharge({ input_tokens_details: input, output_tokens: output }) {
    const { text, image, out } = prices.picture;
    return input.text_tokens * text + input.image_tokens * image + output * out;
}

const prompt = 'A clean product photo of a white ceramic coffee cup on a desk';

test('sandbox images.generate, whole and streamed', async () => {
    const asked = { model: 'gpt-image-1', prompt, size: '1024x1024' };
    const whole = await client.images.generate({ ...asked, n: 2, quality: 'low' });
    assert.equal(whole.data.length, 2);
    for (const one of whole.data) assert.deepEqual(sidesOf(one.b64_json), [1024, 1024]);
    assert.equal(whole.usage.output_tokens, 2 * 272);
    await charged(whole._request_id, pictureCharge(whole.usage));
    const { events, id } = await listened(client.images.generate({ ...asked, stream: true, partial_images: 2 }));
    assert.deepEqual(
        events.map((one) => one.type.split('.')[1]),
        ['partial_image', 'partial_image', 'completed'],
    );
    assert.equal(events[2].b64_json, whole.data[0].b64_json, 'it follows from the prompt');
    await charged(id, pictureCharge(events[2].usage));
});

test('sandbox images.edit, whole and streamed', async () => {
    const made = await client.images.generate({ model: 'gpt-image-1', prompt, size: '64x64' });
    const bytes = Buffer.from(made.data[0].b64_json, 'base64');
    const image = new File([bytes], 'cup.png', { type: 'image/png' });
    const asked = { model: 'gpt-image-1', prompt: 'In blue', size: '256x128', image: [image, image] };
    const whole = await client.images.edit(asked);
    assert.deepEqual(sidesOf(whole.data[0].b64_json), [256, 128]);
    assert.equal(whole.usage.input_tokens_details.image_tokens, 2 * 194);
    await charged(whole._request_id, pictureCharge(whole.usage));
    const { events, id } = await listened(client.images.edit({ ...asked, image, stream: true }));
    assert.deepEqual(
        events.map((one) => one.type),
        ['image_edit.completed'],
    );
    await charged(id, pictureCharge(events[0].usage));
});

test('sandbox speech, whole and as events', async () => {
    const asked = { model: 'tts-1', input: 'Hello, 世界 🎵', voice: 'alloy' };
    const response = await client.audio.speech.create(asked);
    const sound = Buffer.from(await response.arrayBuffer());
    assert.equal(response.headers.get('content-type'), 'audio/wav');
    assert.equal(sound.toString('latin1', 0, 4), 'RIFF');
    const row = await gw.usage(response.headers.get('x-request-id'));
    assert.equal(Math.round(Number(row.charge) * 1e9), [...asked.input].length * prices.character);
    const streamed = await client.audio.speech.create({ ...asked, stream_format: 'sse' });
    const events = (await streamed.text())
        .trim()
        .split('\n\n')
        .map((one) => JSON.parse(one.split('\ndata: ')[1]));
    const { type, usage } = events.pop();
    assert.equal(type, 'speech.audio.done');
    assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
    assert.deepEqual(Buffer.concat(events.map((one) => Buffer.from(one.audio, 'base64'))), sound);
});

test('sandbox transcriptions and a translation of its speech', async () => {
    const input = 'Hello, 世界 🎵';
    const speech = await client.audio.speech.create({ model: 'tts-1', input, voice: 'alloy' });
    const file = new File([await speech.arrayBuffer()], 'speech.wav', { type: 'audio/wav' });
    const asked = { model: 'whisper-1', file };
    const whole = await client.audio.transcriptions.create(asked);
    assert.equal(whole.text, input);
    const nano = Math.ceil(whole.usage.seconds) * prices.second;
    await charged(whole._request_id, nano);
    const { data, response } = await client.audio.transcriptions
        .create({ ...asked, response_format: 'srt' })
        .withResponse();
    assert.match(data, /^1\n00:00:00,160 --> 00:00:00,\d+\nHello, 世界 🎵\n/);
    const row = await gw.usage(response.headers.get('x-request-id'));
    assert.equal(Math.round(Number(row.charge) * 1e9), nano);
    const { events, id } = await listened(client.audio.transcriptions.create({ ...asked, stream: true }));
    assert.equal(events.at(-1).text, input);
    await charged(id, nano);
    const detailed = await client.audio.translations.create({ ...asked, response_format: 'verbose_json' });
    assert.equal(detailed.text, input);
    assert.equal(detailed.segments.length, 1);
    await charged(detailed._request_id, nano);
});

test('sandbox transcription of another sound says that it is none of its own', async () => {
    const file = new File([new Uint8Array(32000)], 'noise.mp3', { type: 'audio/mpeg' });
    const told = await client.audio.transcriptions.create({ model: 'whisper-1', file });
    assert.match(told.text, /sandbox.*2\.0 seconds/);
    await charged(told._request_id, 2 * prices.second);
});

test('sandbox videos are made, charged by the second, and play', async () => {
    const asked = { model: 'video-ds-2.0-fast', prompt: 'A cat', seconds: '4', size: '1280x720' };
    const { data: task, response } = await client.videos.create(asked).withResponse();
    assert.equal(task.status, 'queued');
    const row = await gw.usage(response.headers.get('x-request-id'));
    assert.equal(Math.round(Number(row.charge) * 1e9), 4 * prices.filmSecond);
    let told = task;
    await eventually(async () => {
        told = await client.videos.retrieve(task.id);
        return told.status === 'completed';
    }, 'the video is there');
    assert.equal(told.progress, 100);
    const content = await client.videos.downloadContent(task.id);
    assert.equal(content.headers.get('content-type'), 'video/mp4');
    const bytes = Buffer.from(await content.arrayBuffer());
    assert.deepEqual(filmOf(bytes), { seconds: 4, width: 1280, height: 720 });
    const picture = await client.videos.downloadContent(task.id, { variant: 'thumbnail' });
    const png = Buffer.from(await picture.arrayBuffer());
    assert.deepEqual(sidesOf(png.toString('base64')), [1280, 720]);
});

test('sandbox videos that fail are given back', async () => {
    const before = await gw.spent('quickstart');
    const task = await client.videos.create({ model: 'sandbox-fail', prompt: 'x' });
    await eventually(async () => {
        const { status, error } = await client.videos.retrieve(task.id);
        return status === 'failed' && error.code === 'prompt_blocked';
    }, 'the video has failed');
    assert.equal(await gw.spent('quickstart'), before);
});

test('sandbox models that fail on purpose', async () => {
    const messages = [{ role: 'user', content: 'x' }];
    await assert.rejects(client.chat.completions.create({ model: 'sandbox-429', messages }), { status: 429 });
    await assert.rejects(
        listened(client.chat.completions.create({ model: 'sandbox-cut', messages, stream: true })),
        (error) => error.type === 'server_error',
    );
});
