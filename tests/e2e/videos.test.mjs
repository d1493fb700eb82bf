// V: the making of video tasks: what goes to the provider, what the caller gets, what it costs, and
// that nothing is made twice.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, test } from 'node:test';
import { fault, hang, hangUp, raw, reply } from './lib/answers.mjs';
import { errorIs } from './lib/expect.mjs';
import { filePart, form, formType, textPart } from './lib/form.mjs';
import { secretOf } from './lib/fixture.mjs';
import { scene, unitsOf } from './lib/gateway.mjs';
import { call, RawClient, requestBytes } from './lib/raw.mjs';
import { refusedPort } from './lib/upstream.mjs';
import { callers, onDemand, taskOf, video, videoModels, VideoProvider } from './lib/videos.mjs';
import { eventually } from './lib/wait.mjs';

const nowhere = await refusedPort();
const s = await scene(
    { after, name: 'videos' },
    {
        video: onDemand,
        fixture: ['K1', 'K1b', 'K2', 'K6'],
        provider: { whole_timeout: '2s' },
        providers: { P0: { base_url: `http://127.0.0.1:${nowhere}/v1` } },
        models: {
            ...videoModels,
            refused: {
                endpoints: 'video',
                offer: ['P0/up priority=1', 'P2/video-b priority=2'],
                price: 'video_ms 0.0001 per second',
            },
        },
    },
);
const { gw, M1, M2, reset } = s;
const path = '/v1/videos';
const { create, get, list } = callers(gw);
let provider;

function fresh() {
    reset();
    provider = new VideoProvider(M1);
}

/** How many callers the gateway has seen leave; waits for one more. */
const departures = () => gw.log.filter((line) => line.includes('fault CLIENT_CLOSED')).length;
const noticed = (before) => gw.changes.until(() => departures() > before, 'the caller has left');

/** The task's row, as the operator sees it. */
const taskRow = (id) => gw.cli(['task', 'show', id]);

const pageBodies = [
    '{\n"model": "video-ds-2.0-fast",\n"prompt": "A cinematic 9:16 video of a cat running through warm sunlight",\n"seconds": 15,\n"aspect_ratio": "9:16"\n}',
    '{\n"model": "video-ds-2.0-fast",\n"prompt": "Use the reference image style and create a smooth product video",\n"seconds": 15,\n"aspect_ratio": "9:16",\n"images": ["https://example.com/input.png"],\n"videos": ["https://example.com/input.mp4"],\n"audios": ["https://example.com/input.mp3"]\n}',
    '{"model":"video-ds-2.0-fast","prompt":"A smooth commercial video of a perfume bottle on glass","seconds":15,"aspect_ratio":"9:16"}',
];

for (const [i, body] of pageBodies.entries()) {
    test(`V1 the page's create ${i + 1}: only the model changes, a task of ours comes back`, async () => {
        fresh();
        const before = await gw.spent();
        const response = await create(body);
        const task = taskOf(response);
        assert.equal(task.status, 'queued');
        assert.equal(task.progress, 0);
        assert.equal(task.seconds, '15');
        assert.equal(task.aspect_ratio, '9:16');
        assert.equal(task.model, 'video-ds-2.0-fast');
        assert.equal(task.prompt, JSON.parse(body).prompt);
        for (const name of ['completed_at', 'expires_at', 'size', 'remixed_from_video_id', 'error']) {
            assert.equal(task[name], null, name);
        }
        assert.equal(M1.last.target, path);
        assert.equal(M1.last.body.toString(), body.replace('"video-ds-2.0-fast"', '"up-video"'));
        assert.doesNotMatch(response.text, /up_1|up-video/);
        const row = await gw.row(response);
        assert.equal(row.charge, '0.001500000');
        assert.equal(row.hold, '0.001500000');
        assert.equal(row.endpoint, 'video');
        assert.equal(await gw.spent(), before + 1500);
        assert.equal((await taskRow(task.id)).upstream_id, 'up_1');
    });
}

test('V2 a form of the SDKs: its parts go on as they came', async () => {
    fresh();
    const parts = (model) => [
        textPart('model', model),
        textPart('prompt', '猫 "runs"'),
        textPart('seconds', '8'),
        textPart('size', '720x1280'),
        textPart('aspect_ratio', '21:9'),
        filePart('input_reference', Buffer.from([0, 13, 10, 255]), { type: 'image/png' }),
    ];
    const response = await create(form(...parts('sized')), { headers: { 'Content-Type': formType } });
    const task = taskOf(response);
    assert.equal(task.prompt, '猫 "runs"');
    assert.equal(task.seconds, '8');
    assert.equal(task.size, '720x1280');
    assert.equal(task.aspect_ratio, '21:9');
    assert.ok(M1.last.body.equals(form(...parts('up-sized'))));
    assert.equal((await gw.row(response)).charge, '0.000800000');
});

test('V2 seconds as a number, a text, by the name duration, or not at all', async () => {
    for (const [more, seconds] of [
        [{ seconds: 4 }, '4'],
        [{ seconds: '12' }, '12'],
        [{ seconds: undefined, duration: 5 }, '5'],
        [{ seconds: 4, duration: 9 }, '9'],
        [{ seconds: undefined }, '8'],
        [{ seconds: null }, '8'],
    ]) {
        fresh();
        const response = await create(video({ model: 'only-one', ...more }));
        assert.equal(taskOf(response).seconds, seconds);
        assert.equal(unitsOf((await gw.row(response)).charge), Number(seconds) * 100);
    }
});

test('V2 a size has its own price; one without a price is refused', async () => {
    fresh();
    const big = await create(video({ model: 'sized', size: '1792x1024', seconds: 10 }));
    assert.equal((await gw.row(big)).charge, '0.003000000');
    const unsaid = await create(video({ model: 'sized', seconds: 10 }));
    assert.equal((await gw.row(unsaid)).charge, '0.003000000', 'the dearest');
    errorIs(await create(video({ model: 'sized', size: '1x1' })), 404, 'invalid_request_error', 'invalid_value', {
        param: 'size',
    });
    assert.equal(provider.creates, 2);
});

test('B7 quantities out of range, and a prompt that is missing: refused, nothing sent', async () => {
    fresh();
    for (const [more, reason, param] of [
        [{ seconds: -1 }, 'invalid_value', 'seconds'],
        [{ seconds: 0 }, 'invalid_value', 'seconds'],
        [{ seconds: 3601 }, 'invalid_value', 'seconds'],
        [{ seconds: 1.5 }, 'invalid_value', 'seconds'],
        [{ seconds: 'abc' }, 'invalid_value', 'seconds'],
        [{ seconds: '' }, 'invalid_value', 'seconds'],
        [{ seconds: true }, 'invalid_type', 'seconds'],
        [{ duration: '0' }, 'invalid_value', 'duration'],
        [{ n: 2 }, 'invalid_value', 'n'],
        [{ size: 7 }, 'invalid_type', 'size'],
        [{ prompt: undefined }, 'missing_parameter', 'prompt'],
        [{ prompt: '' }, 'missing_parameter', 'prompt'],
        [{ prompt: 7 }, 'invalid_type', 'prompt'],
        [{ model: undefined }, 'missing_parameter', 'model'],
    ]) {
        errorIs(await create(video(more)), 404, 'invalid_request_error', reason, { param });
    }
    errorIs(await create(video({ model: 'nope' })), 404, 'invalid_request_error', 'model_not_found');
    errorIs(await create(video({ model: 'gpt-4o' })), 404, 'invalid_request_error', 'endpoint_not_supported');
    errorIs(await create(video(), { key: secretOf.K6 }), 403, 'insufficient_quota', 'insufficient_balance');
    errorIs(await create(video(), { key: secretOf.K2 }), 403, 'insufficient_quota', 'model_not_permitted');
    assert.equal(M1.count, 0);
});

test("V10 a provider that refuses, limits, or is the operator's trouble: the next one makes it", async () => {
    for (const [model, first] of [
        ['refused', null],
        ['video-ds-2.0-fast', fault(429, { message: 'slow down' })],
        ['video-ds-2.0-fast', fault(401, { message: 'bad key' })],
        ['video-ds-2.0-fast', reply('not found', { status: 404, type: 'text/plain' })],
    ]) {
        reset();
        if (first) M1.once(first);
        const other = new VideoProvider(M2, 'b');
        const response = await create(video({ model }));
        const task = taskOf(response);
        assert.equal(other.creates, 1);
        const row = await taskRow(task.id);
        assert.equal(row.provider, 'P2');
        assert.equal(row.upstream_id, 'b_1');
        assert.equal((await gw.row(response)).attempts, 2);
    }
});

const ambiguous = [
    ['never answers', hang(), 'upstream_timeout'],
    ['hangs up', hangUp(), 'upstream_disconnected'],
    ['fails', fault(500, { message: 'oops' }), 'upstream_error'],
    ['is overloaded', fault(503, { message: 'later' }), 'upstream_overloaded'],
    ['says yes without an id', reply('{"status":"queued"}'), 'upstream_empty_result'],
    ['says yes with an id of 10 KB', reply(`{"id":"${'x'.repeat(10240)}"}`), 'upstream_empty_result'],
    ['says yes in HTML', reply('<html>ok</html>', { type: 'text/html' }), 'upstream_invalid_response'],
    ['says yes with an id, and that nobody has paid', reply('{"id":"up_1","error":{"message":"insufficient balance"}}'), 'upstream_unavailable'],
    ['fails, of what is unpaid', fault(500, { message: 'the account is unpaid', code: 'access_denied' }), 'upstream_unavailable'],
    ['sends to its result', reply('', { status: 303, type: null, headers: { Location: '/v1/videos/up_1' } }), 'upstream_misconfigured'],
    ['is cut within its yes', raw('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"id":"up_', 'fin'), 'upstream_disconnected'],
];

for (const [what, answer, reason] of ambiguous) {
    test(`V11 a provider that takes the request and ${what}: told, charged nothing, never sent again`, async () => {
        reset();
        M1.once(answer);
        const before = await gw.spent();
        const response = await create();
        const error = errorIs(response, 502, 'server_error', reason);
        assert.equal(response.header('x-should-retry'), 'false');
        assert.equal(M1.count, 1);
        assert.equal(M2.count, 0);
        assert.equal((await gw.row(response)).charge, '0.000000000');
        assert.equal(await gw.spent(), before);
        // It may have been made: its caller can look at what is known of it, the operator at all.
        const task = taskOf(await get(error.task_id));
        assert.equal(task.status, 'failed');
        assert.equal(task.error.code, 'upstream_error');
        assert.equal((await taskRow(task.id)).state, 'unknown');
    });
}

test('V11 a mistake of the caller, told by the provider: 404 with its sentence, and no task', async () => {
    reset();
    M1.once(fault(400, { message: 'too many images: at most 4', type: 'invalid_request_error' }));
    const before = (await list()).json.data.length;
    const response = await create(video({ images: ['a', 'b', 'c', 'd', 'e'] }));
    const error = errorIs(response, 404, 'invalid_request_error', 'invalid_parameter');
    assert.match(error.message, /too many images: at most 4/);
    assert.ok(!('task_id' in error));
    reset();
    M1.once(fault(400, { message: 'content policy violation', code: 'content_policy_violation' }));
    errorIs(await create(), 502, 'server_error', 'prompt_blocked');
    assert.equal(M1.count + M2.count, 1);
    assert.equal((await list()).json.data.length, before);
});

test('V11 a caller that leaves while the provider thinks: the task is made, charged and listed', async () => {
    fresh();
    const before = await gw.spent();
    let answer;
    M1.once((exchange) => new Promise((resolve) => (answer = () => resolve(reply('{"id":"up_gone"}')(exchange)))));
    const client = await RawClient.open(gw, { path, body: JSON.stringify(video({ prompt: 'left' })) });
    await M1.request();
    const closed = departures();
    client.socket.destroy();
    await noticed(closed);
    answer();
    const task = await eventually(async () => (await list('?limit=1')).json.data.find((one) => one.prompt === 'left'), 'the task');
    assert.equal(task.status, 'queued');
    assert.equal(await gw.spent(), before + 1500);
});

test('V11 a caller that leaves, and a provider that then limits: no other is asked, nothing remains', async () => {
    reset();
    const before = (await list()).json.data.length;
    let answer;
    M1.once((exchange) => new Promise((resolve) => (answer = () => resolve(fault(429, { message: 'no' })(exchange)))));
    const client = await RawClient.open(gw, { path, body: JSON.stringify(video()) });
    await M1.request();
    const closed = departures();
    client.socket.destroy();
    await noticed(closed);
    answer();
    await gw.settled();
    assert.equal((await list()).json.data.length, before);
});

test('V15 Idempotency-Key: the same body gives the same task, another body is refused', async () => {
    fresh();
    const headers = { 'Idempotency-Key': 'k-1' };
    const before = await gw.spent();
    const first = taskOf(await create(video(), { headers }));
    const again = taskOf(await create(video(), { headers }));
    assert.equal(again.id, first.id);
    errorIs(await create(video({ prompt: 'other' }), { headers }), 404, 'invalid_request_error', 'invalid_value');
    const other = taskOf(await create(video(), { headers: { 'Idempotency-Key': 'k-2' } }));
    assert.notEqual(other.id, first.id);
    assert.equal(provider.creates, 2);
    assert.equal(await gw.spent(), before + 3000);
    assert.doesNotMatch(M1.requests[0].head.toString(), /k-1/, 'users of one account do not collide');
    errorIs(await create(video(), { headers: { 'Idempotency-Key': 'k'.repeat(256) } }), 404, 'invalid_request_error', 'invalid_value');
});

test('V15 while the first is on its way, and after one that nobody knows the end of: never sent again', async () => {
    fresh();
    const headers = { 'Idempotency-Key': 'k-way' };
    let answer;
    M1.once((exchange) => new Promise((resolve) => (answer = () => resolve(reply('{"id":"up_way"}')(exchange)))));
    const first = create(video(), { headers });
    await M1.request();
    const meanwhile = taskOf(await create(video(), { headers }));
    assert.equal(meanwhile.status, 'queued');
    answer();
    assert.equal(taskOf(await first).id, meanwhile.id);
    assert.equal(provider.upstream.count, 1);
    reset();
    M1.once(hangUp());
    const lost = { 'Idempotency-Key': 'k-lost' };
    errorIs(await create(video(), { headers: lost }), 502, 'server_error', 'upstream_disconnected');
    // What has become of it is committed behind the answer, which costs nothing.
    const ended = async () => taskOf(await create(video(), { headers: lost })).status === 'failed';
    await eventually(ended, 'the lost one is told as failed');
    assert.equal(M1.count, 1);
});

test('V15 when the money, the model or its provider is gone since: the task all the same, and nothing new', async (t) => {
    const one = await scene(t, { video: onDemand, fixture: ['K1', 'K2'], models: videoModels });
    const made = new VideoProvider(one.M1);
    const ask = callers(one.gw);
    const headers = { 'Idempotency-Key': 'k-poor' };
    const first = taskOf(await ask.create(video(), { headers }));
    made.tell('{"status":"completed"}');
    await ask.until(first.id, 'completed');
    const remix = (key) => call(one.gw, { path: `/v1/videos/${first.id}/remix`, body: '{"prompt":"blue"}', headers: key });
    const second = taskOf(await remix({ 'Idempotency-Key': 'k-remix' }));
    await one.gw.cli(['user', 'credit', 'u1', '-0.997']);
    errorIs(await ask.create(), 403, 'insufficient_quota', 'insufficient_balance');
    const again = await ask.create(video(), { headers });
    assert.equal(taskOf(again).id, first.id);
    assert.equal(taskOf(again).status, 'completed', 'as it is now');
    assert.equal((await one.gw.row(again)).charge, '0.000000000');
    assert.equal(taskOf(await remix({ 'Idempotency-Key': 'k-remix' })).id, second.id);
    errorIs(await ask.create(video({ prompt: 'other' }), { headers }), 404, 'invalid_request_error', 'invalid_value');
    errorIs(await ask.create(video(), { headers: { 'Idempotency-Key': 'k-new' } }), 403, 'insufficient_quota', 'insufficient_balance');
    errorIs(await ask.create(video(), { headers, key: secretOf.K2 }), 403, 'insufficient_quota', 'model_not_permitted');
    await one.gw.cli(['user', 'credit', 'u1', '1']);
    fs.writeFileSync(one.gw.file, fs.readFileSync(one.gw.file, 'utf8').replaceAll('video-ds-2.0-fast', 'another'));
    await one.gw.cli(['reload']);
    errorIs(await ask.create(), 404, 'invalid_request_error', 'model_not_found');
    assert.equal(taskOf(await ask.create(video(), { headers })).id, first.id);
    assert.equal(made.creates, 2);
});

test('V15 a form comes again with another boundary: the same task', async () => {
    fresh();
    const body = form(textPart('model', 'only-one'), textPart('prompt', 'a cat'));
    const other = Buffer.from(body.toString().replaceAll('--b1', '--other'));
    const ask = (bytes, boundary) =>
        create(bytes, {
            headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}`, 'Idempotency-Key': 'k-form' },
        });
    const first = taskOf(await ask(body, 'b1'));
    assert.equal(taskOf(await ask(other, 'other')).id, first.id);
    assert.equal(provider.creates, 1);
});

test('V15 what was refused is forgotten: the key can be used again', async () => {
    reset();
    const headers = { 'Idempotency-Key': 'k-refused' };
    M1.once(fault(400, { message: 'bad', type: 'invalid_request_error' }));
    errorIs(await create(video(), { headers }), 404, 'invalid_request_error', 'invalid_parameter');
    provider = new VideoProvider(M1);
    taskOf(await create(video({ prompt: 'better' }), { headers }));
});

test('V15 a task that is there is told, though its prompt has been blocked since', async (t) => {
    const options = { video: onDemand, server: { blocked_memory: '60s' }, models: videoModels };
    const e = await scene(t, options);
    const { create: make } = callers(e.gw);
    const headers = { 'Idempotency-Key': 'k-there' };
    new VideoProvider(e.M1);
    const first = taskOf(await make(video(), { headers }));
    e.M1.once(fault(400, { message: 'No', code: 'content_filter' }));
    errorIs(await make(video()), 502, 'server_error', 'prompt_blocked');
    errorIs(await make(video()), 502, 'server_error', 'prompt_blocked');
    assert.equal(taskOf(await make(video(), { headers })).id, first.id);
    assert.equal(e.M1.requests.filter(({ method }) => method === 'POST').length, 2);
});

test('V1 the older path: the same task, told in its own form', async () => {
    fresh();
    const older = '/v1/video/generations';
    const response = await call(gw, { path: older, body: JSON.stringify(video({ seconds: undefined, duration: 5 })) });
    assert.equal(response.status, 200, response.text);
    const { task_id: id, ...rest } = response.json;
    assert.deepEqual(rest, { status: 'queued', progress: 0, url: null, format: null, error: null });
    assert.equal(M1.last.target, path);
    assert.equal((await gw.row(response)).charge, '0.000500000');
    assert.equal(taskOf(await get(id)).seconds, '5');
    const told = await call(gw, { method: 'GET', path: `${older}/${id}` });
    assert.equal(told.json.task_id, id);
});
