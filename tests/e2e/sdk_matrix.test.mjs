// X2: what each official SDK raises or returns in 35 ways a call can go, how often it calls, what is paid.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { data, event, events, fault, hang, hangUp, J1, raw, reply, S1, S1u, stream, told } from './lib/answers.mjs';
import { secretOf } from './lib/fixture.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { Proxy } from './lib/proxy.mjs';
import { eachSdk, nodeSdks, pythonSdks } from './lib/sdk.mjs';

const provider = { first_byte_timeout: '300ms', whole_timeout: '900ms', idle_timeout: '300ms' };
const s = await scene({ after, name: 'sdk_matrix' }, { provider, fixture: ['K4', 'K6', 'K7', 'KE'] });
const { gw, M1, M2 } = s;
const proxy = await Proxy.start({ after }, gw);

// Each SDK is a user of its own, so that what each has paid is known though they work side by side.
const userOf = (sdk) => sdk.name.replaceAll('.', '-');
const keyOf = (sdk) => `sk-${userOf(sdk)}-0000000000`;
for (const sdk of [...nodeSdks, ...pythonSdks]) {
    await gw.cli(['user', 'add', userOf(sdk), '--credit', '1']);
    await gw.cli(['key', 'create', userOf(sdk), '--secret-stdin'], { input: `${keyOf(sdk)}\n` });
}

async function spentByUser() {
    await gw.settled();
    const users = await gw.cli(['user', 'list']);
    return Object.fromEntries(users.map((user) => [user.name, Math.round(unitsOf(user.spent))]));
}

const raised = (name, type) => (status, reason, calls) => ({ class: name, type, status, reason, calls });
const server = (reason, calls = 2) => raised('InternalServerError', 'server_error')(502, reason, calls);
const wrong = (reason) => raised('NotFoundError', 'invalid_request_error')(404, reason, 1);
const limited = (calls) => raised('RateLimitError', 'rate_limit_error')(429, 'upstream_rate_limited', calls);
const unknown = (reason) => raised('AuthenticationError', 'invalid_token')(401, reason, 1);
const denied = (type, reason) => raised('PermissionDeniedError', type)(403, reason, 1);
const broken = (reason) => ({ class: 'APIError', type: 'server_error', status: null, reason, calls: 1, paid: true });
const cut = {
    ...broken('upstream_disconnected'),
    message: 'Upstream provider closed the stream before it was complete',
};
const stalled = { ...broken('upstream_timeout'), message: 'Upstream provider stopped sending' };
const content = { content: 'Hi there', calls: 1, paid: 5 };

/** How many requests of each user were charged. */
async function chargesByUser() {
    const counts = {};
    for (const row of await gw.cli(['usage', 'tail', '--limit', '1000'])) {
        if (row.charge !== '0.000000000') counts[row.user] = (counts[row.user] ?? 0) + 1;
    }
    return counts;
}

/** What the SDK's message holds, by the error's reason. */
const messages = {
    upstream_error: 'Upstream provider failed',
    upstream_overloaded: 'Upstream provider failed',
    upstream_rate_limited: 'Upstream provider is rate limiting; retry later',
    upstream_disconnected: 'Upstream provider closed the connection',
    upstream_timeout: 'Upstream provider did not answer in time',
    upstream_invalid_response: 'Upstream provider returned an invalid response',
    invalid_parameter: 'x is wrong',
    context_length_exceeded: 'x is wrong (context_length_exceeded)',
    prompt_blocked: 'x is wrong',
    unknown_token: 'Invalid token',
    token_disabled: 'Token is disabled',
    insufficient_balance: 'Insufficient balance: ',
    token_quota_exhausted: 'Token quota exhausted: ',
    endpoint_not_permitted: "Group 'nochat' has no permission for endpoint 'chat'",
};

const json = reply(J1);
const begun = events(data.role, data.hi);
const bad = (code) => fault(400, { message: 'x is wrong', type: 'invalid_request_error', param: 'x', code });
const failing = (status, headers) => fault(status, { message: 'oops' }, headers);
const stalls = told(async ({ exchange, send }) => {
    await send(begun);
    await exchange.closed;
});
const inStream = stream(events(data.role) + event('{"error":{"message":"x","type":"server_error"}}'));

/** name: [what P1 says, what P2 says (null: the same), what the SDK tells, its operation, the key] */
const scenarios = {
    'an answer': [json, null, content],
    'a stream': [stream(S1u), null, content, 'stream'],
    'a stream without usage': [stream(S1), null, { ...content, paid: true }, 'stream'],
    'a finish_reason and no [DONE]': [stream(S1u.replace(event('[DONE]'), '')), null, content, 'stream'],
    'P1 500': [failing(500), json, content],
    'P1 503': [failing(503), json, content],
    'P1 429': [failing(429, { 'Retry-After': 7 }), json, content],
    'P1 401': [failing(401), json, content],
    'P1 reset': [hangUp('rst'), json, content],
    'P1 silent': [hang(), json, content],
    'P1 cut JSON': [reply(J1.slice(0, 80)), json, content],
    'P1 500, streamed': [failing(500), stream(S1u), content, 'stream'],
    'P1 silent, streamed': [hang(), stream(S1u), content, 'stream'],
    'P1 500, P2 400': [failing(500), bad(null), wrong('invalid_parameter')],
    500: [failing(500), null, server('upstream_error')],
    503: [failing(503), null, server('upstream_overloaded')],
    '500, streamed': [failing(500), null, server('upstream_error'), 'stream'],
    '429, soon': [failing(429, { 'Retry-After': 1 }), null, limited(2)],
    '429, late': [failing(429, { 'Retry-After': 90 }), null, limited(1)],
    'closed without an answer': [hangUp(), null, server('upstream_disconnected')],
    silent: [hang(), null, server('upstream_timeout')],
    'cut JSON': [reply(J1.slice(0, 80)), null, server('upstream_invalid_response')],
    'no HTTP': [raw('rubbish\r\n\r\n', 'fin'), null, server('upstream_invalid_response')],
    'an error in a 200': [reply('{"error":{"message":"x","code":"server_error"}}'), null, server('upstream_error')],
    'a parameter': [bad(null), null, wrong('invalid_parameter')],
    'too long a context': [bad('context_length_exceeded'), null, wrong('context_length_exceeded')],
    'a content filter': [bad('content_filter'), null, server('prompt_blocked', 1)],
    'a stream cut': [stream(begun, 'rst'), null, cut, 'stream'],
    'a stream that stalls': [stalls, null, stalled, 'stream'],
    'an error event': [inStream, json, { ...broken(null), code: null, message: 'x' }, 'stream'],
    'an unknown key': [json, null, unknown('unknown_token'), 'chat', 'sk-bad'],
    'a disabled key': [json, null, unknown('token_disabled'), 'chat', secretOf.K4],
    'no money': [json, null, denied('insufficient_quota', 'insufficient_balance'), 'chat', secretOf.K6],
    'a spent key': [json, null, denied('insufficient_quota', 'token_quota_exhausted'), 'chat', secretOf.K7],
    'an endpoint not allowed': [json, null, denied('insufficient_quota', 'endpoint_not_permitted'), 'chat', secretOf.KE],
};

function outcomeIs(sdk, outcome, want) {
    const { error, calls } = outcome;
    const telling = JSON.stringify(outcome);
    assert.equal(calls, want.calls, telling);
    if (want.content) return assert.equal(outcome.content, want.content, telling);
    assert.equal(error?.api, true, telling);
    assert.equal(error.connection, false, telling);
    assert.ok(error.message.includes(want.message ?? messages[want.reason]), telling);
    assert.equal(error.class, want.class, telling);
    assert.equal(error.status, want.status, telling);
    assert.equal(error.type, want.type, telling);
    assert.equal(error.code, want.code === null ? null : sdk.codeOf(want.status ?? 502), telling);
    assert.equal(error.reason, want.reason, telling);
}

test('X2 the matrix of SDKs', async (t) => {
    assert.equal(Object.keys(scenarios).length, 35);
    let [before, earlier] = [await spentByUser(), await chargesByUser()];
    for (const [name, [first, second, want, operation = 'chat', key]] of Object.entries(scenarios)) {
        await t.test(`X2 ${name}`, { concurrency: true }, async (st) => {
            M1.reset().always(first);
            M2.reset().always(second ?? first);
            await eachSdk(st, `X2 ${name}:`, async (sdk) => {
                const asked = proxy.callsOf(sdk);
                const outcome = await sdk.run(operation, { url: proxy.url, retries: 1, key: key ?? keyOf(sdk) });
                outcomeIs(sdk, { ...outcome, calls: proxy.callsOf(sdk) - asked }, want);
            });
            const [now, charges] = [await spentByUser(), await chargesByUser()];
            for (const sdk of [...nodeSdks, ...pythonSdks].filter(({ missing }) => !missing)) {
                const paid = now[userOf(sdk)] - before[userOf(sdk)];
                if (want.paid === true) assert.ok(paid > 0 && paid < 50, `${sdk.name} paid ${paid}`);
                else assert.equal(paid, want.paid ?? 0, `${sdk.name} paid`);
                const times = (charges[userOf(sdk)] ?? 0) - (earlier[userOf(sdk)] ?? 0);
                assert.equal(times, want.paid ? 1 : 0, `${sdk.name} was charged ${times} times`);
            }
            [before, earlier] = [now, charges];
        });
    }
});
