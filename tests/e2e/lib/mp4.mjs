// Reads what an MP4 file says of itself.

import assert from 'node:assert/strict';

/** The boxes of a file or of another box: [name, its inside]... */
function boxesOf(bytes) {
    const boxes = [];
    for (let at = 0; at < bytes.length; ) {
        const size = bytes.readUInt32BE(at);
        assert.ok(size >= 8 && at + size <= bytes.length, 'a whole box');
        boxes.push([bytes.toString('latin1', at + 4, at + 8), bytes.subarray(at + 8, at + size)]);
        at += size;
    }
    return boxes;
}

function box(bytes, ...path) {
    for (const name of path) {
        const found = boxesOf(bytes).find(([one]) => one === name);
        assert.ok(found, `a box ${name}`);
        bytes = found[1];
    }
    return bytes;
}

/** Length and sides of a film that is all there. */
export function filmOf(bytes) {
    assert.equal(boxesOf(bytes)[0][0], 'ftyp');
    assert.ok(box(bytes, 'mdat').length > 0);
    const head = box(bytes, 'moov', 'mvhd');
    const track = box(bytes, 'moov', 'trak', 'tkhd');
    return {
        seconds: head.readUInt32BE(16) / head.readUInt32BE(12),
        width: track.readUInt32BE(76) >> 16,
        height: track.readUInt32BE(80) >> 16,
    };
}
