// What scripted upstreams say: the fixtures S1, S1u and J1 and the ways to send or break them.

import { pace } from './wait.mjs';

function chunkOf(delta, finish, extra = '') {
    return (
        `{"id":"c1","object":"chat.completion.chunk","created":1,"model":"up-mini","choices":` +
        `[{"index":0,"delta":${delta},"finish_reason":${finish}}]${extra}}`
    );
}

export const usageText = '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}';

/** The data of a chat stream's events. */
export const data = {
    role: chunkOf('{"role":"assistant","content":""}', 'null'),
    hi: chunkOf('{"content":"Hi"}', 'null'),
    there: chunkOf('{"content":" there"}', 'null'),
    stop: chunkOf('{}', '"stop"'),
    usage:
        '{"id":"c1","object":"chat.completion.chunk","created":1,"model":"up-mini",' +
        `"choices":[],"usage":${usageText}}`,
    done: '[DONE]',
    chunk: chunkOf,
};

export function event(text) {
    return `data: ${text}\n\n`;
}

export function events(...texts) {
    return texts.map(event).join('');
}

export const S1 = events(data.role, data.hi, data.there, data.stop, data.done);
export const S1u = events(data.role, data.hi, data.there, data.stop, data.usage, data.done);

export const J1 =
    '{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"up-mini","choices":' +
    '[{"index":0,"message":{"role":"assistant","content":"Hi there"},"finish_reason":"stop"}],' +
    `"usage":${usageText}}`;

export function withUsage(usage) {
    return J1.replace(usageText, usage);
}

function headOf(status, headers) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n`;
}

/** A whole answer with a Content-Length. */
export function reply(body, { status = 200, type = 'application/json', headers = {} } = {}) {
    const bytes = Buffer.from(body);
    const head = {
        ...(type ? { 'Content-Type': type } : {}),
        'Content-Length': bytes.length,
        ...headers,
    };
    return (exchange) => exchange.send(Buffer.concat([Buffer.from(headOf(status, head)), bytes]));
}

export function fault(status, error, headers = {}) {
    return reply(JSON.stringify({ error }), { status, headers });
}

/** Any bytes, then an end: 'keep', 'fin' or 'rst'. */
export function raw(bytes, end = 'keep') {
    return async (exchange) => {
        await exchange.send(bytes);
        if (end === 'fin') exchange.fin();
        if (end === 'rst') exchange.rst();
    };
}

export function frame(bytes) {
    const body = Buffer.from(bytes);
    return Buffer.concat([
        Buffer.from(`${body.length.toString(16)}\r\n`),
        body,
        Buffer.from('\r\n'),
    ]);
}

export const lastFrame = '0\r\n\r\n';

export const streamHead = headOf(200, {
    'Content-Type': 'text/event-stream',
    'Transfer-Encoding': 'chunked',
});

/** A chunked event stream, sent whole; `end` as for raw(), 'last' = the last chunk, kept alive. */
export function stream(bytes, end = 'last') {
    return async (exchange) => {
        await exchange.send(streamHead);
        if (bytes.length > 0) await exchange.send(frame(bytes));
        if (end === 'last') await exchange.send(lastFrame);
        if (end === 'fin') exchange.fin();
        if (end === 'rst') exchange.rst();
    };
}

/** An event stream told step by step: `tell` gets {send(bytes), last(), exchange}. */
export function told(tell) {
    return async (exchange) => {
        await exchange.send(streamHead);
        await tell({
            exchange,
            send: (bytes) => exchange.send(frame(bytes)),
            last: () => exchange.send(lastFrame),
        });
    };
}

/** A stream whose every byte is a chunk of its own, with a pause after each. */
export function byteByByte(bytes, ms) {
    return told(async ({ send, last }) => {
        for (const byte of Buffer.from(bytes)) {
            await send(Buffer.from([byte]));
            await pace(ms);
        }
        await last();
    });
}

/** Takes the request and never says a word; ends with the other side. */
export function hang() {
    return (exchange) => exchange.closed;
}

export function hangUp(end = 'fin') {
    return raw('', end);
}
