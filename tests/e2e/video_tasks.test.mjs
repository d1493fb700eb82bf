// V: the lives of video tasks: what providers say of them, what callers are told, and what goes back.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fault, hangUp, raw, reply } from './lib/answers.mjs';
import { errorIs } from './lib/expect.mjs';
import { formType, textPart } from './lib/form.mjs';
import { secretOf } from './lib/fixture.mjs';
import { scene } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { callers, onDemand, soon, taskOf, video, videoModels, VideoProvider } from './lib/videos.mjs';
import { eventually } from './lib/wait.mjs';

const own = { models: videoModels, fixture: ['K1', 'K1b', 'K2'] };
const s = await scene({ after, name: 'video-tasks' }, { ...own, video: onDemand });
const { gw, M1, reset } = s;
const { create, get, list, remove, until } = callers(gw);
const taskRow = (id) => gw.cli(['task', 'show', id]);

/** A new task, whose provider answers so from now on. */
async function made(answer, body = video()) {
    reset();
    const provider = new VideoProvider(M1).tell(answer);
    return { provider, id: taskOf(await create(body)).id, before: await gw.spent() };
}

const says = (status, more = {}) => JSON.stringify({ id: 'up_1', status, ...more });

/** Asks until the provider was asked n times more, and what it said is known. */
async function heard(provider, id, n = 1) {
    const polls = provider.polls + n;
    await eventually(async () => {
        await get(id);
        return provider.polls >= polls;
    }, `${n} polls`);
    const row = await taskRow(id);
    await eventually(async () => {
        await get(id);
        return provider.polls > polls;
    }, 'one more');
    return row;
}

const vocabularies = [
    ['OpenAI', [says('queued'), says('in_progress', { progress: 33 }), says('completed', { progress: 100 })]],
    [
        'new-api',
        [
            '{"code":"success","data":{"task_id":"x","status":"NOT_START","progress":"0%"}}',
            '{"code":"success","data":{"task_id":"x","status":"IN_PROGRESS","progress":"40%"}}',
            '{"code":"success","data":{"task_id":"x","status":"SUCCESS","progress":"100%","result_url":"https://r/x.mp4"}}',
        ],
    ],
    [
        'Ark',
        [
            '{"id":"x","status":"queued"}',
            '{"id":"x","status":"running"}',
            '{"id":"x","status":"succeeded","content":{"video_url":"https://r/x.mp4"},"usage":{"total_tokens":9}}',
        ],
    ],
    [
        'Kling',
        [
            '{"code":0,"data":{"task_id":"x","task_status":"submitted"}}',
            '{"code":0,"data":{"task_id":"x","task_status":"processing"}}',
            '{"code":0,"data":{"task_id":"x","task_status":"succeed","task_result":{"videos":[{"url":"https://r/x.mp4"}]}}}',
        ],
    ],
    [
        'DashScope',
        [
            '{"output":{"task_id":"x","task_status":"PENDING"}}',
            '{"output":{"task_id":"x","task_status":"RUNNING"}}',
            '{"output":{"task_id":"x","task_status":"SUCCEEDED","video_url":"https://r/x.mp4"},"usage":{"video_duration":15}}',
        ],
    ],
];

for (const [name, [queued, running, done]] of vocabularies) {
    test(`V3 ${name}: queued, in progress, completed, in the words of this API`, async () => {
        const { provider, id, before } = await made(queued);
        const first = await get(id);
        assert.equal(taskOf(first).status, 'queued');
        assert.equal(first.header('openai-poll-after-ms'), '5000');
        await heard(provider, id);
        assert.equal(taskOf(await get(id)).status, 'queued');
        provider.tell(running);
        const going = await until(id, 'in_progress');
        assert.ok(going.progress >= 1 && going.progress <= 99);
        provider.tell(done);
        const task = await until(id, 'completed');
        assert.equal(task.progress, 100);
        assert.ok(task.completed_at >= task.created_at);
        const last = await get(id);
        assert.equal(last.header('openai-poll-after-ms'), undefined);
        assert.doesNotMatch(last.text, /up_1|r\/x/, "nothing of the provider's");
        const polls = provider.polls;
        await get(id);
        await get(id);
        assert.equal(provider.polls, polls, 'what is over is not asked for');
        assert.equal(await gw.spent(), before);
    });
}

test('V3 a provider with places and words of its own, at a path of its own', async (t) => {
    const one = await scene(t, {
        ...own,
        video: onDemand,
        P1: {
            path: ['video /jobs/{model}', 'video_poll /jobs/{model}/{id}/state'],
            query: 'v=2',
            video: ['id job.uuid', 'status job.state', 'url job.files[].href', 'completed done', 'in_progress busy'],
        },
    });
    const ask = callers(one.gw);
    one.M1.once(reply('{"id":"wrong","job":{"uuid":"a/b c"}}'));
    const { id } = taskOf(await ask.create());
    assert.equal(one.M1.last.target, '/v1/jobs/up-video?v=2');
    const states = ['busy', 'done'].map((state) => reply(`{"status":"failed","job":{"state":"${state}"}}`));
    one.M1.once(states[0]).always(states[1]);
    await ask.until(id, 'completed');
    assert.equal(one.M1.last.target, '/v1/jobs/up-video/a%2Fb%20c/state?v=2');
    assert.equal(one.M1.last.header('authorization'), 'Bearer sk-provider-one');
});

test('V4 own tasks by any key of the user; others and odd ids are not there, and nothing is asked', async () => {
    const { provider, id } = await made(says('queued'));
    assert.equal(taskOf(await get(id, { key: secretOf.K1b })).id, id);
    const answers = [
        await get(id, { key: secretOf.K2 }),
        await get(`task_${'x'.repeat(32)}`),
        await get('x'),
        await get('%2e%2e'),
        await get('a/b'),
    ];
    const texts = answers.map((response) => {
        const { request_id: requestId } = errorIs(response, 404, 'invalid_request_error', 'task_not_found');
        return response.text.replaceAll(requestId, '');
    });
    assert.equal(new Set(texts).size, 1, 'all the same but for the request id');
    errorIs(await get('a%00b'), 404, 'invalid_request_error', 'unknown_path');
    assert.ok(provider.polls <= 1, 'only for its owner');
});

test("V4 another user's video, whatever is asked of it: word for word as one that never was, and nobody is asked", async () => {
    const { id } = await made(says('queued'));
    const done = await made(says('completed'));
    await until(done.id, 'completed');
    M1.requests = [];
    const never = `task_${'0'.repeat(32)}`;
    const path = (of, rest = '') => ({ path: `/v1/videos/${of}${rest}`, key: secretOf.K2 });
    const ways = {
        get: (of) => call(gw, { method: 'GET', ...path(of) }),
        older: (of) => call(gw, { method: 'GET', path: `/v1/video/generations/${of}`, key: secretOf.K2 }),
        content: (of) => call(gw, { method: 'GET', ...path(of, '/content') }),
        delete: (of) => call(gw, { method: 'DELETE', ...path(of) }),
        remix: (of) => call(gw, { body: { prompt: 'blue' }, ...path(of, '/remix') }),
        list: (of) => call(gw, { method: 'GET', path: `/v1/videos?after=${of}`, key: secretOf.K2 }),
    };
    for (const [way, ask] of Object.entries(ways)) {
        const texts = [];
        for (const of of [id, done.id, never]) {
            const response = await ask(of);
            const { request_id: requestId } = errorIs(response, 404, 'invalid_request_error', 'task_not_found');
            texts.push(response.text.replace(requestId, '').replaceAll(of, ''));
        }
        assert.equal(new Set(texts).size, 1, `${way}: ${texts}`);
    }
    assert.equal(M1.count, 0, 'nobody is asked');
    assert.equal(taskOf(await get(done.id)).status, 'completed');
});

for (const [what, code, message, told] of [
    ['blocked', 'content_policy_violation', 'The prompt was rejected by moderation', 'prompt_blocked'],
    ['failed', 'internal', 'GPU on fire at https://10.0.0.1/x?key=sk-abcdefghijklmnop', 'upstream_error'],
]) {
    test(`V9 ${what}: told, and given back once, whoever looks`, async () => {
        const { provider, id, before } = await made(says('queued'));
        provider.tell(says('failed', { error: { code, message } }));
        const looks = Array.from({ length: 8 }, (_, i) =>
            until(id, 'failed', i % 2 ? { key: secretOf.K1b } : {}),
        );
        const [task] = await Promise.all(looks);
        assert.equal(task.error.code, told);
        assert.equal(task.error.message.slice(0, 10), message.slice(0, 10));
        assert.doesNotMatch(task.error.message, /abcdefghijklmnop/);
        assert.equal(await gw.spent(), before - 1500);
        provider.tell(says('completed'));
        await get(id);
        assert.equal(taskOf(await get(id)).status, 'failed', 'it stays so');
        await gw.settled();
        assert.equal(await gw.spent(), before - 1500);
        assert.equal((await taskRow(id)).given_back, '0.001500000');
    });
}

test('V9 shorter than asked: the difference goes back; longer is a present', async () => {
    const short = await made(says('completed', { seconds: '10' }));
    await until(short.id, 'completed');
    assert.equal(await gw.spent(), short.before - 500);
    const long = await made(says('completed', { duration: 30 }));
    await until(long.id, 'completed');
    assert.equal(await gw.spent(), long.before);
});

const trouble = [
    ['a 404', fault(404, { message: 'no such task' })],
    ['a 500', fault(500, { message: 'oops' })],
    ['HTML', reply('<html>', { type: 'text/html' })],
    ['a word that nobody knows', reply(says('paused'))],
    ['no word', reply('{"id":"up_1"}')],
    ['a list', reply('[]')],
    ['half an object', reply('{"status":"failed"')],
    ['a failure with status 502', reply(says('failed'), { status: 502 })],
    ['a hang-up', hangUp()],
    ['bytes that are no HTTP', raw('nonsense\r\n\r\n', 'fin')],
    ['two megabytes', reply(`{"status":"failed","x":"${'x'.repeat(2 << 20)}"}`)],
];

for (const [what, answer] of trouble) {
    test(`V13 ${what} is no verdict: the last that is known is told`, async () => {
        const { provider, id, before } = await made(says('in_progress', { progress: 40 }));
        const task = await until(id, 'in_progress');
        provider.tell(answer);
        await heard(provider, id);
        assert.deepEqual(taskOf(await get(id)), task);
        assert.equal(await gw.spent(), before);
        provider.tell(says('completed'));
        await until(id, 'completed');
        assert.equal(await gw.spent(), before);
    });
}

test('V13 everything that polls have ever answered, one after the other: only the verdict decides', async () => {
    const { provider, id, before } = await made(says('queued'));
    const told = [];
    for (const [answer, status, progress] of [
        [fault(404, { message: 'no such task' }), 'queued', 0],
        [reply('<html>', { type: 'text/html' }), 'queued', 0],
        [says('running', { progress: 60 }), 'in_progress', 60],
        [fault(500, { message: 'oops' }), 'in_progress', 60],
        [says('paused'), 'in_progress', 60],
        [says('running', { progress: 20 }), 'in_progress', 60],
        [says('queued'), 'in_progress', 60],
    ]) {
        provider.tell(answer);
        await heard(provider, id);
        const task = taskOf(await get(id));
        told.push([task.status, task.progress]);
        assert.deepEqual(told.at(-1), [status, progress]);
    }
    assert.equal(await gw.spent(), before);
    provider.tell(says('completed'));
    const done = await until(id, 'completed');
    for (const status of ['failed', 'completed', 'running']) {
        provider.tell(says(status));
        assert.deepEqual(taskOf(await get(id)), done);
    }
    assert.equal(await gw.spent(), before);
    assert.equal((await taskRow(id)).given_back, '0.000000000');
});

test('V13 states only go forward: progress back, completed then failed', async () => {
    const { provider, id, before } = await made(says('in_progress', { progress: 60 }));
    assert.equal((await until(id, 'in_progress')).progress, 60);
    provider.tell(says('in_progress', { progress: 20 }));
    await heard(provider, id);
    provider.tell(says('queued'));
    await heard(provider, id);
    assert.equal(taskOf(await get(id)).progress, 60);
    assert.equal(taskOf(await get(id)).status, 'in_progress');
    provider.tell(says('completed'));
    await until(id, 'completed');
    provider.tell(says('failed'));
    await get(id);
    assert.equal(taskOf(await get(id)).status, 'completed');
    assert.equal(await gw.spent(), before);
});

test('V13 many callers at once: one poll at a time', async () => {
    let open = 0;
    let most = 0;
    const { provider, id } = await made(async (exchange) => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setImmediate(resolve));
        open--;
        await reply(says('queued'))(exchange);
    });
    while (provider.polls < 10) await Promise.all(Array.from({ length: 10 }, () => get(id)));
    assert.equal(most, 1);
});

test('V12 nobody asks: the poller does, also after a kill', async (t) => {
    const one = await scene(t, { ...own, video: soon });
    const provider = new VideoProvider(one.M1);
    const ask = callers(one.gw);
    const ids = [];
    for (let i = 0; i < 10; i++) ids.push(taskOf(await ask.create()).id);
    const spent = await one.gw.spent();
    await one.M1.until(() => provider.polls >= 30, 'three rounds');
    const asked = new Set(one.M1.requests.filter((r) => r.method === 'GET').map((r) => r.target));
    assert.equal(asked.size, 10, 'each of them');
    one.gw.signal('SIGKILL');
    await one.gw.exit();
    for (let i = 1; i <= 10; i++) provider.tasks.set(`up_${i}`, says(i % 2 ? 'failed' : 'completed'));
    await one.gw.restart();
    const stateOf = async (id) => (await one.gw.cli(['task', 'show', id])).state;
    for (const [i, id] of ids.entries()) {
        await eventually(async () => (await stateOf(id)) === (i % 2 ? 'completed' : 'failed'), id, 60000);
    }
    assert.equal(await one.gw.spent(), spent - 5 * 1500);
    assert.equal(provider.creates, 10);
});

test('V12 killed before the provider has answered: the task is there, failed, free, and never sent again', async (t) => {
    const one = await scene(t, { ...own, video: soon });
    one.M1.once(() => {});
    const ask = callers(one.gw);
    const headers = { 'Idempotency-Key': 'k' };
    const lost = ask.create(video(), { headers }).catch(() => null);
    await one.M1.request();
    one.gw.signal('SIGKILL');
    await one.gw.exit();
    await lost;
    await one.gw.restart();
    const again = taskOf(await ask.create(video(), { headers }));
    assert.equal(again.status, 'failed');
    assert.equal((await one.gw.cli(['task', 'show', again.id])).state, 'unknown');
    assert.equal(await one.gw.spent(), 0);
    assert.equal(one.M1.count, 1);
});

test('V14 a page, the next one, the other order; what is deleted is gone', async () => {
    const ids = [];
    for (let i = 0; i < 5; i++) ids.unshift((await made(says('queued'), video({ prompt: `p${i}` }))).id);
    const page = (await list('?limit=2')).json;
    assert.deepEqual(Object.keys(page), ['object', 'data', 'first_id', 'last_id', 'has_more']);
    assert.equal(page.object, 'list');
    assert.deepEqual(page.data.map((task) => task.id), ids.slice(0, 2));
    assert.deepEqual([page.first_id, page.last_id, page.has_more], [ids[0], ids[1], true]);
    const next = (await list(`?limit=2&after=${page.last_id}`)).json;
    assert.deepEqual(next.data.map((task) => task.id), ids.slice(2, 4));
    const up = (await list(`?order=asc&after=${ids[2]}`)).json;
    assert.deepEqual(up.data.map((task) => task.id), [ids[1], ids[0]]);
    assert.equal(up.has_more, false);
    const none = (await list('', { key: secretOf.K2 })).json;
    assert.deepEqual(none, { object: 'list', data: [], first_id: null, last_id: null, has_more: false });
    for (const query of ['?limit=0', '?limit=101', '?limit=x', '?limit=1&limit=2']) {
        errorIs(await list(query), 404, 'invalid_request_error', 'invalid_value', { param: 'limit' });
    }
    errorIs(await list('?order=up'), 404, 'invalid_request_error', 'invalid_value', { param: 'order' });
    errorIs(await list('?after=task_x'), 404, 'invalid_request_error', 'task_not_found');
});

test('V14 a page of long prompts ends early, and there is more', async () => {
    const mebi = 1 << 20;
    const made = [];
    reset();
    new VideoProvider(M1).tell(says('queued'));
    for (let i = 0; i < 20; i++) made.unshift(taskOf(await create(video({ prompt: `${i}${'p'.repeat(65000)}` }))).id);
    const seen = [];
    let page = { has_more: true };
    let pages = 0;
    for (; page.has_more; pages++) {
        const response = await list(`?limit=100${page.last_id ? `&after=${page.last_id}` : ''}`);
        page = response.json;
        assert.ok(response.body.length < mebi + 2 * 65536, `${response.body.length} bytes`);
        assert.equal(page.last_id, page.data.at(-1).id);
        seen.push(...page.data.map((task) => task.id));
    }
    assert.equal(pages, 2);
    assert.deepEqual(seen.slice(0, made.length), made);
});

test('V14 a task is deleted once it is over, never before, and never another user’s', async () => {
    const { provider, id, before } = await made(says('queued'));
    const error = errorIs(await remove(id), 404, 'invalid_request_error', 'task_not_completed');
    assert.match(error.message, /queued/);
    provider.tell(says('completed'));
    await until(id, 'completed');
    errorIs(await remove(id, { key: secretOf.K2 }), 404, 'invalid_request_error', 'task_not_found');
    const gone = await remove(id);
    assert.deepEqual(gone.json, { id, object: 'video.deleted', deleted: true });
    errorIs(await get(id), 404, 'invalid_request_error', 'task_not_found');
    errorIs(await remove(id), 404, 'invalid_request_error', 'task_not_found');
    assert.ok(!(await list()).json.data.some((task) => task.id === id));
    assert.equal(await gw.spent(), before, 'nothing goes back');
});

const remix = (id, body, also = {}) => call(gw, { path: `/v1/videos/${id}/remix`, body, ...also });

test('V14 a remix: at the provider that holds the video, as long and as big as that', async () => {
    const { provider, id, before } = await made(says('completed'), video({ model: 'sized', size: '1792x1024', seconds: 4 }));
    errorIs(await remix(id, { prompt: 'blue' }), 404, 'invalid_request_error', 'task_not_completed');
    await until(id, 'completed');
    const body = '{ "prompt":"make it blue", "more": [1.0] }';
    const task = taskOf(await remix(id, body));
    assert.equal(M1.last.target, '/v1/videos/up_1/remix');
    assert.equal(M1.last.body.toString(), body);
    assert.equal(task.remixed_from_video_id, id);
    assert.equal(task.model, 'sized');
    assert.equal(task.prompt, 'make it blue');
    assert.equal(task.seconds, '4');
    assert.equal(task.size, '1792x1024');
    assert.equal(await gw.spent(), before + 1200);
    const creates = provider.creates;
    errorIs(await remix(id, { prompt: 'x' }, { key: secretOf.K2 }), 404, 'invalid_request_error', 'task_not_found');
    errorIs(await remix(id, {}), 404, 'invalid_request_error', 'missing_parameter', { param: 'prompt' });
    errorIs(await remix('nope', { prompt: 'x' }), 404, 'invalid_request_error', 'task_not_found');
    provider.tell(says('failed'));
    await until(task.id, 'failed');
    errorIs(await remix(task.id, { prompt: 'x' }), 404, 'invalid_request_error', 'task_failed');
    assert.equal(provider.creates, creates);
});

test('V14 a remix cannot be longer, bigger or of another model than what is paid for', async (t) => {
    const { provider, id } = await made(says('completed'), video({ seconds: 4 }));
    await until(id, 'completed');
    const creates = provider.creates;
    const fixed = { model: 'sized', seconds: '60', duration: 60, size: '4K', n: 4, aspect_ratio: '1:1' };
    for (const [param, value] of Object.entries(fixed)) {
        await t.test(`V14 ${param}`, async () => {
            const refused = { param };
            errorIs(await remix(id, { prompt: 'x', [param]: value }), 404, 'invalid_request_error', 'unsupported_parameter', refused);
            const body = Buffer.concat([textPart('prompt', 'x'), textPart(param, `${value}`), Buffer.from('--b1--\r\n')]);
            const type = { headers: { 'Content-Type': formType } };
            errorIs(await remix(id, body, type), 404, 'invalid_request_error', 'unsupported_parameter', refused);
        });
    }
    assert.equal(provider.creates, creates);
    taskOf(await remix(id, { prompt: 'x', size: null }));
});

test('B13 a type without a body: DELETE says that the task is not there', async () => {
    const response = await remove('x', { headers: { 'Content-Type': 'application/json' } });
    errorIs(response, 404, 'invalid_request_error', 'task_not_found');
    errorIs(await call(gw, { method: 'PUT', path: '/v1/videos/x', headers: { 'Content-Length': 0 } }), 404, 'invalid_request_error', 'method_not_allowed');
});
