// V: videos by the official SDKs (those whose majors know them), and a body that is long.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { scene } from './lib/gateway.mjs';
import { isSanitized } from './lib/place.mjs';
import { eachSdk } from './lib/sdk.mjs';
import { callers, onDemand, taskOf, video, videoModels, VideoProvider } from './lib/videos.mjs';
import { deadlineMs } from './lib/wait.mjs';

const s = await scene({ after, name: 'video-sdk' }, { models: videoModels, video: onDemand });
const { gw, M1, reset } = s;
await gw.cli(['user', 'credit', 'u1', '1']);

test('V3 official SDKs: make, wait for, remake, list and delete videos', async (t) => {
    await eachSdk(
        t,
        'V3',
        async (sdk) => {
            reset();
            const provider = new VideoProvider(M1).tell('{"status":"in_progress","progress":50}');
            const run = sdk.run('video', { url: gw.url, as: 'sized' });
            // SDKs ask every five seconds, as they are told.
            await M1.until(() => provider.polls > 1, 'two polls', 4 * deadlineMs);
            provider.tell('{"status":"completed"}');
            const told = await run;
            assert.match(told.id, /^task_/, JSON.stringify(told));
            const { id, remix } = told;
            assert.deepEqual(told, {
                id,
                status: 'completed',
                progress: 100,
                seconds: '8',
                size: '720x1280',
                remix,
                from: id,
                listed: [remix, id],
                deleted: [id, true],
            });
            assert.equal(provider.creates, 2);
            const [create] = M1.requests;
            assert.match(create.header('content-type'), /^multipart\/form-data/);
            assert.match(create.text, /name="model"\r\n\r\nup-sized\r\n/);
        },
        /node-[67]|python-[23]/,
    );
});

test('V2 a picture of 8 MiB in base64 arrives as it is, in little memory', async () => {
    reset();
    const provider = new VideoProvider(M1);
    const { create } = callers(gw);
    taskOf(await create(video({ images: ['x'.repeat(1 << 20)] })));
    const picture = `data:image/png;base64,${Buffer.alloc(6 << 20, 'picture').toString('base64')}`;
    const body = JSON.stringify(video({ images: [picture], more: { deep: [1.0, 'é'] } }));
    gw.forgetPeak();
    const before = gw.rssBytes;
    taskOf(await create(body));
    assert.equal(M1.last.text, body.replace('"video-ds-2.0-fast"', '"up-video"'));
    const grown = gw.peakRssBytes - before;
    assert.ok(isSanitized || grown <= 24 << 20, `memory grew by ${grown}`);
    assert.equal(provider.creates, 2);
});
