// The usual requests of the tests.

export const messages = [{ role: 'user', content: 'Say hello.' }];

/** A chat request's body; `more` adds or overrides members (undefined = left out). */
export function chat(more = {}) {
    return JSON.stringify({ model: 'gpt-4o-mini', messages, ...more });
}

export const streamed = { stream: true };
/** A streamed chat whose caller did not ask for usage, and one whose caller did. */
export const chatStream = chat(streamed);
export const chatStreamUsage = chat({ stream: true, stream_options: { include_usage: true } });

/** The body of a request for a response. */
export function respond(more = {}) {
    return JSON.stringify({ model: 'gpt-4o-mini', input: 'Say hello.', ...more });
}

export const respondStream = respond(streamed);
