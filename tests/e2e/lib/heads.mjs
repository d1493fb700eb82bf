// Makes raw request heads that two parsers could read in two ways, each with bodies in which a second
// request is hidden where one of the readings would end the body too early.
//
// Rules: RFC 9112, sections 2.2 (line ends), 3 (request line), 5 (fields), 6 (framing).

const controls = [...Array.from({ length: 32 }, (_, i) => i), 0x7f];
const others = [0x80, 0xa0, 0xff];

function shown(byte) {
    return `0x${byte.toString(16).padStart(2, '0')}`;
}

const hiddenBody = (id) =>
    JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: `hidden ${id}` }] });

/** The request that must never come out. */
export function hidden(id) {
    const body = hiddenBody(id);
    return (
        'POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.test\r\n' +
        'Authorization: Bearer sk-t1-0000000000\r\nContent-Type: application/json\r\n' +
        `Content-Length: ${body.length}\r\n\r\n${body}`
    );
}

function plain(id) {
    return JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: `probe ${id}` }] });
}

function chunk(text) {
    return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
}

/**
 * Bodies and the lengths to announce for them.  Each is whole, and hides nothing, for whom it was made;
 * who reads the head in another way finds the hidden request behind the end of a shorter body.
 */
const bodies = {
    /** An ordinary request by its length. */
    counted: (id) => ({ body: plain(id), length: plain(id).length }),
    /** An ordinary request in chunks; a length, where there is one, is that of the wire. */
    chunked: (id) => ({ body: chunk(plain(id)), length: chunk(plain(id)).length }),
    /** Safe by its length; comes out where the length is not seen. */
    all: (id) => ({ body: hidden(id), length: hidden(id).length }),
    /** Safe by its length; comes out where only a part of the number is read. */
    cut: (id) => ({ body: `x${hidden(id)}`.padEnd(1000), length: 1000 }),
    /** Safe by its length; comes out where chunks are read. */
    noChunk: (id) => ({ body: `0\r\n\r\n${hidden(id)}`, length: hidden(id).length + 5 }),
    /** Safe in chunks; comes out by its length. */
    oneChunk: (id) => {
        const body = chunk(hidden(id));
        return { body, length: body.indexOf('\n') + 1 };
    },
};

const usual = [
    'Host: gateway.test',
    'Authorization: Bearer sk-t1-0000000000',
    'Content-Type: application/json',
];

/** `lines` are the raw lines about the body, {n} in them its length. */
function fields(name, lines, kinds, more = {}) {
    return { name, lines, kinds, ...more };
}

const TE = 'Transfer-Encoding';
const CL = 'Content-Length';

/** Every place of a field's line, with something put there. */
function placed(name, value, what) {
    const middle = name.indexOf('-');
    return {
        'before the name': `${what}${name}: ${value}`,
        'in the name': `${name.slice(0, middle)}${what}${name.slice(middle)}`.concat(`: ${value}`),
        'for a letter of the name': `${name.slice(0, 3)}${what}${name.slice(4)}: ${value}`,
        'after the name': `${name}${what}: ${value}`,
        'for the space': `${name}:${what}${value}`,
        'before the value': `${name}: ${what}${value}`,
        'in the value': `${name}: ${value[0]}${what}${value.slice(1)}`,
        'after the value': `${name}: ${value}${what}`,
    };
}

function controlHeads() {
    const made = [];
    for (const byte of [...controls, ...others]) {
        const what = String.fromCharCode(byte);
        for (const [place, line] of Object.entries(placed(TE, 'chunked', what))) {
            const name = `${shown(byte)} ${place} of ${TE}`;
            made.push(fields(name, [line], ['chunked', 'oneChunk']));
            made.push(fields(`${name}, with ${CL}`, [`${CL}: {n}`, line], ['noChunk', 'oneChunk']));
        }
        // Where the byte does not end a line there is no second field.
        const hung = `${shown(byte)} behind another field's value: `;
        made.push(fields(`${hung}${CL}`, [`X-A: a${what}${CL}: {n}`], ['all']));
        made.push(fields(`${hung}${TE}`, [`X-A: a${what}${TE}: chunked`], ['oneChunk']));
        made.push(fields(`${hung}${TE}, with ${CL}`, [`${CL}: {n}`, `X-A: a${what}${TE}: chunked`], ['noChunk']));
        for (const [place, line] of Object.entries(placed(CL, '{n}', what))) {
            const name = `${shown(byte)} ${place} of ${CL}`;
            if (place !== 'in the value') {
                made.push(fields(name, [line], ['counted', 'all']));
                made.push(fields(`${name}, with ${TE}`, [line, `${TE}: chunked`], ['noChunk', 'oneChunk']));
            }
        }
        for (const number of [`1${what}000`, `${what}1000`, `1000${what}`, `1${what}`, `0${what}1000`]) {
            const told = number.replace(what, `<${shown(byte)}>`);
            made.push(fields(`${CL} ${told}`, [`${CL}: ${number}`], ['cut']));
        }
    }
    return made;
}

function foldedHeads() {
    const made = [];
    for (const [end, ends] of Object.entries({ CRLF: '\r\n', LF: '\n', CR: '\r' })) {
        for (const [blank, blanks] of Object.entries({ SP: ' ', HTAB: '\t', 'two SP': '  ' })) {
            const fold = ends + blanks;
            const name = `folded by ${end} ${blank}`;
            const lines = {
                [`${CL} before its value`]: [[`${CL}:${fold}{n}`], ['all']],
                [`${CL} behind its value`]: [[`${CL}: {n}${fold}`], ['all']],
                [`${CL} behind its value, text`]: [[`${CL}: {n}${fold}x`], ['all']],
                [`${CL} before its colon`]: [[`${CL}${fold}: {n}`], ['all']],
                [`${CL} in its value`]: [[`${CL}: 1${fold}000`], ['cut']],
                [`${CL} behind another`]: [[`X-A: b${fold}${CL}: {n}`], ['all']],
                [`${TE} before its value`]: [[`${TE}:${fold}chunked`], ['oneChunk']],
                [`${TE} before its value, with ${CL}`]: [
                    [`${CL}: {n}`, `${TE}:${fold}chunked`],
                    ['noChunk', 'oneChunk'],
                ],
                [`${TE} behind its value, with ${CL}`]: [
                    [`${TE}: chunked${fold}`, `${CL}: {n}`],
                    ['noChunk', 'oneChunk'],
                ],
                [`${TE} in its value, with ${CL}`]: [
                    [`${CL}: {n}`, `${TE}: chun${fold}ked`],
                    ['noChunk', 'oneChunk'],
                ],
                [`${TE} before its colon, with ${CL}`]: [
                    [`${CL}: {n}`, `${TE}${fold}: chunked`],
                    ['noChunk', 'oneChunk'],
                ],
                [`${TE} list`]: [[`${TE}: identity,${fold}chunked`], ['oneChunk']],
            };
            for (const [where, [raw, kinds]] of Object.entries(lines)) {
                made.push(fields(`${name}: ${where}`, raw, kinds));
            }
        }
    }
    return made;
}

/** Numbers for a body of 1,000 bytes of which a careless reader sees another length. */
const lengths = [
    '+1000', '-1000', '+1', '-1', '- 1', '1,1000', '1000,1000', '1000, 1000', '1, 1', '1;1000', '1 1000',
    '1000,', ',1000', '1000;', '0x3e8', '0x1', '0X1', '1.0', '1.', '1e3', '1E3', '1_000', '1 000', "1'000",
    '"1000"', "'1'", '(1)1000', '1\u00001000', '', ' ', '\u00b9', '\u0661', 'x', '1x', 'x1', 'NaN', 'inf',
    '0b1', '01', '0001', '00000000000000000000000000001', '1\t', '\t1', ' 1', '1 ',
    '9223372036854775807', '9223372036854775808', '18446744073709551615', '18446744073709551616',
    '18446744073709551617', '-18446744073709551615', '340282366920938463463374607431768211457',
    '4294967297', '99999999999999999999999999',
];

/** Announced lengths that are right though they look odd, or that a body of the test cannot fill. */
const honest = new Set(['01', '0001', '00000000000000000000000000001', '1\t', '\t1', ' 1', '1 ']);
const endless = new Set(['9223372036854775807', '4294967297']);

function lengthHeads() {
    const made = [];
    for (const number of lengths) {
        const name = `${CL}: ${JSON.stringify(number)}`;
        if (!honest.has(number) && !endless.has(number)) made.push(fields(name, [`${CL}: ${number}`], ['cut']));
        made.push(fields(`${name} behind a good one`, [`${CL}: {n}`, `${CL}: ${number}`], ['all']));
        made.push(fields(`${name} before a good one`, [`${CL}: ${number}`, `${CL}: {n}`], ['all', 'cut']));
        made.push(
            fields(`${name} with ${TE}`, [`${CL}: ${number}`, `${TE}: chunked`], ['oneChunk', 'noChunk']),
        );
    }
    made.push(fields('two equal lengths', [`${CL}: {n}`, `${CL}: {n}`], ['counted', 'all']));
    made.push(fields('two lengths, cases', [`${CL}: {n}`, `content-length: {n}`], ['counted', 'all']));
    made.push(fields('a list of equal lengths', [`${CL}: {n}, {n}`], ['counted', 'all']));
    made.push(fields('a length of another name', [`${CL}_: {n}`], ['all']));
    made.push(fields('an underscore', ['Content_Length: {n}'], ['all']));
    made.push(fields('no length', [], ['all']));
    for (const odd of ['Content-Lengt', 'Content-Lengthh', 'ontent-Length', 'Content-Length-', 'X-Content-Length']) {
        made.push(fields(`${odd}: no length`, [`${odd}: {n}`], ['all']));
    }
    return made;
}

const codings = [
    'chunked', 'Chunked', 'CHUNKED', 'cHuNkEd', 'chunked ', ' chunked', 'chunked\t', '  \t chunked',
    'identity', 'gzip', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked, identity',
    'identity, chunked', ', chunked', 'chunked,', ',chunked', 'chunked;', 'chunked;q=1', 'chunked; x="y"',
    '"chunked"', "'chunked'", 'chunk', 'chunke', 'chunkedd', 'xchunked', 'x-chunked', 'chunked x', 'x chunked',
    'chun ked', '', ' ', '\\chunked', 'chunked\\', 'chunked/1', 'compress', 'deflate', 'trailers', 'cow',
    'chunKed', 'chun\u212aed', 'ch\u00fcnked', 'chunked\u0000', 'chunked\u0000gzip', '\u0000chunked',
];

function codingHeads() {
    const made = [];
    for (const coding of codings) {
        const line = `${TE}: ${coding}`;
        const name = `${TE}: ${JSON.stringify(coding)}`;
        made.push(fields(name, [line], ['chunked', 'oneChunk']));
        made.push(fields(`${name} before ${CL}`, [line, `${CL}: {n}`], ['noChunk', 'oneChunk']));
        made.push(fields(`${name} behind ${CL}`, [`${CL}: {n}`, line], ['noChunk', 'oneChunk']));
        made.push(fields(`${name} and chunked`, [line, `${TE}: chunked`], ['oneChunk', 'chunked']));
        made.push(fields(`chunked and ${name}`, [`${TE}: chunked`, line], ['oneChunk', 'chunked']));
        made.push(fields(`${name} in HTTP/1.0`, [line], ['oneChunk'], { version: 'HTTP/1.0' }));
        made.push(
            fields(`${name} in HTTP/1.0 with ${CL}`, [line, `${CL}: {n}`], ['noChunk', 'oneChunk'], {
                version: 'HTTP/1.0',
            }),
        );
    }
    for (const odd of ['Transfer_Encoding', 'Transfer-Encodin', 'Transfer-Encodingg', 'ransfer-Encoding']) {
        made.push(fields(`${odd}: no coding`, [`${odd}: chunked`], ['oneChunk']));
        made.push(fields(`${odd}: no coding, with ${CL}`, [`${CL}: {n}`, `${odd}: chunked`], ['noChunk']));
    }
    return made;
}

const versions = [
    'HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/2', 'HTTP/3', 'HTTP/1.10',
    'HTTP/1.01', 'HTTP/01.1', 'HTTP/11', 'HTTP/1', 'HTTP/1.', 'HTTP/.1', 'HTTP/', 'HTTP', '', 'http/1.1', 'Http/1.1',
    'HTTPS/1.1', 'HTTP /1.1', 'HTTP/ 1.1', 'HTTP/1.1 ', 'HTTP/1.1x', 'HTTP/1.1 x', 'HTTP/1,1', 'HTTP/+1.1',
    'HTTP/1.-1', 'HTTP/1.1\t', '\tHTTP/1.1', ' HTTP/1.1', 'HTTP/1.1\u0000', 'HTTP/1.1\u000b', 'HTTP\\1.1', 'ICY',
    'HTTP/1.1\r', 'HTTP/1.1 HTTP/1.1', '/v1/models HTTP/1.1',
];

function versionHeads() {
    const made = [];
    for (const version of versions) {
        const name = `version ${JSON.stringify(version)}`;
        made.push(fields(name, [`${CL}: {n}`], ['counted', 'all'], { version }));
        made.push(fields(`${name}, chunked`, [`${TE}: chunked`], ['chunked', 'oneChunk'], { version }));
        made.push(fields(`${name}, both`, [`${CL}: {n}`, `${TE}: chunked`], ['noChunk', 'oneChunk'], { version }));
    }
    return made;
}

/** NUL and its like in other places, request lines of several kinds, odd line ends. */
function lineHeads() {
    const made = [];
    const good = [`${CL}: {n}`];
    for (const byte of [...controls, ...others]) {
        const what = String.fromCharCode(byte);
        const name = shown(byte);
        const all = { [`${name} in a value`]: [...good, `X-A: a${what}b`] };
        all[`${name} behind a value`] = [...good, `X-A: a${what}`];
        all[`${name} in a name`] = [...good, `X-${what}A: a`];
        all[`${name} alone`] = [...good, what];
        for (const [which, lines] of Object.entries(all)) made.push(fields(which, lines, ['all']));
        for (const [where, start] of Object.entries({
            method: `PO${what}ST /v1/chat/completions HTTP/1.1`,
            'method behind': `POST${what} /v1/chat/completions HTTP/1.1`,
            'method before': `${what}POST /v1/chat/completions HTTP/1.1`,
            target: `POST /v1/chat${what}/completions HTTP/1.1`,
            'target behind': `POST /v1/chat/completions${what} HTTP/1.1`,
            'target before': `POST ${what}/v1/chat/completions HTTP/1.1`,
            'first space': `POST${what}/v1/chat/completions HTTP/1.1`,
            'second space': `POST /v1/chat/completions${what}HTTP/1.1`,
        })) {
            made.push(fields(`${name} ${where}`, good, ['counted', 'all'], { start }));
        }
    }
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'PATCH', 'TRACE', 'CONNECT', 'post', 'X']) {
        const start = `${method} /v1/chat/completions HTTP/1.1`;
        made.push(fields(`${method} with a length`, good, ['all'], { start }));
        made.push(fields(`${method} in chunks`, [`${TE}: chunked`], ['oneChunk'], { start }));
        made.push(fields(`${method} with both`, [...good, `${TE}: chunked`], ['noChunk', 'oneChunk'], { start }));
    }
    for (const end of ['\n', '\n\r', '\r\r\n', '\n\n', '\r', '\u0000\r\n', '\r\u0000\n']) {
        const name = `lines end with ${JSON.stringify(end)}`;
        made.push(fields(`${name}, length`, good, ['counted', 'all'], { end }));
        made.push(fields(`${name}, chunks`, [`${TE}: chunked`], ['chunked', 'oneChunk'], { end }));
        made.push(fields(`${name}, both`, [...good, `${TE}: chunked`], ['noChunk', 'oneChunk'], { end }));
    }
    return made;
}

/** Heads that mean one thing: they must be served. */
const served = [
    fields('a length', [`${CL}: {n}`], ['counted'], { served: true }),
    fields('a length, no space', [`${CL}:{n}`], ['counted'], { served: true }),
    fields('a length, HTAB', [`${CL}:\t{n}`], ['counted'], { served: true }),
    fields('a length in lower case', ['content-length: {n}'], ['counted'], { served: true }),
    fields('a length with zeros', [`${CL}: 000{n}`], ['counted'], { served: true }),
    fields('chunks', [`${TE}: chunked`], ['chunked'], { served: true }),
    fields('chunks in upper case', ['TRANSFER-ENCODING:CHUNKED'], ['chunked'], { served: true }),
    fields('other names', [`${CL}: {n}`, `X-${TE}: chunked`, `X-${CL}: 1`], ['counted'], { served: true }),
    fields('HTTP/1.0', [`${CL}: {n}`], ['counted'], { served: true, version: 'HTTP/1.0' }),
];

/** Families of heads, each with the fields about the body behind the others and before them. */
export const families = Object.fromEntries(
    Object.entries({
        'heads that mean one thing': served,
        'control bytes about the two fields': controlHeads(),
        'folded lines': foldedHeads(),
        lengths: lengthHeads(),
        codings: codingHeads(),
        versions: versionHeads(),
        'lines, methods and targets': lineHeads(),
    }).map(([name, heads]) => [
        name,
        heads.flatMap((head) => [head, { ...head, name: `${head.name} (first)`, first: true }]),
    ]),
);

/** The bytes of a head with the body of a kind. */
export function probeBytes(head, kind, id) {
    const { body, length } = bodies[kind](id);
    const { version = 'HTTP/1.1', end = '\r\n' } = head;
    const start = head.start ?? `POST /v1/chat/completions ${version}`;
    const about = head.lines.map((line) => line.replaceAll('{n}', String(length)));
    const lines = head.first ? [start, ...about, ...usual] : [start, ...usual, ...about];
    // What ends with CR alone is one line to the end: a head has to end, or it is waited for.
    const blank = end === '\r' ? '\r\n\r\n' : end;
    return Buffer.from(lines.map((line) => line + end).join('') + blank + body, 'latin1');
}
