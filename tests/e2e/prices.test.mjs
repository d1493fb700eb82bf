// H: what a model costs, what a request would cost, and what one did cost, line by line: the same
// arithmetic each time.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { J1, reply, S1, stream, withUsage } from './lib/answers.mjs';
import { bodyIs } from './lib/expect.mjs';
import { billAddsUp, scene, unitsOf } from './lib/gateway.mjs';
import { call } from './lib/raw.mjs';
import { chat } from './lib/requests.mjs';
import { callers, onDemand, taskOf, video, videoModels, VideoProvider } from './lib/videos.mjs';

const priced = {
    endpoints: 'chat',
    offer: 'P1/up-priced',
    price: [
        'in_text 2.50 per 1M tokens',
        'in_cached 1.25 per 1M tokens',
        'out_text 10 per 1M tokens',
        'out_text 20 per 1M tokens tier=priority',
        'audio_ms 0.006 per minute quantum=1s minimum=10s',
    ],
};
// Each kind of token at a price that shows which one a hold is of.
const kinds = {
    endpoints: 'chat',
    offer: 'P1/up-kinds',
    default_output: 100,
    price: [
        'in_text 1 per 1M tokens',
        'in_cache_write 10 per 1M tokens',
        'in_image 7 per 1M tokens',
        'out_text 100 per 1M tokens',
        'out_reasoning 200 per 1M tokens',
        'out_audio 1000 per 1M tokens',
    ],
};
const ids = { endpoints: 'embeddings', offer: 'P1/up-ids', price: 'in_text 1 per 1M tokens' };
const s = await scene({ after, name: 'prices' }, { video: onDemand, models: { ...videoModels, priced, kinds, ids } });
const { gw, M1, reset } = s;
const usage =
    '{"prompt_tokens":1203,"completion_tokens":501,"total_tokens":1704,' +
    '"prompt_tokens_details":{"cached_tokens":200}}';

async function refused(args, code, pattern) {
    const done = await gw.cliRaw(args);
    assert.equal(done.code, code, done.stderr);
    assert.match(done.stderr, pattern);
}

test('H1 price show tells every rate with its conditions', async () => {
    const rates = await gw.cli(['price', 'show', 'priced']);
    assert.deepEqual(
        rates.map((rate) => [rate.counter, rate.usd, rate.per]),
        [
            ['in_text', '2.5', '1M tokens'],
            ['in_cached', '1.25', '1M tokens'],
            ['out_text', '10', '1M tokens'],
            ['out_text', '20', '1M tokens'],
            ['audio_ms', '0.0001', 'second'],
        ],
    );
    assert.equal(rates[3].tier, 'priority');
    await refused(['price', 'show', 'nothing'], 3, /there is no model "nothing"/);
    const listed = await gw.cliRaw(['model', 'list']);
    assert.match(
        listed.stdout,
        /out_text 10\/1M tokens, out_text 20\/1M tokens tier=priority, audio_ms 0\.0001\/second quantum=1s minimum=10s$/m,
    );
});

test('H1 price quote shows the arithmetic line by line', async () => {
    const quote = await gw.cli([
        ...['price', 'quote', 'priced', 'in_text=1003,in_cached=200,out_text=501,audio_ms=3200'],
        ...['--ratio', '0.8', '--user-ratio', '0.95', '--tier', 'priority'],
    ]);
    assert.deepEqual(quote, {
        model: 'priced',
        bill: [
            { counter: 'in_text', quantity: 1003, price: '2.5 per 1M tokens', cost: '0.002507500000' },
            { counter: 'in_cached', quantity: 200, price: '1.25 per 1M tokens', cost: '0.000250000000' },
            { counter: 'out_text', quantity: 501, price: '20 per 1M tokens', cost: '0.010020000000' },
            { counter: 'audio_ms', quantity: 10000, price: '0.0001 per second', cost: '0.001000000000' },
        ],
        base: '0.013777500000',
        ratio: '0.8',
        user_ratio: '0.95',
        charge: '0.010470900',
    });
    billAddsUp({ ...quote, flags: [] });
    const shown = await gw.cliRaw(['price', 'quote', 'priced', 'audio_ms=10600']);
    assert.match(shown.stdout, /^bill\taudio_ms 11 s x 0\.0001 per second = 0\.001100000000$/m);
});

test('H1 price quote refuses what is no quantity', async () => {
    const quote = ['price', 'quote', 'priced'];
    await refused([...quote, 'in_txt=3'], 2, /"in_txt=3" is not a counter and a quantity/);
    await refused([...quote, 'in_text=-3'], 2, /"in_text=-3" is not a whole number/);
    await refused([...quote, 'in_text=1099511627776'], 2, /is not a whole number below 2\^40/);
    await refused([...quote, 'images=1'], 2, /has no price for images/);
    await refused([...quote, 'in_text=3', '--ratio', 'x'], 2, /"x" is not a ratio/);
    await refused([...quote, 'in_text=1,out_text=2,in_text=3'], 2, /^gateway: in_text is given twice$/m);
});

test('H1 price quote tells which condition no price line has', async () => {
    const quote = (...args) => gw.cliRaw(['price', 'quote', 'priced', 'in_text=1000', ...args]);
    const plain = await quote('--tier', 'priority');
    assert.equal(plain.stderr, '');
    const odd = await quote('--tier', 'prioritty', '--size', 'banana');
    assert.equal(odd.code, 0);
    assert.equal(
        odd.stderr,
        'gateway: no price of priced has tier=prioritty: the line without a tier counts\n' +
            'gateway: no price of priced has size=banana: the line without a size counts\n',
    );
    assert.equal(odd.stdout, plain.stdout);
});

test('H1 a request is charged what its quote says, and its row shows how', async () => {
    reset();
    await gw.cli(['group', 'add', 'cheap', '--models', '*', '--ratio', '0.8']);
    await gw.cli(['user', 'add', 'cheapo', '--credit', '1', '--ratio', '0.95', '--group', 'cheap']);
    const secret = 'sk-cheapo-0000000000';
    await gw.cli(['key', 'create', 'cheapo', '--secret-stdin'], { input: `${secret}\n` });
    M1.once(reply(withUsage(usage)));
    const response = await call(gw, { key: secret, body: chat({ model: 'priced' }) });
    bodyIs(response, withUsage(usage));
    const row = await gw.row(response);
    const quote = await gw.cli([
        ...['price', 'quote', 'priced', 'in_text=1003,in_cached=200,out_text=501'],
        ...['--ratio', '0.8', '--user-ratio', '0.95'],
    ]);
    assert.deepEqual(
        [row.bill, row.ratio, row.user_ratio, row.charge],
        [quote.bill, quote.ratio, quote.user_ratio, quote.charge],
    );
    assert.equal(row.charge, '0.005903300');
    assert.equal(row.given_back, '0.000000000');
    billAddsUp(row);
    assert.deepEqual(await gw.cli(['usage', 'show', row.request_id]), { ...row, note: null });
    const shown = await gw.cliRaw(['usage', 'show', row.request_id]);
    assert.match(shown.stdout, /^bill\tin_text 1003 x 2\.5 per 1M tokens = 0\.002507500000$/m);
    await refused(['usage', 'show', 'req_0000000000001'], 3, /no request/);
    await refused(['usage', 'show', 'nonsense'], 2, /want a request id/);
});

test('H1 a price that changes afterwards changes no bill', async () => {
    reset();
    M1.once(reply(J1));
    const response = await call(gw, { body: chat({ model: 'priced' }) });
    const before = await gw.row(response);
    gw.configure({
        ...s.config,
        models: { ...s.config.models, priced: { ...priced, price: ['in_text 7 per 1M tokens', 'out_text 7 per 1M tokens'] } },
    });
    await gw.cli(['reload']);
    assert.deepEqual(await gw.cli(['usage', 'show', before.request_id]), { ...before, note: null });
});

const costOf = (response) => response.header('x-gateway-cost');
const show = (on) => {
    gw.configure({ ...s.config, server: { ...s.config.server, cost_header: on } });
    return gw.cli(['reload']);
};

test('H1 x-gateway-cost tells the charge of an answer that is held until it is charged', async () => {
    reset();
    await show('on');
    M1.once(reply(J1, { headers: { 'x-gateway-cost': '7' } }));
    const response = bodyIs(await call(gw, { body: chat({ model: 'priced' }) }), J1);
    assert.equal(costOf(response), '0.000027500');
    assert.equal((await gw.row(response)).charge, '0.000027500');
    new VideoProvider(M1);
    const made = await callers(gw).create(video());
    assert.equal(costOf(made), (await gw.cli(['task', 'show', taskOf(made).id])).charge);
    await show('off');
    reset();
    M1.once(reply(J1, { headers: { 'x-gateway-cost': '7' } }));
    assert.equal(costOf(await call(gw, { body: chat({ model: 'priced' }) })), undefined);
});

test('H1 no x-gateway-cost where nothing was charged, or where it is not known yet', async () => {
    reset();
    await show('on');
    M1.once(stream(S1));
    const flowing = await call(gw, { body: chat({ model: 'priced', stream: true }) });
    assert.equal(flowing.status, 200);
    assert.equal(costOf(flowing), undefined);
    const unknown = await call(gw, { body: chat({ model: 'nothing' }) });
    assert.equal(unknown.status, 404);
    assert.equal(costOf(unknown), undefined);
    const listed = await call(gw, { method: 'GET', path: '/v1/models' });
    assert.equal(listed.status, 200);
    assert.equal(costOf(listed), undefined);
    await show('off');
});

test('H1 what is held is the dearest that the answer may come to', async () => {
    const held = async (members, content = 'hi') => {
        reset();
        M1.once(reply(J1));
        const messages = [{ role: 'user', content }];
        const response = await call(gw, { body: chat({ model: 'kinds', messages, ...members }) });
        assert.equal(response.status, 200, response.text);
        return unitsOf((await gw.row(response)).hold);
    };
    const plain = await held({});
    const input = plain - 100 * 200; // its output may be reasoning, all of it
    assert.ok(input > 0 && input < 20, `${input}`);
    const sound = { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } };
    assert.ok((await held(sound)) - 100 * 1000 < 40);
    const marked = [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }];
    const cached = (await held({}, marked)) - 100 * 200;
    assert.ok(cached >= 10 * input && cached < 40 * input, `${cached}`);
    const far = [{ type: 'image_url', image_url: { url: 'https://pictures.example/1.png' } }];
    assert.ok((await held({}, far)) - 100 * 200 >= 7 * 1600);
});

test('H1 a prompt of token ids is counted, with usage and without', async () => {
    const input = Array.from({ length: 3000 }, (_, i) => 10000 + i);
    const embed = async (usage) => {
        reset();
        const text = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m"${usage}}`;
        M1.once(reply(text));
        const response = bodyIs(await call(gw, { path: '/v1/embeddings', body: JSON.stringify({ model: 'ids', input }) }), text);
        return gw.row(response);
    };
    const told = await embed(',"usage":{"prompt_tokens":30000,"total_tokens":30000}');
    assert.deepEqual([told.charge, told.flags.includes('absurd_usage')], ['0.030000000', false]);
    const untold = await embed('');
    const tokens = unitsOf(untold.charge);
    assert.ok(tokens >= 2500 && tokens <= 4000, `${tokens} for 3000 ids`);
});
