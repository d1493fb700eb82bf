// Frameworks on top of the wire: Vercel's AI SDK and LangChain, each over chat and over responses.  All
// run the same operations and tell the outcome in the same plain object.

import { createRequire } from 'node:module';
import path from 'node:path';
import { tools } from './sdk.mjs';
import { root } from './place.mjs';

const use = createRequire(path.join(root, 'tests/e2e/clients/frameworks/package.json'));
const ai = use('ai');
const { createCohere } = use('@ai-sdk/cohere');
const { createOpenAI } = use('@ai-sdk/openai');
const { createOpenAICompatible } = use('@ai-sdk/openai-compatible');
const { ChatOpenAI, OpenAIEmbeddings } = use('@langchain/openai');

const prompt = 'Say hello.';
const model = 'gpt-4o-mini';
const [{ function: weather }] = tools;
const firstKey = 'sk-t1-0000000000';

/** What the AI SDK threw: the last answer, where it has tried more than once. */
function fromAi(thrown) {
    const last = ai.RetryError.isInstance(thrown) ? thrown.lastError : thrown;
    const { error } = last.data ?? {};
    return {
        class: last.name,
        status: last.statusCode ?? null,
        retryable: last.isRetryable ?? null,
        message: last.message,
        type: error?.type ?? null,
        code: error?.code ?? null,
    };
}

function aiSdk(name, modelOf) {
    const outcomeOf = async (run) => {
        try {
            return await run();
        } catch (error) {
            return { error: fromAi(error) };
        }
    };
    const asked = ({ url, key = firstKey, retries = 0 }) => ({
        model: modelOf({ baseURL: `${url}/v1`, apiKey: key }),
        prompt,
        maxRetries: retries,
    });
    return {
        name,
        generate: (target) =>
            outcomeOf(async () => {
                const done = await ai.generateText(asked(target));
                return { content: done.text, usage: done.usage.totalTokens, end: done.finishReason };
            }),
        stream: (target) =>
            outcomeOf(async () => {
                const result = { content: '', pieces: 0, end: null };
                for await (const part of ai.streamText({ ...asked(target), onError() {} }).fullStream) {
                    if (part.type === 'error') return { ...result, error: fromAi(part.error) };
                    if (part.type === 'finish') {
                        result.end = part.finishReason;
                        result.usage = part.totalUsage.totalTokens;
                    } else if (part.type === 'text-delta') {
                        result.content += part.text;
                        result.pieces++;
                    }
                }
                return result;
            }),
        tool: (target) =>
            outcomeOf(async () => {
                const { description, parameters } = weather;
                const one = ai.tool({ description, inputSchema: ai.jsonSchema(parameters) });
                const done = await ai.generateText({ ...asked(target), tools: { [weather.name]: one } });
                const [call] = done.toolCalls;
                return { name: call.toolName, arguments: call.input, end: done.finishReason };
            }),
    };
}

function fromLangChain(thrown) {
    return {
        class: thrown.constructor.name,
        status: thrown.status ?? null,
        reason: thrown.lc_error_code ?? null,
        message: thrown.message,
        type: thrown.type ?? null,
        code: thrown.code ?? null,
    };
}

function langChain(name, options) {
    const chatOf = ({ url, key = firstKey, retries = 0 }) =>
        new ChatOpenAI({
            model,
            apiKey: key,
            configuration: { baseURL: `${url}/v1` },
            maxRetries: retries,
            ...options,
        });
    const outcomeOf = async (run) => {
        try {
            return await run();
        } catch (error) {
            return { error: fromLangChain(error) };
        }
    };
    return {
        name,
        generate: (target) =>
            outcomeOf(async () => {
                const done = await chatOf(target).invoke(prompt);
                return { content: done.text, usage: done.usage_metadata.total_tokens };
            }),
        async stream(target) {
            const result = { content: '', pieces: 0 };
            const end = await outcomeOf(async () => {
                for await (const chunk of await chatOf(target).stream(prompt)) {
                    result.content += chunk.text;
                    result.pieces += chunk.text === '' ? 0 : 1;
                    result.usage ??= chunk.usage_metadata?.total_tokens;
                }
            });
            return { ...result, ...end };
        },
        tool: (target) =>
            outcomeOf(async () => {
                const done = await chatOf(target).bindTools(tools).invoke(prompt);
                const [call] = done.tool_calls;
                return { name: call.name, arguments: call.args };
            }),
    };
}

export const aiSdks = [
    aiSdk('ai openai-compatible', (to) => createOpenAICompatible({ name: 'gateway', includeUsage: true, ...to })(model)),
    aiSdk('ai openai.chat', (to) => createOpenAI(to).chat(model)),
    aiSdk('ai openai.responses', (to) => createOpenAI(to).responses(model)),
];
export const langChains = [
    langChain('langchain chat', {}),
    langChain('langchain responses', { useResponsesApi: true }),
];
export const frameworks = [...aiSdks, ...langChains];

/** The AI SDK's reranking, in the only dialect it has for it, Cohere's. */
export async function rerank({ url, key = firstKey, model: name, ...asked }) {
    try {
        const ranker = createCohere({ baseURL: `${url}/v1`, apiKey: key }).reranking(name);
        const done = await ai.rerank({ model: ranker, maxRetries: 0, ...asked });
        return { order: done.ranking.map((one) => one.originalIndex), top: done.rerankedDocuments[0] };
    } catch (error) {
        return { error: fromAi(error) };
    }
}

/** Vectors of texts, by each framework. */
export const embedders = {
    async 'ai openai'({ url, key = firstKey, model: name, values }) {
        const embedder = createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).embedding(name);
        return (await ai.embedMany({ model: embedder, values })).embeddings;
    },
    langchain({ url, key = firstKey, model: name, values }) {
        const configuration = { baseURL: `${url}/v1` };
        return new OpenAIEmbeddings({ model: name, apiKey: key, configuration }).embedDocuments(values);
    },
};
