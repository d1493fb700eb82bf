// An incremental HTTP/1.1 reader for both directions.  It keeps every byte it was given: tests
// compare heads and bodies as they stood on the wire, which no HTTP library would show.

const CRLF = Buffer.from('\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');

/** A request or a response, perhaps still arriving. */
export class Message {
    complete = false;
    framing = 'none'; // length, chunked, end, none
    pieces = []; // of the body, without framing, as they were read

    constructor(head) {
        this.head = head;
        const lines = head.toString('latin1').slice(0, -4).split('\r\n');
        this.startLine = lines[0];
        this.headers = lines.slice(1).map((line) => {
            const colon = line.indexOf(':');
            if (colon < 1) throw new Error(`malformed header line: ${line}`);
            return [line.slice(0, colon), line.slice(colon + 1).trim()];
        });
    }

    /** The first value of a header; undefined when there is none. */
    header(name) {
        return this.all(name)[0];
    }

    all(name) {
        const lower = name.toLowerCase();
        return this.headers.filter(([n]) => n.toLowerCase() === lower).map(([, value]) => value);
    }

    get body() {
        if (this.pieces.length > 1) this.pieces = [Buffer.concat(this.pieces)];
        return this.pieces[0] ?? Buffer.alloc(0);
    }

    get text() {
        return this.body.toString('utf8');
    }

    get json() {
        return JSON.parse(this.text);
    }

    get bytes() {
        return this.pieces.reduce((sum, piece) => sum + piece.length, 0);
    }
}

export class Request extends Message {
    constructor(head) {
        super(head);
        [this.method, this.target, this.version] = this.startLine.split(' ');
    }
}

export class Response extends Message {
    interim = []; // statuses of 1xx answers before this one

    constructor(head) {
        super(head);
        const match = /^(HTTP\/1\.[01]) (\d{3})(?: (.*))?$/.exec(this.startLine);
        if (!match) throw new Error(`malformed status line: ${this.startLine}`);
        this.version = match[1];
        this.status = Number(match[2]);
    }
}

/**
 * Reads messages from bytes.  `on.head(message)` is called when a head is complete,
 * `on.complete(message)` when its body is too.
 */
export class MessageReader {
    message = null; // the one that is arriving
    #kind;
    #on;
    #pending = Buffer.alloc(0);
    #state = 'head';
    #left = 0;
    #interim = [];

    constructor(kind, on = {}) {
        this.#kind = kind;
        this.#on = on;
    }

    /** Set before the answer to a HEAD request arrives. */
    noBody = false;

    feed(bytes) {
        this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
        while (this.#step());
    }

    /** The connection has ended: completes a body that is delimited by that. */
    end() {
        if (this.#state === 'untilEnd') this.#finish();
    }

    /** Nothing of a further message has arrived. */
    get isIdle() {
        return this.#state === 'head' && this.#pending.length === 0;
    }

    #step() {
        switch (this.#state) {
            case 'head':
                return this.#readHead();
            case 'length':
                return this.#readLength();
            case 'chunkSize':
                return this.#readChunkSize();
            case 'chunkData':
                return this.#readChunkData();
            case 'trailer':
                return this.#readTrailer();
            default:
                return this.#readUntilEnd();
        }
    }

    #take(n) {
        const bytes = this.#pending.subarray(0, n);
        this.#pending = this.#pending.subarray(n);
        return bytes;
    }

    #readHead() {
        const at = this.#pending.indexOf(HEAD_END);
        if (at < 0) return false;
        const head = Buffer.from(this.#take(at + 4));
        const message = this.#kind === 'request' ? new Request(head) : new Response(head);
        if (message.status >= 100 && message.status < 200) {
            this.#interim.push(message.status);
            this.#on.interim?.(message);
            return true;
        }
        message.interim = this.#interim;
        this.#interim = [];
        this.message = message;
        this.#frame(message);
        this.#on.head?.(message);
        if (message.framing === 'none') this.#finish();
        return true;
    }

    #frame(message) {
        const length = message.header('content-length');
        if (this.noBody || message.status === 204 || message.status === 304) {
            message.framing = 'none';
        } else if (/chunked/i.test(message.header('transfer-encoding') ?? '')) {
            message.framing = 'chunked';
            this.#state = 'chunkSize';
        } else if (length !== undefined) {
            this.#left = Number(length);
            message.framing = this.#left > 0 ? 'length' : 'none';
            this.#state = 'length';
        } else if (this.#kind === 'response') {
            message.framing = 'end';
            this.#state = 'untilEnd';
        }
    }

    #keep(bytes) {
        if (bytes.length === 0) return;
        this.message.pieces.push(Buffer.from(bytes));
        this.#on.body?.(this.message);
    }

    #readLength() {
        if (this.#pending.length === 0) return false;
        const bytes = this.#take(Math.min(this.#left, this.#pending.length));
        this.#left -= bytes.length;
        this.#keep(bytes);
        if (this.#left === 0) this.#finish();
        return true;
    }

    #readChunkSize() {
        const at = this.#pending.indexOf(CRLF);
        if (at < 0) return false;
        const line = this.#take(at + 2).toString('latin1').trim();
        if (!/^[0-9a-f]+(;.*)?$/i.test(line)) throw new Error(`malformed chunk size: ${line}`);
        this.#left = parseInt(line, 16);
        this.#state = this.#left === 0 ? 'trailer' : 'chunkData';
        return true;
    }

    #readChunkData() {
        if (this.#left > 0) {
            if (this.#pending.length === 0) return false;
            const bytes = this.#take(Math.min(this.#left, this.#pending.length));
            this.#left -= bytes.length;
            this.#keep(bytes);
            return true;
        }
        if (this.#pending.length < 2) return false;
        if (this.#take(2).toString('latin1') !== '\r\n') throw new Error('malformed chunk end');
        this.#state = 'chunkSize';
        return true;
    }

    #readTrailer() {
        const at = this.#pending.indexOf(CRLF);
        if (at < 0) return false;
        if (this.#take(at + 2).length === 2) this.#finish();
        return true;
    }

    #readUntilEnd() {
        if (this.#pending.length === 0) return false;
        this.#keep(this.#take(this.#pending.length));
        return true;
    }

    #finish() {
        const message = this.message;
        message.complete = true;
        this.message = null;
        this.#state = 'head';
        this.#on.complete?.(message);
    }
}
