// The official OpenAI SDKs as clients: npm majors 4, 6 and 7 in this process, openai-python 1, 2 and 3
// in one of its own each.  Each runs the same operations and tells the outcome in the same plain object,
// so that a test can ask all of them.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PythonSdk } from './python.mjs';
import { root } from './place.mjs';
import { pace } from './wait.mjs';

export { replay } from './replay.mjs';

export const messages = [{ role: 'user', content: 'Say hello.' }];
const model = 'gpt-4o-mini';
const firstKey = 'sk-t1-0000000000';

export const tools = [
    {
        type: 'function',
        function: {
            name: 'weather',
            description: 'Tells the weather',
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
        },
    },
];

function outcomeOf(error, OpenAI) {
    const status = error.status ?? null;
    return {
        error: {
            class: error.constructor.name,
            api: error instanceof OpenAI.APIError,
            connection: error instanceof OpenAI.APIConnectionError,
            status,
            type: error.type ?? error.error?.type ?? null,
            code: error.code ?? error.error?.code ?? null,
            reason: error.error?.reason ?? null,
            message: error.message,
        },
    };
}

function drawn(done) {
    return { pictures: done.data.map((one) => one.b64_json), usage: done.usage.total_tokens };
}

const operations = {
    async models(client) {
        const ids = [];
        for await (const one of await client.models.list()) ids.push(one.id);
        return { ids };
    },

    async model(client, { id }) {
        const one = await client.models.retrieve(id);
        return { id: one.id, created: one.created };
    },

    async chat(client, { bytes }) {
        const asked = bytes ? [{ role: 'user', content: 'x'.repeat(bytes) }] : messages;
        const done = await client.chat.completions.create({ model, messages: asked });
        return {
            content: done.choices[0].message.content,
            usage: done.usage.total_tokens,
            request_id: done._request_id ?? null,
        };
    },

    async stream(client, { onText }) {
        const stream = await client.chat.completions.create({ model, messages, stream: true });
        const result = { content: '', chunks: 0 };
        for await (const chunk of stream) {
            result.chunks++;
            result.content += chunk.choices[0].delta.content ?? '';
            onText?.(result.content);
        }
        return result;
    },

    async response(client, { previous }) {
        const asked = { model, input: 'Say hello.', previous_response_id: previous };
        const done = await client.responses.create(asked);
        return { id: done.id, content: done.output_text, usage: done.usage.total_tokens };
    },

    async responseStream(client) {
        const stream = await client.responses.create({ model, input: 'Say hello.', stream: true });
        const result = { content: '', types: [] };
        for await (const event of stream) {
            result.types.push(event.type);
            if (event.type === 'response.output_text.delta') result.content += event.delta;
        }
        return result;
    },

    async embed(client, { as, input }) {
        const done = await client.embeddings.create({ model: as, input });
        return { vectors: done.data.map(({ embedding }) => embedding), usage: done.usage.total_tokens };
    },

    async moderate(client, { input }) {
        const done = await client.moderations.create({ input });
        return { flagged: done.results.map((one) => one.flagged) };
    },

    async complete(client, { prompt }) {
        const done = await client.completions.create({ model, prompt });
        return { content: done.choices[0].text, usage: done.usage.total_tokens };
    },

    async completeStream(client, { prompt }) {
        const stream = await client.completions.create({ model, prompt, stream: true });
        const result = { content: '', chunks: 0 };
        for await (const chunk of stream) {
            result.chunks++;
            result.content += chunk.choices[0].text;
        }
        return result;
    },

    async draw(client, { prompt, size }) {
        return drawn(await client.images.generate({ model: 'gpt-image-1', prompt, size, n: 2 }));
    },

    async drawStream(client, { prompt, size }) {
        const asked = { model: 'gpt-image-1', prompt, size, partial_images: 2, stream: true };
        const result = { types: [] };
        for await (const event of await client.images.generate(asked)) {
            result.types.push(event.type);
            result.picture = event.b64_json;
        }
        return result;
    },

    /** files: pictures in base64; one is given alone, more as a list. */
    async redraw(client, { prompt, files, mask }, { toFile }) {
        const fileOf = (base64) => toFile(Buffer.from(base64, 'base64'), 'a.png', { type: 'image/png' });
        const images = await Promise.all(files.map(fileOf));
        const asked = { model: 'gpt-image-1', prompt, image: images.length > 1 ? images : images[0] };
        if (mask) asked.mask = await fileOf(mask);
        return drawn(await client.images.edit(asked));
    },

    /** Saves the sound. */
    async speech(client, { input, into }) {
        const done = await client.audio.speech.create({ model: 'tts-1', input, voice: 'alloy' });
        fs.writeFileSync(into, Buffer.from(await done.arrayBuffer()));
        return { type: done.headers.get('content-type') };
    },

    async transcription(client, { file, model, format }, { toFile }) {
        const sound = await toFile(Buffer.from(file, 'base64'), 'a.wav');
        const asked = { model, file: sound, response_format: format };
        const done = await client.audio.transcriptions.create(asked);
        return typeof done === 'string' ? { plain: done } : { text: done.text, duration: done.duration };
    },

    async transcriptionStream(client, { file, model }, { toFile }) {
        const sound = await toFile(Buffer.from(file, 'base64'), 'a.wav');
        const stream = await client.audio.transcriptions.create({ model, file: sound, stream: true });
        const result = { content: '', types: [] };
        for await (const event of stream) {
            result.types.push(event.type);
            if (event.type === 'transcript.text.delta') result.content += event.delta;
        }
        return result;
    },

    async translation(client, { file, model }, { toFile }) {
        const sound = await toFile(Buffer.from(file, 'base64'), 'a.wav');
        const done = await client.audio.translations.create({ model, file: sound });
        return { text: done.text };
    },

    /** The life of one: made and waited for, shown, remade, listed, deleted. */
    async video(client, { as }) {
        const waitFor = async (id) => {
            for (;;) {
                const { data, response } = await client.videos.retrieve(id).withResponse();
                if (data.status === 'completed' || data.status === 'failed') return data;
                if (!response.headers.has('openai-poll-after-ms')) throw new Error('how long to wait');
                await pace(20);
            }
        };
        const made = await client.videos.create({ model: as, prompt: 'A cat', seconds: '8', size: '720x1280' });
        const shown = await waitFor(made.id);
        const remix = await client.videos.remix(made.id, { prompt: 'A dog' });
        await waitFor(remix.id);
        const listed = [];
        for await (const one of client.videos.list({ limit: 1 })) listed.push(one.id);
        const gone = await client.videos.delete(made.id);
        return {
            id: made.id,
            status: shown.status,
            progress: shown.progress,
            seconds: shown.seconds,
            size: shown.size,
            remix: remix.id,
            from: remix.remixed_from_video_id,
            listed: listed.slice(0, 2),
            deleted: [gone.id, gone.deleted],
        };
    },

    async tools(client) {
        const done = await client.chat.completions.create({ model, messages, tools });
        const [call] = done.choices[0].message.tool_calls;
        return { name: call.function.name, arguments: call.function.arguments };
    },

    async toolsStream(client) {
        const stream = await client.chat.completions.create({
            model,
            messages,
            tools,
            stream: true,
        });
        const result = { name: '', arguments: '' };
        for await (const chunk of stream) {
            for (const call of chunk.choices[0].delta.tool_calls ?? []) {
                result.name += call.function.name ?? '';
                result.arguments += call.function.arguments ?? '';
            }
        }
        return result;
    },
};

function nodeSdk(name) {
    const folder = path.join(root, 'tests/e2e/clients', name);
    const OpenAI = createRequire(path.join(folder, 'package.json'))('openai');
    const { version } = JSON.parse(
        fs.readFileSync(path.join(folder, 'node_modules/openai/package.json'), 'utf8'),
    );
    const clientOf = ({ url, key = firstKey, retries = 0 }) =>
        new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: retries, timeout: 30000 });
    return {
        name: `node-${version}`,
        agent: `OpenAI/JS ${version}`,
        folder,
        missing: false,
        codeOf: (status) => status,
        clientOf,
        async run(operation, { url, key, retries, ...rest }) {
            const client = clientOf({ url, key, retries });
            try {
                return await operations[operation](client, rest, OpenAI);
            } catch (error) {
                return outcomeOf(error, OpenAI);
            }
        },
    };
}

export const nodeSdks = ['openai4', 'openai6', 'openai7'].map(nodeSdk);

export const pythonSdks = ['openai1', 'openai2', 'openai3'].map(
    (folder) => new PythonSdk(folder, { key: firstKey, model }),
);

/**
 * Runs a subtest for each SDK (or those that `only` names): one after the other, or side by side where
 * `t` has concurrency.  An openai-python that could not be installed is a visible skip.
 */
export async function eachSdk(t, id, body, only = /./) {
    const sdks = [...nodeSdks, ...pythonSdks].filter(({ name }) => only.test(name));
    const one = (sdk) =>
        t.test(`${id} ${sdk.name}`, { skip: sdk.missing, timeout: 60000 }, (st) => body(sdk, st));
    await Promise.all(sdks.map(one));
}
