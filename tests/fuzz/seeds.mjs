// What the fuzzers begin with: the samples of the other tests, in the form that each target reads.
//     node tests/fuzz/seeds.mjs FOLDER

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { data, events, J1, S1, S1u } from '../e2e/lib/answers.mjs';
import { randomChatStream } from '../e2e/lib/chat_streams.mjs';
import { wav } from '../e2e/lib/form.mjs';
import { families, probeBytes } from '../e2e/lib/heads.mjs';
import { Random } from '../e2e/lib/random.mjs';
import { chat, chatStreamUsage } from '../e2e/lib/requests.mjs';
import { begunStream, e, failedEvent, flatError, nestedError, RS1 } from '../e2e/lib/response_answers.mjs';

const [folder] = process.argv.slice(2);
const here = path.dirname(fileURLToPath(import.meta.url));
const longest = 4000;

function write(target, seeds) {
    const into = path.join(folder, target);
    fs.mkdirSync(into, { recursive: true });
    for (const [i, seed] of seeds.filter((one) => one.length <= longest).entries()) {
        fs.writeFileSync(path.join(into, String(i)), seed);
    }
}

/** Chooses the cuts, see the targets. */
const cuts = (i) => Buffer.from([i, i >> 8, 7, 0]);

function streams() {
    const texts = [S1, S1u, events('{"error":{"message":"x","code":429}}'), events(data.role, data.done)];
    for (let i = 0; i < 200; i++) {
        const { blocks } = randomChatStream(new Random(1, i));
        texts.push(Buffer.concat(blocks.map(({ bytes }) => bytes)));
    }
    return texts.map((text) => Buffer.from(text));
}

function documents() {
    const vectors = JSON.parse(fs.readFileSync(path.join(here, '../vectors/metering.json')));
    const texts = [J1, chat(), chatStreamUsage, '{"a":[{"b":1}],"b":"\\u00e9"}', '[[],{},"x",-1e5]'];
    const walk = (value) => {
        if (value === null || typeof value !== 'object') return;
        if (!Array.isArray(value)) texts.push(JSON.stringify(value));
        Object.values(value).forEach(walk);
    };
    walk(vectors);
    return texts.map((text) => Buffer.from(text));
}

/** A head as "METHOD TARGET VERSION", then "Name:value" lines, a NUL between all of them. */
function heads() {
    return Object.values(families)
        .flat()
        .filter((_, i) => i % 7 === 0)
        .map((head, i) => {
            const text = probeBytes(head, head.kinds[0], i).toString('latin1');
            const [lines] = text.split('\r\n\r\n');
            return Buffer.from(lines.replaceAll('\r\n', '\0').replaceAll(': ', ':'), 'latin1');
        });
}

/** A sound file of each format that is read. */
function sounds() {
    const mp3 = Buffer.alloc(417 * 4);
    for (let i = 0; i < 4; i++) mp3.set([0xff, 0xfb, 0x90], i * 417);
    const tag = Buffer.from('ID3\x04\0\0\0\0\0\x14'.padEnd(30, '\0'), 'latin1');
    const page = (end, packet) => {
        const head = Buffer.alloc(28);
        head.write('OggS');
        head.writeUInt32LE(end, 6);
        head.set([1, packet.length], 26);
        return Buffer.concat([head, Buffer.from(packet)]);
    };
    const opus = 'OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0';
    const ogg = Buffer.concat([page(0, opus), page(0, 'OpusTags'), page(48000, 'x'.repeat(200))]);
    return [wav(100), mp3, Buffer.concat([tag, mp3]), ogg];
}

/** Answers with vectors. */
function vectors() {
    const floats = JSON.stringify(Array.from({ length: 50 }, (_, i) => (i - 25) / 7));
    const texts = ['[1]', '[ ]', floats, '[1,null]', '[1e400]', '"AACAPw=="', '[[1],{"embedding":[1]}]'].map(
        (vector) => `{"object":"list","data":[{"index":0,"embedding":${vector}} ,{"embedding":[-0.5]}],"usage":{}}`,
    );
    return [...texts.map((text) => Buffer.from(text)), ...documents()];
}

function responseStreams() {
    const ends = [nestedError('rate_limit_exceeded', 'x'), flatError('c', 'x'), failedEvent('server_error')];
    const begun = e.created + e.progress;
    const texts = [RS1, begun, `${begunStream}data: [DONE]\n\n`, begun + e.added + e.hi + e.completed];
    for (const end of ends) texts.push(begun + end, begunStream + end);
    return texts.map((text) => Buffer.from(text));
}

/** Answers of an upstream by every framing, and breaks of them. */
function answers() {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
    const chunk = `${J1.length.toString(16)};a=b\r\n${J1}\r\n`;
    const texts = [
        `${head}Content-Length: ${J1.length}\r\n\r\n${J1}HTTP`,
        `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\nA: b\r\n\r\n`,
        `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${head}\r\n${J1}`,
        `HTTP/1.0 429 Slow\nConnection: keep-alive, x\nContent-Length: 0\n\n`,
        `${head}Content-Length: 2\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n`,
        'HTTP/1.1 204 None\r\n\r\n',
        `${head} folded\r\nName : x\r\n\r\n`,
    ];
    return texts.map((text) => Buffer.from(text));
}

const all = streams();
const responses = responseStreams();
write('sse', all.map((text, i) => Buffer.concat([cuts(i), text])));
write('tap', [
    ...all.map((text, i) => Buffer.concat([cuts(i), Buffer.from([i & 1]), text])),
    ...responses.map((text, i) => Buffer.concat([cuts(i), Buffer.from([2]), text])),
]);
write('jspan', documents().map((text, i) => Buffer.concat([cuts(i), text])));
write('guard', heads());
write('sound', sounds().map((file, i) => Buffer.concat([cuts(i), file])));
write('vector_text', vectors().map((text, i) => Buffer.concat([cuts(i), text])));
write('http_answer', answers().map((text, i) => Buffer.concat([cuts(i), text])));
