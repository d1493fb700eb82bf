// What scripted upstreams of the Responses API say.

export const responseUsage =
    '{"input_tokens":3,"input_tokens_details":{"cached_tokens":0},"output_tokens":2,' +
    '"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5}';

/** A response object. */
export function responseOf({ id = 'resp_1', status = 'completed', output, usage = responseUsage, error = 'null' } = {}) {
    const items = output ?? [messageOf(`msg_${id}`)];
    return (
        `{"id":"${id}","object":"response","created_at":1,"status":"${status}","error":${error},` +
        `"incomplete_details":null,"instructions":null,"model":"up-mini","output":[${items.join(',')}],` +
        `"parallel_tool_calls":true,"previous_response_id":null,"store":true,"temperature":1.0,` +
        `"tools":[],"usage":${usage},"metadata":{}}`
    );
}

export function messageOf(id, text = 'Hi there') {
    return (
        `{"id":"${id}","type":"message","status":"completed","role":"assistant","content":` +
        `[{"type":"output_text","text":${JSON.stringify(text)},"annotations":[]}]}`
    );
}

export const R1 = responseOf();

/** One event; its number stands where a provider puts it. */
export function typed(type, number, members = '') {
    return `event: ${type}\ndata: {"type":"${type}","sequence_number":${number}${members && `,${members}`}}\n\n`;
}

const begun = (id) => `"response":${responseOf({ id, status: 'in_progress', output: [], usage: 'null' })}`;

/** The events of a streamed answer, by name. */
export function responseEvents(id = 'resp_1') {
    const item = `msg_${id}`;
    const at = `"item_id":"${item}","output_index":0,"content_index":0`;
    const delta = (number, text) =>
        typed('response.output_text.delta', number, `${at},"delta":${JSON.stringify(text)},"obfuscation":"x7f"`);
    return {
        created: typed('response.created', 0, begun(id)),
        progress: typed('response.in_progress', 1, begun(id)),
        added: typed(
            'response.output_item.added',
            2,
            `"output_index":0,"item":{"id":"${item}","type":"message","status":"in_progress","content":[],"role":"assistant"}`,
        ),
        hi: delta(3, 'Hi'),
        there: delta(4, ' there'),
        done: typed('response.output_item.done', 5, `"output_index":0,"item":${messageOf(item)}`),
        completed: typed('response.completed', 6, `"response":${responseOf({ id })}`),
        delta,
    };
}

export const e = responseEvents();
/** All but the last word, and the whole. */
export const begunStream = e.created + e.progress + e.added + e.hi + e.there + e.done;
export const RS1 = begunStream + e.completed;

export function nestedError(code, message, number = 2) {
    return typed('error', number, `"error":{"type":"x","code":"${code}","message":"${message}","param":null}`);
}

export function flatError(code, message, number = 2) {
    return typed('error', number, `"code":"${code}","message":"${message}","param":null`);
}

export function failedEvent(code, { number = 2, usage = 'null', message = 'It failed', id = 'resp_1' } = {}) {
    const error = `{"code":"${code}","message":"${message}"}`;
    const response = responseOf({ id, status: 'failed', output: [], usage, error });
    return typed('response.failed', number, `"response":${response}`);
}
