// A gateway between a test of the Responses API and two scripted providers, with the usual calls.

import { scene } from './gateway.mjs';
import { call as callRaw, RawClient } from './raw.mjs';
import { respondStream } from './requests.mjs';

const price = ['in_text 1 per 1M tokens', 'out_text 1 per 1M tokens'];
const endpoints = 'chat responses';
export const path = '/v1/responses';
export const models = {
    'gpt-4o-mini': { endpoints, offer: ['P1/up-mini priority=1', 'P2/mini-b priority=2'], price },
    'only-one': { endpoints, offer: ['P1/up-one'], price },
};

/** owner: whose `after` ends it, with its name. */
export async function responseScene(owner) {
    const s = await scene(owner, { models, fixture: ['K1', 'K1b', 'K2'] });
    const call = (options, gateway = s.gw) => callRaw(gateway, { path, ...options });
    return {
        ...s,
        call,
        row: (response, gateway = s.gw) => gateway.row(response),
        open: (gateway = s.gw, options = {}) =>
            RawClient.open(gateway, { path, body: respondStream, ...options }),
        /** The providers answer so; gives the answer to a streamed request. */
        async streamed(first, second) {
            s.reset();
            s.M1.once(first);
            if (second) s.M2.once(second);
            return call({ body: respondStream });
        },
    };
}
