// Asserts in the contract's notation.

import assert from 'node:assert/strict';

/** E(status, type, reason). */
export function errorIs(response, status, type, reason, also = {}) {
    const told = `${response.startLine} ${response.text.slice(0, 400)}`;
    assert.equal(response.complete, true, `a whole answer: ${told}`);
    assert.equal(response.status, status, told);
    assert.match(response.header('content-type') ?? '', /^application\/json\b/, told);
    assert.equal(Number(response.header('content-length')), response.body.length, told);
    const { error } = response.json;
    assert.deepEqual(Object.keys(error).slice(0, 3), ['message', 'type', 'code'], told);
    assert.equal(error.type, type, told);
    assert.equal(error.code, status, told);
    assert.equal(error.reason, reason, told);
    assert.ok(typeof error.message === 'string' && error.message.length > 0, told);
    assert.doesNotMatch(error.message, /[\r\n]/, told);
    if (status !== 429) assert.doesNotMatch(error.message, /rate limit/i, told);
    assert.ok('param' in error, `error.param is there: ${told}`);
    assert.match(error.request_id ?? '', /^req_[0-9a-z]{13}$/, told);
    assert.deepEqual(response.all('x-request-id'), [error.request_id], told);
    if (status === 401) assert.equal(response.header('www-authenticate'), 'Bearer', told);
    for (const [name, value] of Object.entries(also)) {
        if (value instanceof RegExp) assert.match(String(error[name]), value, told);
        else assert.deepEqual(error[name], value, told);
    }
    return error;
}

/** 200 with exactly these bytes. */
export function bodyIs(response, bytes) {
    const told = `${response.startLine} ${response.text.slice(0, 400)}`;
    assert.equal(response.status, 200, told);
    assert.equal(response.complete, true, `a whole answer, not cut: ${told}`);
    const want = Buffer.from(bytes);
    if (!response.body.equals(want)) assert.equal(response.text, want.toString());
    assert.ok(response.body.equals(want), 'the same bytes');
    assert.equal(response.all('x-request-id').length, 1);
    return response;
}

/** The data texts of an event stream that the gateway sent (LF, `data: `). */
export function dataOf(text) {
    return text
        .split('\n\n')
        .filter((block) => block !== '')
        .map((block) => block.replace(/^data: /, ''));
}

/** A committed stream: `bytes`, then one error event of the gateway, a clean end, no [DONE]. */
export function streamErrorIs(response, bytes, reason) {
    assert.equal(response.status, 200);
    assert.equal(response.complete, true, `clean end: ${response.text}`);
    const text = response.text;
    assert.equal(text.slice(0, bytes.length), bytes.toString());
    const rest = text.slice(bytes.length);
    assert.match(rest, /^data: \{.*\}\n\n$/, 'one event and no more');
    const { error } = JSON.parse(rest.slice(6));
    assert.deepEqual(Object.keys(error).slice(0, 3), ['message', 'type', 'code']);
    assert.equal(error.type, 'server_error');
    assert.equal(error.code, 502);
    assert.equal(error.reason, reason);
    assert.ok('param' in error);
    assert.equal(error.request_id, response.header('x-request-id'));
    return error;
}

/** The same where errors are typed events: responses (with their number), images and audio. */
export function typedErrorIs(response, bytes, { number, message } = {}) {
    assert.equal(response.status, 200);
    assert.equal(response.complete, true, `clean end: ${response.text}`);
    const text = response.text;
    assert.equal(text.slice(0, bytes.length), bytes.toString());
    const rest = text.slice(bytes.length);
    assert.match(rest, /^event: error\ndata: \{.*\}\n\n$/, 'one event and no more');
    const event = JSON.parse(rest.slice(rest.indexOf('{')));
    const flat = { code: '502', message: event.message, param: null };
    const want = { type: 'error', ...flat, error: { type: 'server_error', ...flat } };
    if (number !== undefined) want.sequence_number = number;
    assert.deepEqual(event, want);
    if (message) assert.match(event.message, message);
    return event;
}

/** Charged nothing, held nothing. */
export async function released(s, response) {
    const entry = await s.gw.row(response);
    assert.equal(entry.charge, '0.000000000');
    assert.equal(await s.gw.spent(), 0);
    return entry;
}
