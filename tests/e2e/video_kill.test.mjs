// P2: kill -9 at each point in the life of a video task.  Its caller comes back with the same
// Idempotency-Key, and goes on asking: the task is made at most once, it is there or was never told
// of, and it costs what its verdict says.  `make crash ROUNDS=20` runs the long form.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reply } from './lib/answers.mjs';
import { Death, noDying } from './lib/die_at_sync.mjs';
import { scene } from './lib/gateway.mjs';
import { callers, onDemand, taskOf, video, videoModels } from './lib/videos.mjs';
import { eventually } from './lib/wait.mjs';

const rounds = Number(process.env.ROUNDS || 1);
const cost = 1500;

/** What happens at the provider when a task is made (`made`) or asked for (`asked`), and at its
 * caller before the request (`begin`) and behind the answer (`replied`). */
const points = {
    'before the row is durable': { begin: (life) => life.death.at('before') },
    'behind the commit of the row': { begin: (life) => life.death.at('after') },
    'when the provider has the request': { made: (life) => life.kill() },
    'when the provider has answered': { made: (life, answer) => answer().then(() => life.kill()) },
    'before the id is durable': { made: (life, answer) => (life.death.at('before'), answer()) },
    'behind the commit of the id': { made: (life, answer) => (life.death.at('after'), answer()) },
    'when the caller has its answer': { replied: (life) => life.kill() },
    'while the provider is asked': { asked: (life) => life.kill() },
    'before a success is durable': { asked: (life, answer) => (life.death.at('before'), answer()) },
    'behind the commit of a success': { asked: (life, answer) => (life.death.at('after'), answer()) },
    'before a give-back is durable': {
        verdict: 'failed',
        asked: (life, answer) => (life.death.at('before'), answer()),
    },
    'behind the commit of a give-back': {
        verdict: 'failed',
        asked: (life, answer) => (life.death.at('after'), answer()),
    },
};

/** The gateway, its provider, and what both have seen. */
class Life {
    submissions = new Map(); // prompt -> how often it was made

    constructor(s, death) {
        this.s = s;
        this.gw = s.gw;
        this.death = death;
        s.M1.always((exchange) => this.#answer(exchange));
    }

    kill() {
        this.gw.signal('SIGKILL');
    }

    /** Each point strikes once. */
    #strike(name, answer) {
        const hook = this.point?.[name];
        if (!hook) return answer();
        this.point = { ...this.point, [name]: undefined };
        return hook(this, answer);
    }

    #answer(exchange) {
        const { method, body } = exchange.request;
        const verdict = this.verdict ?? 'completed';
        if (method === 'GET') return this.#strike('asked', () => reply(JSON.stringify({ id: 'x', status: verdict }))(exchange));
        const { prompt } = JSON.parse(body);
        this.submissions.set(prompt, (this.submissions.get(prompt) ?? 0) + 1);
        return this.#strike('made', () => reply(JSON.stringify({ id: `up ${prompt}` }))(exchange));
    }

    async live(point, prompt) {
        const { create, get } = callers(this.gw);
        const headers = { 'Idempotency-Key': prompt };
        const ask = () => create(video({ prompt }), { headers });
        this.point = point;
        this.verdict = point.verdict;
        this.#strike('begin', () => {});
        const first = await ask().catch(() => null);
        const id = first?.complete && first.status === 200 ? taskOf(first).id : null;
        this.#strike('replied', () => {});
        if (point.asked) {
            await eventually(() => get(id).then(() => this.gw.exited, () => this.gw.exited), 'its end');
        }
        await this.gw.exit();
        this.death.no();
        this.point = null;
        await this.gw.restart();
        const again = taskOf(await ask());
        if (id) assert.equal(again.id, id, 'what was told of is there');
        return eventually(async () => {
            const task = taskOf(await get(again.id));
            return /completed|failed/.test(task.status) && task;
        }, `a verdict of ${prompt}`);
    }
}

test('P2 kill -9 at each point in the life of a task', { skip: noDying, timeout: 60000 + rounds * 60000 }, async (t) => {
    const death = new Death();
    death.no();
    const s = await scene(t, {
        name: 'video-kill',
        env: death.env,
        video: onDemand,
        database: { durability: 'power' },
        models: videoModels,
    });
    await s.gw.cli(['user', 'credit', 'u1', '1']);
    const life = new Life(s, death);
    let spent = 0;
    const seen = new Set();
    for (let round = 0; round < rounds; round++) {
        for (const [what, point] of Object.entries(points)) {
            const prompt = `${round} ${what}`;
            const task = await life.live(point, prompt);
            spent += task.status === 'completed' ? cost : 0;
            assert.equal(await s.gw.spent(), spent, what);
            assert.ok((life.submissions.get(prompt) ?? 0) <= 1, what);
            // What was written survives, durable or not: this is no power cut.
            const { state } = await s.gw.cli(['task', 'show', task.id]);
            const mayBeLost = !('asked' in point || 'replied' in point);
            assert.ok(state === (point.verdict ?? 'completed') || (mayBeLost && state === 'unknown'), `${what}: ${state}`);
            seen.add(`${what}: ${state}`);
        }
    }
    const kinds = (await s.gw.cli(['task', 'list', '--limit', '100'])).map((task) => task.state);
    assert.ok(!kinds.includes('creating') && !kinds.includes('queued'), String(kinds));
    assert.ok(seen.has('when the provider has the request: unknown'), [...seen].join('\n'));
    assert.ok(seen.has('behind the commit of the id: completed'), [...seen].join('\n'));
});
