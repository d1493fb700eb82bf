// Makes random chat streams that a provider may legally send: every spelling of an event stream that
// the standard allows, every place where providers put usage, every end that counts as complete.

const lineEnds = ['\n', '\r\n', '\r', 'mixed'];
const letters = [
    'a', 'Z', ' ', '"', '\\', '\n', '\t', '/', '\u0000', 'é', 'ß', '中', '文', '\u2028', '🙂', '👩‍🚀',
];
const eventBytesMax = 2 * 1024 * 1024;

/** Text of about so many bytes; long ones repeat themselves. */
function textOf(random, bytes) {
    let piece = '';
    for (let n = random.between(1, 24); n > 0; n--) piece += random.pick(letters);
    const size = Buffer.byteLength(JSON.stringify(piece)) - 2;
    return bytes <= size ? [...piece].slice(0, Math.max(1, bytes >> 1)).join('') : piece.repeat(bytes / size);
}

class Writer {
    constructor(random) {
        this.random = random;
        this.lineEnd = random.pick(lineEnds);
        this.space = random.pick(['', ' ', 'either']);
        this.fields = random.chance(0.4); // id, event and others beside data
        this.comments = random.chance(0.4);
        this.lines = random.chance(0.3); // data over several lines
        this.indent = random.between(0, 3);
        this.number = 0;
        this.last = ''; // the line end before, a CR of its own must not meet a LF
    }

    end() {
        let end = this.lineEnd;
        if (end === 'mixed') end = this.random.pick(this.last === '\r' ? ['\r\n', '\r'] : ['\n', '\r\n', '\r']);
        this.last = end;
        return end;
    }

    field(name, value) {
        const space = this.space === 'either' ? this.random.pick(['', ' ']) : this.space;
        this.last = '';
        return `${name}:${space}${value}${this.end()}`;
    }

    comment() {
        const text = this.random.pick(['', ' OPENROUTER PROCESSING', ' ping', 'data: {"error":1}', ' é🙂']);
        this.last = '';
        return `:${text}${this.end()}`;
    }

    others() {
        const { random } = this;
        let text = '';
        if (this.comments && random.chance(0.2)) text += this.comment();
        if (!this.fields) return text;
        if (random.chance(0.5)) text += this.field('id', ++this.number);
        if (random.chance(0.3)) text += this.field('event', random.pick(['message', 'chunk', '']));
        if (random.chance(0.1)) text += this.field('retry', 3000);
        if (random.chance(0.1)) text += this.field(random.pick(['x', 'dat', 'datax', 'eventual']), '{}');
        if (random.chance(0.1)) {
            this.last = '';
            text += `unknown${this.end()}`;
        }
        return text;
    }

    /** An event whose data is `json`, an object or '[DONE]'; without its blank line. */
    event(json) {
        const { random } = this;
        const several = typeof json === 'object' && this.lines && random.chance(0.6);
        const data = typeof json === 'string' ? json : JSON.stringify(json, null, several ? this.indent : 0);
        // Without an indent there is one line; a line of its own for nothing is white space too.
        const parts = several ? [...data.split('\n'), ...(random.chance(0.2) ? [''] : [])] : [data];
        let text = this.others();
        for (const part of parts) {
            text += this.field('data', part);
            if (this.comments && random.chance(0.1)) text += this.comment();
        }
        return text + this.others();
    }

    blank() {
        return this.end();
    }
}

function usageOf(prompt, completion) {
    return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** The objects of a chat stream in order, and where its usage stands. */
function chunksOf(random) {
    const choices = random.chance(0.8) ? 1 : random.between(2, 4);
    const place = random.pick(['event', 'event', 'event', 'finish', 'every']);
    const prompt = random.between(1, 40);
    const base = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'up-mini' };
    const chunks = [];
    const add = (index, delta, finish_reason = null) => {
        const chunk = { ...base, choices: [{ index, delta, finish_reason }] };
        if (place === 'event' && random.chance(0.5)) chunk.usage = null;
        if (place === 'every') chunk.usage = usageOf(prompt, chunks.length + 1);
        chunks.push(chunk);
    };
    if (random.chance(0.1)) chunks.push({ ...base, choices: [], prompt_filter_results: [{}] });
    for (let i = 0; i < choices; i++) add(i, { role: 'assistant', content: '' });
    // Long ones are rare, or the whole would take too long.
    const most = random.chance(0.012) ? eventBytesMax : random.chance(0.03) ? 300000 : 600;
    const exact = most === eventBytesMax && random.chance(0.5);
    for (let n = most > 600 ? random.between(1, 3) : random.below(9); n > 0; n--) {
        const content = textOf(random, exact ? eventBytesMax : random.size(most));
        const call = { index: random.below(3), function: { arguments: content } };
        add(
            random.below(choices),
            random.pick([{ content }, { content }, { reasoning_content: content }, { tool_calls: [call] }]),
        );
    }
    for (let i = 0; i < choices; i++) add(i, {}, random.pick(['stop', 'length']));
    const usage = usageOf(prompt, place === 'every' ? chunks.length : random.between(1, 60));
    if (place !== 'event') chunks.at(-1).usage = usage;
    const event = place === 'event' ? { ...base, choices: [], usage } : null;
    return { chunks, usage, event };
}

/**
 * A random stream: `blocks` of bytes, each with its kind:
 *   comment  a block without data before the first event (it waits for that)
 *   passed   an event, or a block without data: goes on at once
 *   usage    the event that tells usage and nothing else
 *   last     the last word and all behind it: waits for the charge, or for the end
 * `open` where the upstream must end before the block is complete; and the `tokens` that its usage
 * tells.
 */
export function randomChatStream(random) {
    const writer = new Writer(random);
    const { chunks, usage, event } = chunksOf(random);
    const blocks = [];
    const add = (kind, text) => blocks.push({ kind, bytes: Buffer.from(text) });
    const idle = (p, kind) => {
        if (writer.comments && random.chance(p)) add(kind, writer.comment() + writer.blank());
        if (random.chance(p / 10)) add(kind, writer.blank());
    };
    idle(0.3, 'comment');
    for (const chunk of chunks) {
        add('passed', writer.event(chunk) + writer.blank());
        idle(0.15, 'passed');
    }
    if (event) add('usage', writer.event(event) + writer.blank());
    if (random.chance(0.85)) {
        add('last', writer.event('[DONE]') + writer.blank());
        idle(0.1, 'last');
    }
    if (random.chance(0.1)) cutEnd(random, blocks);
    if (random.chance(0.1)) blocks[0].bytes = Buffer.concat([Buffer.from('\ufeff'), blocks[0].bytes]);
    return { blocks, tokens: usage.total_tokens };
}

/** Takes the last line ends away: such an event is complete when the upstream ends. */
function cutEnd(random, blocks) {
    const block = blocks.at(-1);
    const text = block.bytes.toString();
    const bare = text.replace(/[\r\n]+$/, '');
    const line = bare.slice(Math.max(bare.lastIndexOf('\r'), bare.lastIndexOf('\n')) + 1);
    if (!line.startsWith('data')) return;
    const end = /\r\n|\r|\n/.exec(text.slice(bare.length))[0];
    block.bytes = Buffer.from(random.chance(0.5) ? bare : bare + end);
    block.open = true;
}

/** Cuts `bytes` into up to `most` + 1 pieces, with a liking for what is easily split wrongly. */
export function cutsOf(random, bytes, most) {
    const at = new Set();
    for (let n = random.below(most + 1); n > 0 && bytes.length > 1; n--) {
        let place = random.between(1, bytes.length - 1);
        // Forward to behind a CR, or into a character of several bytes.
        const like = random.pick([null, (b) => b === 13, (b) => b >= 0xc0]);
        if (like) {
            const found = bytes.subarray(place - 1, place + 500).findIndex(like);
            if (found >= 0 && place + found < bytes.length) place += found;
        }
        at.add(place);
    }
    const places = [0, ...[...at].sort((a, b) => a - b), bytes.length];
    return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}
