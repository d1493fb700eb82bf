// The official OpenAI SDKs as clients: npm majors 4, 6 and 7 in this process, openai-python in one of
// its own.  Each runs the same operations and tells the outcome in the same plain object, so that a
// test can ask all of them.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { root } from './seen.mjs';

export const messages = [{ role: 'user', content: 'Say hello.' }];
const model = 'gpt-4o-mini';

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

    async speech(client, { input }) {
        const done = await client.audio.speech.create({ model: 'tts-1', input, voice: 'alloy' });
        return { bytes: Buffer.from(await done.arrayBuffer()), type: done.headers.get('content-type') };
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
    const clientOf = ({ url, key = 'sk-t1-0000000000', retries = 0 }) =>
        new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: retries, timeout: 30000 });
    return {
        name: `node-${version}`,
        major: Number(version.split('.')[0]),
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

function pythonRun(program, args) {
    return new Promise((resolve, reject) => {
        const [command, ...rest] = pythonCommand(program);
        const child = spawn(command, rest, { env: pythonEnv });
        let out = '';
        let err = '';
        child.stdout.on('data', (bytes) => (out += bytes));
        child.stderr.on('data', (bytes) => (err += bytes));
        child.on('error', reject);
        child.on('close', (code) => {
            if (code !== 0) reject(new Error(`${program}: exit ${code}: ${err}`));
            else resolve(JSON.parse(out));
        });
        child.stdin.end(JSON.stringify(args));
    });
}

const venv = path.join(root, 'build/venv/bin/python');

export function pythonCommand(program) {
    const python = program === 'smoke.py' ? venv : 'python3';
    return [python, '-I', path.join(root, 'tests/python', program)];
}

export const pythonEnv = {
    ...process.env,
    PYTHONDONTWRITEBYTECODE: '1',
    NO_PROXY: '127.0.0.1',
};

/** What smoke.py reads. */
export function pythonOrder(operation, { url, key = 'sk-t1-0000000000', retries = 0, ...rest }) {
    return { operation, base: `${url}/v1`, key, retries, model, ...rest };
}

const pythonSdk = {
    name: 'python',
    major: 2,
    run: (operation, args) => pythonRun('smoke.py', pythonOrder(operation, args)),
};

/** The standard library's stand-in for openai-python: its request bytes and stream decoder. */
export const replay = {
    name: 'replay',
    major: 2,
    run: (operation, { url, key = 'sk-t1-0000000000' }) =>
        pythonRun('replay.py', { operation, base: `${url}/v1`, key, model }),
};

export const nodeSdks = ['openai4', 'openai6', 'openai7'].map(nodeSdk);

/** Why openai-python cannot run here; false when it can. */
export const pythonMissing = (() => {
    const note = path.join(root, 'build/venv/missing');
    if (fs.existsSync(note)) return fs.readFileSync(note, 'utf8').trim() || 'no openai-python';
    return fs.existsSync(venv) ? false : 'no build/venv: run tests/e2e/run.sh';
})();

/**
 * Runs a subtest for each SDK (or those that `only` names); openai-python is a visible skip where it
 * could not be installed.
 */
export async function eachSdk(t, id, body, only = /./) {
    for (const sdk of [...nodeSdks, pythonSdk].filter(({ name }) => only.test(name))) {
        const skip = sdk === pythonSdk && pythonMissing;
        await t.test(`${id} ${sdk.name}`, { skip, timeout: 60000 }, (st) => body(sdk, st));
    }
}
