// Bodies of multipart/form-data, part by part.

export const formType = 'multipart/form-data; boundary=b1';

/** A part with these header lines. */
export function part(head, value) {
    return Buffer.concat([Buffer.from(`--b1\r\n${head}\r\n\r\n`), Buffer.from(value), Buffer.from('\r\n')]);
}

export function textPart(name, value) {
    return part(`Content-Disposition: form-data; name="${name}"`, value);
}

export function filePart(name, bytes, { filename = 'a.bin', type = 'application/octet-stream' } = {}) {
    const disposition = `Content-Disposition: form-data; name="${name}"; filename="${filename}"`;
    return part(`${disposition}\r\nContent-Type: ${type}`, bytes);
}

export function form(...parts) {
    return Buffer.concat([...parts, Buffer.from('--b1--\r\n')]);
}

/** Speech at 16 kHz as a WAV file: silence of so many milliseconds. */
export function wav(ms) {
    const head = Buffer.alloc(44);
    const bytes = ms * 32;
    head.write('RIFF');
    head.writeUInt32LE(36 + bytes, 4);
    head.write('WAVEfmt ', 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(1, 20);
    head.writeUInt16LE(1, 22);
    head.writeUInt32LE(16000, 24);
    head.writeUInt32LE(32000, 28);
    head.writeUInt16LE(2, 32);
    head.writeUInt16LE(16, 34);
    head.write('data', 36);
    head.writeUInt32LE(bytes, 40);
    return Buffer.concat([head, Buffer.alloc(bytes)]);
}
