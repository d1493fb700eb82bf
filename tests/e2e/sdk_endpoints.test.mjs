// The official SDKs on each endpoint but chat: what a fresh quickstart gives them, what they send, what
// they raise and how often they call.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, test } from 'node:test';
import { fault, hangUp, reply } from './lib/answers.mjs';
import { wav } from './lib/form.mjs';
import { Gateway, scene } from './lib/gateway.mjs';
import { sidesOf } from './lib/png.mjs';
import { Proxy } from './lib/proxy.mjs';
import { eachSdk } from './lib/sdk.mjs';

const fresh = await Gateway.quickstart({ name: 'endpoints-fresh' });
after(async () => {
    await fresh.settled().finally(() => fresh.stop());
});

const perToken = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const only = (endpoints, price) => ({ endpoints, offer: ['P1/up', 'P2/up priority=2'], price });
const s = await scene(
    { after, name: 'endpoints' },
    {
        fixture: ['K1', 'K6'],
        models: {
            'gpt-4o-mini': only('chat responses completions', perToken),
            'whisper-1': only('transcription translation', 'audio_ms 0.006 per minute'),
            moderator: { ...only('moderation', 'requests 0.001 per request'), default_for: 'moderation' },
        },
    },
);
const { gw, M1, M2, reset } = s;

const together = { concurrency: true };

/** A test of one operation by all SDKs (or those that `only` names) at once, at the quickstart. */
function works(name, body, only) {
    const id = `sdk endpoints: ${name}`;
    const runOf = (sdk) => async (operation, args) => {
        const done = await sdk.run(operation, { url: fresh.url, key: fresh.key, ...args });
        assert.equal(done.error, undefined, JSON.stringify(done.error));
        return done;
    };
    test(id, together, (t) => eachSdk(t, id, (sdk) => body(runOf(sdk), sdk), only));
}

const hello = /^Hello from the sandbox.*Say hello\./;

works('responses.create', async (run) => {
    const { content, usage, id } = await run('response', {});
    assert.match(content, hello);
    assert.ok(usage > 0);
    assert.match(id, /^resp_/);
});

works('responses.create streamed', async (run) => {
    const { content, types } = await run('responseStream', {});
    assert.match(content, hello);
    assert.equal(types[0], 'response.created');
    assert.equal(types.at(-1), 'response.completed');
});

works('completions.create', async (run) => {
    const { content, usage } = await run('complete', { prompt: 'Say hello.' });
    assert.match(content, hello);
    assert.ok(usage > 0);
});

works('completions.create streamed', async (run) => {
    const { content, chunks } = await run('completeStream', { prompt: 'Say hello.' });
    assert.match(content, hello);
    assert.ok(chunks > 5, 'word by word');
});

const side = (bytes) => Math.sqrt(bytes.reduce((sum, one) => sum + one * one, 0));

works('embeddings.create', async (run) => {
    const input = ['a red apple', 'a red apple!', 'the stock exchange'];
    const { vectors, usage } = await run('embed', { as: 'text-embedding-3-small', input });
    assert.deepEqual(
        vectors.map((one) => one.length),
        [1536, 1536, 1536],
    );
    for (const one of vectors) assert.ok(Math.abs(side(one) - 1) < 1e-4, `unit length: ${side(one)}`);
    const likeness = (other) => vectors[0].reduce((sum, one, i) => sum + one * other[i], 0);
    assert.ok(likeness(vectors[1]) > likeness(vectors[2]) + 0.2, 'the like are near');
    assert.ok(usage > 0);
});

works('moderations.create', async (run) => {
    const { flagged } = await run('moderate', { input: ['hello', 'sandbox-flag'] });
    assert.deepEqual(flagged, [false, true]);
});

works('images.generate, images.edit', async (run) => {
    const made = await run('draw', { prompt: 'A cup', size: '64x64' });
    assert.deepEqual(made.pictures.map(sidesOf), [
        [64, 64],
        [64, 64],
    ]);
    assert.ok(made.usage > 0);
    const [first, second] = made.pictures;
    const again = await run('redraw', { prompt: 'In blue', files: [first, second], mask: first });
    assert.equal(again.pictures.length, 1);
    sidesOf(again.pictures[0]);
});

works(
    'images.generate streamed',
    async (run) => {
        const { types, picture } = await run('drawStream', { prompt: 'A cup', size: '64x64' });
        assert.deepEqual(
            types.map((one) => one.replace('image_generation.', '')),
            ['partial_image', 'partial_image', 'completed'],
        );
        assert.deepEqual(sidesOf(picture), [64, 64]);
    },
    /^(?!node-4)/, // which reads no streams of pictures
);

works('audio.speech.create', async (run, sdk) => {
    const into = `${fresh.dir}/${sdk.name}.wav`;
    const { type } = await run('speech', { input: 'Hello', into });
    assert.equal(type, 'audio/wav');
    const sound = fs.readFileSync(into);
    assert.equal(sound.toString('latin1', 0, 4), 'RIFF');
    assert.equal(sound.readUInt32LE(4), sound.length - 8, 'whole');
});

works('audio.transcriptions.create, audio.translations.create of what was spoken', async (run, sdk) => {
    const into = `${fresh.dir}/${sdk.name}-heard.wav`;
    await run('speech', { input: 'Hello', into });
    const asked = { file: fs.readFileSync(into).toString('base64'), model: 'whisper-1' };
    assert.equal((await run('transcription', { ...asked, format: 'json' })).text, 'Hello');
    assert.equal((await run('transcription', { ...asked, format: 'text' })).plain.trim(), 'Hello');
    assert.equal((await run('transcriptionStream', asked)).content, 'Hello');
    assert.equal((await run('translation', asked)).text, 'Hello');
});

/** Asks the scripted providers, by the SDKs in turn. */
async function scripted(t, id, body) {
    reset();
    await eachSdk(t, id, (sdk) => body((operation, args) => sdk.run(operation, { url: gw.url, ...args })));
}

const bytes = Buffer.from('\x89PNG\r\n\x1a\n--not a boundary\0', 'latin1');
const picture = bytes.toString('base64');

test('I3 the files of the SDKs arrive as they were: image, image[] and mask', async (t) => {
    const answer = `{"created":1,"data":[{"b64_json":"${picture}"}],"usage":{"total_tokens":1}}`;
    await scripted(t, 'I3', async (run) => {
        for (const [files, mask, names] of [
            [[picture], undefined, ['image']],
            [[picture, picture], picture, ['image[]', 'image[]', 'mask']],
        ]) {
            M1.once(reply(answer));
            const done = await run('redraw', { prompt: 'In blue', files, mask });
            assert.deepEqual(done.pictures, [picture], JSON.stringify(done));
            const body = M1.last.body.toString('latin1');
            const sent = [...body.matchAll(/name="([^"]+)"; filename="a\.png"\r\n[^]*?\r\n\r\n([^]*?)\r\n--[^n]/g)];
            assert.deepEqual(sent.map((one) => one[1]).sort(), names);
            for (const one of sent) assert.equal(one[2], bytes.toString('latin1'));
            assert.match(body, /name="model"\r\n\r\nup-image\r\n/);
        }
    });
});

const sound = wav(200).toString('base64');
const operations = {
    response: {},
    responseStream: {},
    complete: { prompt: 'x' },
    embed: { as: 'text-embedding-3-small', input: 'x' },
    moderate: { input: 'x' },
    draw: { prompt: 'x', size: '64x64' },
    redraw: { prompt: 'x', files: [picture] },
    speech: { input: 'x', into: '/dev/null' },
    transcription: { model: 'whisper-1', file: sound, format: 'json' },
};
const pictures = ['draw', 'redraw'];
const forms = ['redraw', 'transcription'];
/** One for each, so that all can be under way at once and be counted. */
const proxies = {};
for (const operation of Object.keys(operations)) proxies[operation] = await Proxy.start({ after }, gw);

const rows = {
    'a mistake of the caller': {
        answer: fault(400, { message: 'x is wrong', type: 'invalid_request_error', param: 'x', code: 'bad_x' }),
        class: 'NotFoundError',
        status: 404,
        calls: 1,
    },
    'a prompt that is refused': {
        answer: fault(400, { message: 'no', code: 'content_filter' }),
        class: 'InternalServerError',
        status: 502,
        calls: 1,
    },
    'a limit that takes its time': {
        answer: fault(429, { message: 'x' }, { 'Retry-After': 90 }),
        class: 'RateLimitError',
        status: 429,
        calls: 1,
    },
    'a provider that fails': {
        of: Object.keys(operations).filter((one) => !forms.includes(one) && !pictures.includes(one)),
        answer: fault(500, { message: 'x' }),
        class: 'InternalServerError',
        status: 502,
        calls: 3,
    },
    'a provider that fails, and a form': {
        of: forms.filter((one) => !pictures.includes(one)),
        only: /^(?!node-4)/, // which sends a form once: its second request stops behind the head
        answer: fault(500, { message: 'x' }),
        class: 'InternalServerError',
        status: 502,
        calls: 3,
    },
    'a picture that a failing provider may have made': {
        of: pictures,
        answer: fault(500, { message: 'x' }),
        class: 'InternalServerError',
        status: 502,
        calls: 1,
    },
    'a picture that a lost provider may have made': {
        of: pictures,
        answer: hangUp(),
        class: 'InternalServerError',
        status: 502,
        calls: 1,
    },
    'a bad key': { key: 'sk-bad', class: 'AuthenticationError', status: 401, calls: 1 },
    'no money': { key: 'sk-t6-0000000000', class: 'PermissionDeniedError', status: 403, calls: 1 },
};

for (const [name, want] of Object.entries(rows)) {
    const id = `sdk endpoints: ${name}:`;
    test(id, together, async (t) => {
        M1.reset().always(want.answer ?? null);
        M2.reset().always(want.answer ?? null);
        const one = (operation) => {
            const body = async (sdk) => {
                const proxy = proxies[operation];
                const before = proxy.callsOf(sdk);
                const asked = { url: proxy.url, retries: 2, key: want.key, ...operations[operation] };
                const { error } = await sdk.run(operation, asked);
                assert.equal(error?.class, want.class, JSON.stringify(error));
                assert.equal(error.status, want.status);
                assert.equal(error.code, sdk.codeOf(want.status));
                assert.equal(proxy.callsOf(sdk) - before, want.calls);
            };
            return eachSdk(t, `${id} ${operation}`, body, want.only);
        };
        await Promise.all((want.of ?? Object.keys(operations)).map(one));
    });
}
