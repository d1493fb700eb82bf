// Reads the pictures that the sandbox draws.

import assert from 'node:assert/strict';
import zlib from 'node:zlib';

/** The width and height of a PNG file, given in base64, whose pixels are all there. */
export function sidesOf(base64) {
    const bytes = Buffer.from(base64, 'base64');
    assert.equal(bytes.toString('latin1', 0, 8), '\x89PNG\r\n\x1a\n');
    const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
    const at = bytes.indexOf('IDAT');
    const data = bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at - 4));
    assert.equal(zlib.inflateSync(data).length, (width + 1) * height);
    return [width, height];
}
