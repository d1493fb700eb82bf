// The examples of deploy/doc/videos.md and videos-content.md: they load as they stand, and read what
// such providers say.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { reply } from './lib/answers.mjs';
import { scene } from './lib/gateway.mjs';
import { binary, root, scratch } from './lib/place.mjs';
import { callers, onDemand, taskOf, video } from './lib/videos.mjs';

const text = fs.readFileSync(path.join(root, 'deploy/doc/videos.md'), 'utf8');
const blocksOf = (page) => [...page.matchAll(/```ini\n([^`]*)```/g)].map((match) => match[1]);
const blocks = blocksOf(text);
const content = blocksOf(fs.readFileSync(path.join(root, 'deploy/doc/videos-content.md'), 'utf8'));
const examples = blocks.filter((block) => block.startsWith('[provider'));
const keys = Object.fromEntries([...text.matchAll(/env:(\w+)/g)].map(([, name]) => [name, `sk-${name}`]));

/** "[provider "x"] key = value ..." as objects: { provider, model }, each { name, values }. */
function sections(block) {
    const found = {};
    let now;
    for (const line of block.split('\n').filter(Boolean)) {
        const head = /^\[(\w+) "([^"]+)"\]$/.exec(line);
        if (head) {
            now = found[head[1]] = { name: head[2], values: {} };
            continue;
        }
        const [key, value] = line.split(/ = (.*)/);
        now.values[key] = [...(now.values[key] ?? []), value];
    }
    return found;
}

/** What each provider is asked, and answers: [path of the create, answer, path of a poll, running,
 * completed, address of the result or the path that is asked for it]. */
const dialects = {
    'openai-like': [
        '/v1/videos', '{"id":"v/1","object":"video","status":"queued","progress":0}',
        '/v1/videos/v%2F1', '{"id":"v/1","status":"in_progress","progress":45}',
        '{"id":"v/1","status":"completed","progress":100,"seconds":"4"}', '/v1/videos/v%2F1/content',
    ],
    'new-api': [
        '/v1/video/generations', '{"task_id":"t1","status":"queued"}',
        '/v1/video/generations/t1', '{"code":"success","data":{"task_id":"t1","status":"IN_PROGRESS","progress":"45%"}}',
        '{"code":"success","data":{"task_id":"t1","status":"SUCCESS","progress":"100%","result_url":"URL"}}', 'URL',
    ],
    ark: [
        '/v1/contents/generations/tasks', '{"id":"cgt-1"}',
        '/v1/contents/generations/tasks/cgt-1', '{"id":"cgt-1","model":"m","status":"running","created_at":1}',
        '{"id":"cgt-1","status":"succeeded","content":{"video_url":"URL"},"usage":{"completion_tokens":9},"duration":15}', 'URL',
    ],
    'kling-text': [
        '/v1/videos/text2video', '{"code":0,"message":"SUCCEED","data":{"task_id":"867","task_status":"submitted"}}',
        '/v1/videos/text2video/867', '{"code":0,"data":{"task_id":"867","task_status":"processing","task_status_msg":""}}',
        '{"code":0,"data":{"task_id":"867","task_status":"succeed","task_result":{"videos":[{"id":"a","url":"URL","duration":"15.0"}]}}}', 'URL',
    ],
    dashscope: [
        '/v1/services/aigc/video-generation/video-synthesis', '{"output":{"task_id":"d-1","task_status":"PENDING"},"request_id":"r"}',
        '/v1/tasks/d-1', '{"request_id":"r","output":{"task_id":"d-1","task_status":"RUNNING"}}',
        '{"output":{"task_id":"d-1","task_status":"SUCCEEDED","video_url":"URL"},"usage":{"video_duration":15}}', 'URL',
    ],
    studio: [
        '/v1/jobs', '{"job":{"uuid":"j1","state":"waiting"}}',
        '/v1/jobs/j1/state', '{"job":{"uuid":"j1","state":"Rendering","percent":45}}',
        '{"job":{"uuid":"j1","state":"done"}}', '/v1/jobs/j1/file',
    ],
};

test('V3 the pages about videos: their examples load, one by one and together', () => {
    const file = path.join(scratch, `videos-${process.pid}.conf`);
    assert.deepEqual(examples.map((block) => sections(block).provider.name), Object.keys(dialects));
    const [redirect, ...settings] = content.map((block) => block.replace('[provider "x"]\n', ''));
    assert.equal(settings.length, 2);
    const redirecting = examples[0].replace('\n', `\n${redirect}`);
    for (const block of [...blocks, blocks.join('\n'), redirecting, ...settings]) {
        const others = block.includes('[provider') ? '' : examples[0];
        fs.writeFileSync(file, `${block}\n${others}`);
        execFileSync(binary, ['-t', '-c', file], { env: { ...process.env, ...keys }, stdio: 'pipe' });
    }
});

test('V3 the page about videos: default places and words are told as they are', () => {
    const table = fs.readFileSync(path.join(root, 'config/video_dialect.h'), 'utf8');
    const joined = table.replace(/\\\n/g, '').replace(/"\s*"/g, '');
    const described = text.slice(text.indexOf('## Describing'));
    const rows = [...joined.matchAll(/X\((\w+), "([^"]+)"\)/g)];
    assert.equal(rows.length, 12);
    for (const [, name, places] of rows) {
        const line = described.split('\n').find((one) => one.startsWith('| `') && one.split('|')[1].includes(`\`${name}\``));
        assert.ok(line, name);
        const words = line.split('|')[2].split(/[^\w.[\]]+/);
        for (const place of places.split(' ')) assert.ok(words.includes(place), `${name}: ${place}`);
    }
});

for (const block of examples) {
    const { provider, model } = sections(block);
    test(`V3 the page about videos: ${provider.name} from its first answer to its film`, async (t) => {
        const [createPath, created, pollPath, running, completed, where] = dialects[provider.name];
        const options = { ...provider.values, key: 'env:P1_KEY', content_private: '127.0.0.0/8' };
        delete options.base_url;
        const upstreamModel = model.values.offer[0].split('/')[1];
        const s = await scene(t, {
            video: onDemand,
            P1: options,
            models: { [model.name]: { ...model.values, offer: [`P1/${upstreamModel}`] } },
        });
        const { create, until, content: play } = callers(s.gw);
        await s.gw.cli(['user', 'credit', 'u1', '100']);
        const film = reply('film', { type: 'video/mp4' });
        s.M1.once(reply(created));
        const body = { model: model.name, prompt: 'A cat', size: model.values.price[0].split('size=')[1] };
        const { id } = taskOf(await create(video({ ...body, seconds: 15 })));
        assert.equal(s.M1.last.target, createPath);
        assert.equal(JSON.parse(s.M1.last.body).model, upstreamModel);
        for (const header of provider.values.header ?? []) {
            const [name, value] = header.split(': ');
            assert.equal(s.M1.last.header(name.toLowerCase()), value);
        }
        s.M1.always(reply(running));
        const going = await until(id, 'in_progress');
        assert.ok(going.progress === 1 || going.progress === 45);
        assert.equal(s.M1.last.target, pollPath);
        s.M1.always(reply(completed.replace('URL', `${s.M2.url}/r.mp4?sig=1`)));
        const done = await until(id, 'completed');
        if (options.content_life) assert.equal(done.expires_at, done.completed_at + 24 * 3600);
        s.M1.always(film);
        s.M2.always(film);
        const response = await play(id);
        assert.equal(response.status, 200, response.text);
        assert.equal(response.text, 'film');
        const asked = where === 'URL' ? s.M2.last : s.M1.last;
        assert.equal(asked.target, where === 'URL' ? '/v1/r.mp4?sig=1' : where);
        assert.equal(asked.header('authorization') !== undefined, where !== 'URL', 'the key goes home only');
    });
}
