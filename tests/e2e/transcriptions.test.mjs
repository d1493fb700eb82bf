// L: transcriptions and translations: every format of the answer, its stream, and what they cost.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, reply, stream, told } from './lib/answers.mjs';
import { bodyIs, errorIs, typedErrorIs } from './lib/expect.mjs';
import { filePart, form, formType, part, textPart, wav } from './lib/form.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient } from './lib/raw.mjs';
import { eachSdk } from './lib/sdk.mjs';

const offer = ['P1/up', 'P2/up-b priority=2'];
const both = 'transcription translation';
const byTokens = ['in_text 1 per 1M tokens', 'in_audio 10 per 1M tokens', 'out_text 100 per 1M tokens'];
const models = {
    'by-ms': { endpoints: both, offer, price: 'audio_ms 0.001 per second' },
    cheap: { endpoints: both, default_for: 'transcription', offer, price: 'audio_ms 0.0036 per hour' },
    'by-second': { endpoints: both, offer, price: 'audio_ms 0.06 per minute quantum=1s minimum=2s' },
    'by-tokens': { endpoints: both, offer, price: byTokens },
    'by-call': { endpoints: 'transcription', offer, price: 'requests 0.005 per request' },
};
const s = await scene({ after, name: 'transcriptions' }, { models });
const { gw, M1, M2, reset } = s;
const path = '/v1/audio/transcriptions';
const translations = '/v1/audio/translations';

const sound = (bytes = wav(500)) => filePart('file', bytes, { filename: 'a.wav', type: 'audio/wav' });
const model = (name) => textPart('model', name);
const asking = (name, more = {}, bytes) =>
    form(sound(bytes), model(name), ...Object.entries(more).map(([field, value]) => textPart(field, value)));

const ask = (body, also = {}) => call(gw, { path, type: formType, body, ...also });

/** The row of a request that P1 answers so; the client gets the very bytes and their type. */
async function answered(body, bytes, { type = 'application/json', ...also } = {}) {
    reset();
    M1.once(reply(bytes, { type }));
    const response = bodyIs(await ask(body, also), bytes);
    if (type) assert.equal(response.header('content-type'), type);
    return gw.row(response);
}

const tokens =
    '"usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},' +
    '"output_tokens":45,"total_tokens":59}';
const seconds = '"usage":{"type":"duration","seconds":2.4}';
const srt = '1\r\n00:00:00,000 --> 00:00:01,500\r\nHi\r\n\r\n2\r\n00:00:01,500 --> 00:00:04,250\r\nthere\r\n';
const vtt = 'WEBVTT\n\n00:00.000 --> 00:01.500\nHi\n\n00:01.500 --> 00:04.250\nthere\n';
const plain = { type: 'text/plain; charset=utf-8' };

test('L1 json: tokens', async () => {
    const entry = await answered(asking('by-tokens'), `{"text":"Hi there",${tokens}}`);
    assert.equal(entry.charge, '0.004640000');
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.endpoint, 'transcription');
    assert.equal(entry.end, 'finished');
    assert.equal(entry.stream, false);
});

test('L1 json: seconds, charged as the price says', async () => {
    for (const [name, charge] of [
        ['by-ms', '0.002400000'],
        ['by-second', '0.003000000'],
    ]) {
        const entry = await answered(asking(name), `{"text":"Hi there",${seconds}}`);
        assert.equal(entry.charge, charge);
        assert.equal(entry.source, 'upstream');
    }
});

test('L1 a price for each call, whatever it has used', async () => {
    for (const usage of [seconds, tokens, '"n":1']) {
        const entry = await answered(asking('by-call'), `{"text":"Hi there",${usage}}`);
        assert.equal(entry.charge, '0.005000000');
        assert.equal(entry.hold, entry.charge);
    }
});

test('L1 verbose_json: its duration, a number or in quotes; its usage goes before', async () => {
    const asked = asking('by-ms', { response_format: 'verbose_json', 'timestamp_granularities[]': 'word' });
    const segments = '"segments":[{"id":0,"start":0.0,"end":9.9,"text":" Hi"}]';
    for (const [duration, charge] of [
        ['"duration":8.470000267028809', '0.008470000'],
        ['"duration":"8.47"', '0.008470000'],
        [`"duration":8.47,${seconds}`, '0.002400000'],
        [`${seconds},"duration":8.47`, '0.002400000'],
    ]) {
        const entry = await answered(asked, `{"task":"transcribe","text":" Hi",${segments},${duration}}`);
        assert.equal(entry.charge, charge);
        assert.equal(entry.source, 'upstream');
    }
});

test('L1 diarized_json', async () => {
    const segments = '"segments":[{"type":"transcript.text.segment","id":"s1","speaker":"A","text":"Hi"}]';
    const answer = `{"task":"transcribe","duration":3.5,"text":"Hi",${segments},${tokens}}`;
    const asked = { response_format: 'diarized_json', chunking_strategy: 'auto' };
    const entry = await answered(asking('by-tokens', asked), answer);
    assert.equal(entry.charge, '0.004640000');
    assert.equal(entry.source, 'upstream');
});

test('L1 srt and vtt: where the last subtitle ends', async () => {
    for (const [format, answer, type] of [
        ['srt', srt, 'text/plain; charset=utf-8'],
        ['srt', srt, 'application/x-subrip'],
        ['vtt', vtt, 'text/vtt'],
    ]) {
        const entry = await answered(asking('by-ms', { response_format: format }), answer, { type });
        assert.equal(entry.charge, '0.004250000');
        assert.equal(entry.source, 'upstream');
    }
});

test('L1 text: how long the sound lasts by its header', async () => {
    const asked = asking('by-ms', { response_format: 'text' }, wav(1250));
    for (const answer of ['Hi there\n', '[Music]\n', '字']) {
        const entry = await answered(asked, answer, plain);
        assert.equal(entry.charge, '0.001250000');
        assert.equal(entry.hold, '0.001250000');
        assert.equal(entry.source, 'estimated');
    }
});

test('L1 nothing tells how long it lasts: its bytes do', async () => {
    const entry = await answered(asking('by-ms', {}, Buffer.alloc(64000)), '{"text":"Hi there"}');
    assert.equal(entry.charge, '0.004001000');
    assert.equal(entry.hold, '0.016001000');
    assert.equal(entry.source, 'estimated');
    const short = await answered(asking('by-ms', {}, Buffer.from('x')), '{"text":""}');
    assert.equal(short.charge, '0.000001000');
    assert.equal(short.hold, '0.001000000', 'a second at least');
});

test('L1 a price in another unit than the usage: estimated', async () => {
    const inSeconds = await answered(asking('by-ms', {}, wav(1250)), `{"text":"Hi there",${tokens}}`);
    assert.equal(inSeconds.charge, '0.001250000');
    assert.equal(inSeconds.source, 'estimated');
    const inTokens = await answered(asking('by-tokens'), `{"text":"Hi",${seconds}}`);
    assert.equal(inTokens.charge, '0.000780000', '68 tokens of sound and one of text');
    assert.equal(inTokens.source, 'estimated');
});

test('L1 neither tokens nor seconds, where tokens are charged', async () => {
    const entry = await answered(asking('by-tokens', { prompt: 'Gateway' }, wav(60000)), '{"text":"Hi"}');
    assert.equal(entry.source, 'estimated');
    assert.ok(Number(entry.charge) > 0.017 && Number(entry.charge) < 0.0172, entry.charge);
    assert.ok(Number(entry.hold) > Number(entry.charge));
});

test('L1 a usage that is none is flagged; the duration beside it counts', async () => {
    const bad = '"usage":{"type":"duration","seconds":-1}';
    const entry = await answered(asking('by-ms'), `{"text":"Hi","duration":3,${bad}}`);
    assert.equal(entry.charge, '0.003000000');
    assert.deepEqual([entry.flags].flat().join(), 'bad_usage,above_hold');
    assert.equal(entry.source, 'estimated');
});

test('L1 an answer that says no type', async () => {
    reset();
    M1.once(reply('Hi there\n', { type: null }));
    const text = bodyIs(await ask(asking('by-ms', { response_format: 'text' })), 'Hi there\n');
    assert.equal(text.header('content-type'), 'text/plain; charset=utf-8');
    M1.once(reply('{"text":"Hi"}', { type: null }));
    const json = bodyIs(await ask(asking('by-ms')), '{"text":"Hi"}');
    assert.equal(json.header('content-type'), 'application/json');
});

test('L1 only the model changes on the way, wherever it stands; no model is the default', async () => {
    const file = sound(Buffer.concat([wav(1), Buffer.alloc(5e6, '\r\n--x\0')]));
    const rest = [file, textPart('language', 'de'), textPart('temperature', '0.20')];
    const bare = (value) => part('content-disposition:form-data;name=model\r\nContent-Type: text/plain', value);
    for (const [body, wanted] of [
        [form(...rest, model('cheap')), form(...rest, model('up'))],
        [form(model('cheap'), ...rest), form(model('up'), ...rest)],
        [form(bare('cheap'), ...rest), form(bare('up'), ...rest)],
        [form(...rest), form(model('up'), ...rest)],
    ]) {
        const entry = await answered(body, '{"text":"Hi"}');
        assert.equal(entry.model, 'cheap');
        assert.equal(M1.last.target, path);
        assert.equal(M1.last.header('content-type'), formType);
        assert.equal(Number(M1.last.header('content-length')), wanted.length);
        assert.ok(M1.last.body.equals(wanted), 'only the model has changed');
    }
});

test('L1 translations', async () => {
    const entry = await answered(asking('by-ms'), `{"text":"Hi there",${seconds}}`, { path: translations });
    assert.equal(M1.last.target, translations);
    assert.equal(entry.endpoint, 'translation');
    assert.equal(entry.charge, '0.002400000');
    errorIs(await ask(form(sound()), { path: translations }), 404, 'invalid_request_error', 'missing_parameter', {
        param: 'model',
    });
    errorIs(
        await ask(asking('by-call'), { path: translations }),
        404,
        'invalid_request_error',
        'endpoint_not_supported',
        { param: 'model' },
    );
});

test('L1 what is refused before any hold', async () => {
    reset();
    const named = model('by-ms');
    for (const [body, reason, param] of [
        [form(named), 'missing_parameter', 'file'],
        [form(sound(), model('')), 'missing_parameter', 'model'],
        [form(sound(Buffer.alloc(0)), named), 'invalid_value', 'file'],
        [form(textPart('file', 'RIFF'), named), 'invalid_type', 'file'],
        [form(sound(), sound(), named), 'duplicate_parameter', 'file'],
        [form(sound(), filePart('File', 'x'), named), 'duplicate_parameter', 'file'],
        [form(filePart('FILE', 'x'), named), 'duplicate_parameter', 'file'],
        [form(sound(), textPart('file', 'x'), named), 'duplicate_parameter', 'file'],
        [form(sound(), named, named), 'duplicate_parameter', 'model'],
        [form(sound(), named, textPart('stream', 'maybe')), 'invalid_type', 'stream'],
        [form(sound(), model('nope')), 'model_not_found', 'model'],
        [form(sound(), model('gpt-4o-mini')), 'endpoint_not_supported', 'model'],
        [Buffer.concat([sound(), named]), 'invalid_multipart', null],
        [Buffer.alloc(0), 'invalid_multipart', null],
    ]) {
        errorIs(await ask(body), 404, 'invalid_request_error', reason, { param });
    }
    const json = '{"model":"by-ms","file":"AAAA"}';
    for (const type of ['application/json', null, 'text/plain', 'multipart/form-data', 'multipart/mixed; boundary=b1']) {
        errorIs(await ask(json, { type }), 404, 'invalid_request_error', 'unsupported_content_type', {
            message: /send multipart\/form-data$/,
        });
    }
    assert.equal(M1.count + M2.count, 0);
    assert.equal(Number((await gw.cli(['user', 'show', 'u1'])).held), 0);
});

test('L1 an answer that is none: another provider is asked', async () => {
    const good = '{"text":"Hi"}';
    for (const [format, answer] of [
        ['json', reply('{"text":5}')],
        ['json', reply('{"segments":[{"text":"Hi"}]}')],
        ['json', reply('{"error":{"message":"boom"}}')],
        ['json', reply('Hi there', plain)],
        ['json', reply('{"text":"Hi"', {})],
        ['text', reply('{"error":{"message":"boom"}}', plain)],
        ['text', reply('{"error":{"message":"boom"}}')],
        ['srt', reply('<html>busy</html>', { type: null })],
        ['text', reply('<p>busy', { type: 'text/html' })],
        ['text', reply('', plain)],
        ['text', stream('data: {"type":"transcript.text.done","text":"Hi"}\n\n')],
    ]) {
        reset();
        M1.once(answer);
        M2.once(reply(good));
        bodyIs(await ask(asking('by-ms', { response_format: format })), good);
        assert.equal(M2.last.body.includes('up-b'), true, 'the sound goes to the second with its own model');
    }
});

test('L1 a text that is cut is nobody’s answer', async () => {
    reset();
    const cut = async (exchange) => {
        await exchange.send('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nHi there');
        exchange.fin();
    };
    M1.once(cut);
    M2.once(cut);
    errorIs(await ask(asking('by-ms', { response_format: 'text' })), 502, 'server_error', 'upstream_disconnected');
});

test('L1 a parameter error of the provider is the caller’s', async () => {
    reset();
    M1.once(fault(400, { message: 'Unsupported file format', type: 'invalid_request_error', param: 'file' }));
    errorIs(await ask(asking('by-ms')), 404, 'invalid_request_error', 'invalid_parameter', { param: 'file' });
    assert.equal(M2.count, 0);
});

const delta = (text) => `data: {"type":"transcript.text.delta","delta":"${text}"}\n\n`;
const done = `event: transcript.text.done\ndata: {"type":"transcript.text.done","text":"Hi there",${tokens}}\n\n`;
const segment = 'data: {"type":"transcript.text.segment","id":"s1","text":"Hi there","speaker":"A"}\n\n';
const streamed = { stream: 'true' };

test('L2 a stream: usage is in the last word', async () => {
    reset();
    const text = delta('Hi') + delta(' there') + segment + done;
    M1.once(stream(text));
    const response = bodyIs(await ask(asking('by-tokens', streamed)), text);
    assert.equal(response.header('content-type'), 'text/event-stream');
    assert.equal(response.header('x-accel-buffering'), 'no');
    const entry = await gw.row(response);
    assert.equal(entry.charge, '0.004640000');
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.stream, true);
});

test('L2 each event goes on before the next has come, and the last waits for the charge', async () => {
    reset();
    let client;
    M1.once(
        told(async ({ send, exchange }) => {
            await send(delta('Hi') + delta(' the').slice(0, 9));
            await client.text(delta('Hi'));
            await send(delta(' the').slice(9) + done);
            await exchange.closed;
        }),
    );
    client = await RawClient.open(gw, { path, type: formType, body: asking('by-tokens', streamed) });
    const response = await client.text('transcript.text.done');
    assert.equal(response.text, delta('Hi') + delta(' the') + done);
    assert.equal((await gw.row(response)).charge, '0.004640000');
    client.close();
});

test('L2 cut, in the middle of an event: whole events, then the gateway’s error', async () => {
    const came = delta('Hi') + delta(' there') + segment;
    for (const end of ['fin', 'rst', 'last']) {
        reset();
        M1.once(stream(came + done.slice(0, 60), end));
        const response = await ask(asking('by-tokens', streamed));
        typedErrorIs(response, came);
        const entry = await gw.row(response);
        assert.equal(entry.end, 'upstream_gone');
        assert.equal(entry.source, 'estimated');
        assert.equal(entry.charge, '0.000450000', '15 tokens of sound, three of text');
    }
});

test('L2 an error event passes; one at the beginning sends the request to the next', async () => {
    const error = 'event: error\ndata: {"type":"error","code":"server_error","message":"x","param":null}\n\n';
    reset();
    M1.once(stream(delta('Hi') + error));
    bodyIs(await ask(asking('by-tokens', streamed)), delta('Hi') + error);
    reset();
    M1.once(stream(error));
    M2.once(stream(done));
    bodyIs(await ask(asking('by-tokens', streamed)), done);
    reset();
    M1.once(stream(delta('Hi') + 'data: {"error":{"message":"no such thing here"}}\n\n'));
    typedErrorIs(await ask(asking('by-tokens', streamed)), delta('Hi'));
});

test('L2 chunks like those of chat, and their [DONE]', async () => {
    reset();
    const chunk = 'data: {"object":"transcription.chunk","choices":[{"delta":{"content":"Hi there"}}]}\n\n';
    M1.once(stream(`${chunk}data: [DONE]\n\n`));
    const response = bodyIs(await ask(asking('by-tokens', streamed)), `${chunk}data: [DONE]\n\n`);
    assert.equal((await gw.row(response)).charge, '0.000450000');
});

test('L2 not what was asked for: a document for a stream', async () => {
    reset();
    M1.once(reply('{"text":"Hi"}'));
    M2.once(reply('Hi', plain));
    const response = await ask(asking('by-tokens', { ...streamed, response_format: 'text' }));
    errorIs(response, 502, 'server_error', 'upstream_invalid_response');
});

test('sdk transcriptions', async (t) => {
    const file = wav(500).toString('base64');
    const using = { url: gw.url, file, model: 'by-ms' };
    await eachSdk(t, 'sdk transcriptions', async (sdk) => {
        reset();
        M1.once(reply(`{"text":"Hi there",${seconds}}`));
        assert.equal((await sdk.run('transcription', using)).text, 'Hi there');
        M1.once(reply('{"text":"Hi there","duration":2.5,"language":"english"}'));
        const verbose = await sdk.run('transcription', { ...using, format: 'verbose_json' });
        assert.deepEqual([verbose.text, Number(verbose.duration)], ['Hi there', 2.5]);
        for (const [format, answer] of [
            ['text', 'Hi there\n'],
            ['srt', srt],
            ['vtt', vtt],
        ]) {
            M1.once(reply(answer, plain));
            assert.equal((await sdk.run('transcription', { ...using, format })).plain, answer);
        }
        M1.once(reply('{"text":"Hello"}'));
        assert.equal((await sdk.run('translation', using)).text, 'Hello');
        assert.ok(M1.last.body.includes(wav(500)), 'the sound has arrived');
    });
    await eachSdk(
        t,
        'sdk transcriptions streamed',
        async (sdk) => {
            reset();
            M1.once(stream(delta('Hi') + delta(' there') + done));
            const whole = await sdk.run('transcriptionStream', using);
            assert.equal(whole.content, 'Hi there');
            assert.equal(whole.types.at(-1), 'transcript.text.done');
            M1.once(stream(delta('Hi')));
            const cut = await sdk.run('transcriptionStream', using);
            assert.equal(cut.error.api, true, JSON.stringify(cut));
        },
        /^(node|python)/,
    );
});
