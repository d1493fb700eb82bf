// Video tasks: the requests of callers, and a provider that makes them.

import assert from 'node:assert/strict';
import { reply } from './answers.mjs';
import { call } from './raw.mjs';
import { eventually } from './wait.mjs';

/** A tenth of a millionth USD a millisecond: 15 s cost 1,500 units of the fixture. */
export const price = 'video_ms 0.0001 per second';

export const soon = { refresh_after: '10ms', poll_interval: '40ms', poll_interval_max: '80ms' };
/** Nobody is asked by itself; who asks after a task has its provider asked. */
export const onDemand = { refresh_after: '10ms', poll_interval: '1h', poll_interval_max: '1h' };

export const videoModels = {
    'video-ds-2.0-fast': {
        endpoints: 'video',
        offer: ['P1/up-video priority=1', 'P2/video-b priority=2'],
        price,
    },
    'only-one': { endpoints: 'video', offer: ['P1/up-one'], price, video_seconds: 8 },
    sized: {
        endpoints: 'video',
        offer: ['P1/up-sized'],
        price: ['video_ms 0.0001 per second size=720x1280', 'video_ms 0.0003 per second size=1792x1024'],
    },
};

export function video(more = {}) {
    return { model: 'video-ds-2.0-fast', prompt: 'A cat', seconds: 15, aspect_ratio: '9:16', ...more };
}

/** The members of a video object, in their order. */
export const members = [
    'id', 'task_id', 'object', 'model', 'status', 'progress', 'created_at', 'completed_at', 'expires_at',
    'prompt', 'seconds', 'size', 'remixed_from_video_id', 'error', 'aspect_ratio', 'metadata',
];

/** The video object of an answer. */
export function taskOf(response) {
    assert.equal(response.status, 200, response.text);
    const task = response.json;
    assert.deepEqual(Object.keys(task), members);
    assert.match(task.id, /^task_[0-9A-Za-z]{32}$/);
    assert.equal(task.task_id, task.id);
    assert.equal(task.object, 'video');
    assert.match(task.status, /^(queued|in_progress|completed|failed)$/);
    assert.ok(Number.isInteger(task.progress) && task.progress >= 0 && task.progress <= 100);
    assert.ok(Math.abs(task.created_at - Date.now() / 1000) < 3600, 'seconds');
    return task;
}

/** Callers of a gateway. */
export function callers(gw) {
    const json = (body) => (typeof body === 'string' ? body : JSON.stringify(body));
    const create = (body = video(), also = {}) =>
        call(gw, { path: '/v1/videos', body: Buffer.isBuffer(body) ? body : json(body), ...also });
    const get = (id, also = {}) => call(gw, { method: 'GET', path: `/v1/videos/${id}`, ...also });
    const list = (query = '', also = {}) =>
        call(gw, { method: 'GET', path: `/v1/videos${query}`, ...also });
    const content = (id, also = {}) =>
        call(gw, { method: 'GET', path: `/v1/videos/${id}/content`, ...also });
    const remove = (id, also = {}) =>
        call(gw, { method: 'DELETE', path: `/v1/videos/${id}`, ...also });
    /** Asks until it has this status; every answer is a proper one, and progress never goes back. */
    const until = (id, status) => {
        let progress = 0;
        return eventually(async () => {
            const task = taskOf(await get(id));
            assert.ok(task.progress >= progress, 'progress goes forward');
            progress = task.progress;
            return task.status === status && task;
        }, `${id} is ${status}`);
    };
    return { create, get, list, content, remove, until };
}

/** A provider in OpenAI's shape: `tasks` holds what each task's GET answers (a text, or a script). */
export class VideoProvider {
    tasks = new Map();
    film = null; // the script that answers for the content of any
    polls = 0;
    made = 0;

    constructor(upstream, prefix = 'up') {
        this.upstream = upstream;
        this.prefix = prefix;
        upstream.always((exchange) => this.#answer(exchange));
    }

    get creates() {
        return this.upstream.requests.filter((request) => request.method === 'POST').length;
    }

    /** What is told of every task from now on. */
    tell(answer) {
        this.answer = answer;
        return this;
    }

    #answer(exchange) {
        const { method, target } = exchange.request;
        if (method === 'POST') {
            const id = `${this.prefix}_${++this.made}`;
            this.tasks.set(id, null);
            return reply(JSON.stringify({ id, status: 'queued' }))(exchange);
        }
        if (this.film && target.split('?')[0].endsWith('/content')) return this.film(exchange);
        this.polls++;
        const id = decodeURIComponent(target.split('?')[0].split('/').pop());
        const answer = this.tasks.get(id) ?? this.answer ?? '{"status":"queued"}';
        const script = typeof answer === 'function' ? answer : reply(answer);
        return script(exchange);
    }
}
