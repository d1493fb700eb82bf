// U16, U17: a POST is submitted once for each attempt that the books have, also when the upstream
// dies under it or its pooled connection was closed meanwhile.  The upstream counts.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, test } from 'node:test';
import { hangUp, J1, reply, S1, stream } from './lib/answers.mjs';
import { bodyIs, errorIs } from './lib/expect.mjs';
import { scene } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { chat, chatStream } from './lib/requests.mjs';
import { video, videoModels } from './lib/videos.mjs';
import { eventually } from './lib/wait.mjs';

// One loop: each has connections of its own.
const options = { server: { workers: 1 }, models: videoModels };
const s = await scene({ after, name: 'submissions' }, options);
const { gw, M1, M2 } = s;

const pictures = '{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}]}';
const kinds = {
    'a chat': { request: { body: chat() }, good: reply(J1), text: J1 },
    'a stream': { request: { body: chatStream }, good: stream(S1), text: S1 },
    'an image': {
        request: {
            path: '/v1/images/generations',
            body: JSON.stringify({ model: 'gpt-image-1', prompt: 'a cat' }),
        },
        good: reply(pictures),
        text: pictures,
        isPaidCreate: true,
    },
    'a video': {
        request: { path: '/v1/videos', body: JSON.stringify(video({ model: 'only-one', seconds: 8 })) },
        isPaidCreate: true,
    },
};

/** Leaves one idle connection to P1; gives its last exchange. */
async function warm() {
    s.reset();
    M1.once(reply(J1));
    bodyIs(await call(gw, { body: chat() }), J1);
    const exchange = M1.exchanges.at(-1);
    M1.reset();
    return exchange;
}

async function submissionsAre(response, { first, second = 0 }) {
    const row = await gw.row(response);
    assert.deepEqual([M1.count, M2.count], [first, second]);
    assert.equal(row.attempts, first + second, 'each submission is an attempt of the books');
    return row;
}

test('U16 an upstream that dies with a POST it has read', async (t) => {
    for (const [name, { request, good, text, isPaidCreate }] of Object.entries(kinds)) {
        for (const how of ['fin', 'rst']) {
            await t.test(`U16 ${name}, ${how}`, async () => {
                const { request: before } = await warm();
                if (isPaidCreate) {
                    M1.once(hangUp(how));
                    const response = await call(gw, request);
                    errorIs(response, 502, 'server_error', 'upstream_disconnected');
                    const row = await submissionsAre(response, { first: 1 });
                    assert.notEqual(M1.requests[0].connection, before.connection);
                    assert.equal(row.charge, '0.000000000');
                    return;
                }
                M1.once(hangUp(how), good);
                const response = bodyIs(await call(gw, request), text);
                await submissionsAre(response, { first: 2 });
                assert.equal(M1.requests[0].connection, before.connection, 'the first was pooled');
            });
            if (isPaidCreate) continue;
            await t.test(`U16 ${name}, ${how}, and again`, async () => {
                await warm();
                M1.always(hangUp(how));
                M2.once(good);
                const response = bodyIs(await call(gw, request), text);
                await submissionsAre(response, { first: 2, second: 1 });
            });
        }
    }
});

function isStopped(pid) {
    const tasks = `/proc/${pid}/task`;
    const stateOf = (id) => fs.readFileSync(`${tasks}/${id}/stat`, 'latin1').split(') ')[1][0];
    return fs.readdirSync(tasks).every((id) => stateOf(id) === 'T');
}

test('U17 a pooled connection that is closed in the moment of the POST', async (t) => {
    for (const [name, { request, good = reply('{"id":"up-1"}'), text }] of Object.entries(kinds)) {
        for (const how of ['fin', 'rst']) {
            await t.test(`U17 ${name}, ${how}`, async () => {
                const exchange = await warm();
                M1.once(good);
                const client = await RawClient.connect(gw);
                // Its next turn finds both: the request, and the end of the connection.
                gw.signal('SIGSTOP');
                try {
                    await eventually(() => isStopped(gw.child.pid), 'the stop of all its threads');
                    await client.write(requestBytes(request));
                    const over = new Promise((resolve) => {
                        exchange.wire.once(how === 'fin' ? 'finish' : 'close', resolve);
                    });
                    exchange[how]();
                    await over;
                } finally {
                    gw.signal('SIGCONT');
                }
                const response = await client.response();
                client.close();
                assert.equal(response.status, 200, response.text);
                if (text) bodyIs(response, text);
                await submissionsAre(response, { first: 1 });
            });
        }
    }
});
