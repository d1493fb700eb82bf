// A stream that waits before its last words, for as long as its gate is closed.

import { data, event, events, told } from './answers.mjs';
import { RawClient } from './raw.mjs';
import { chatStream } from './requests.mjs';
import { Barrier } from './wait.mjs';

/** Opens it, through M1, with `more` of its request: its client has the first words, and answers.mjs's S1 when the gate opens. */
export async function openStream(s, more = {}) {
    const gate = new Barrier();
    s.M1.once(
        told(async ({ send, last }) => {
            await send(events(data.role, data.hi));
            await gate.passed();
            await send(events(data.there, data.stop) + event(data.usage) + event(data.done));
            await last();
        }),
    );
    const client = await RawClient.open(s.gw, { body: chatStream, ...more });
    await client.text(events(data.role, data.hi));
    return { client, gate };
}
