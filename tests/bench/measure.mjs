// The measurements: each on a stand of its own, both sides in every round.

import { paired, ratios, short, sideFigures, spread } from './figures.mjs';
import { cpuUs, machineUs, rssBytes, switches, threadCpuUs } from './proc.mjs';
import { load, pause, Stand } from './stand.mjs';

const settleMs = 100; // for what is left to do behind the last answer: checkpoints

/** Share of the machine that went to neither of the processes between two looks. */
class Watch {
    constructor(stand, client) {
        this.pids = [...stand.gateway.pids, ...stand.nginx.pids, stand.fixture.pid, client.pid, process.pid];
        this.before = this.#look();
    }

    #look() {
        return { ...machineUs(), own: cpuUs(this.pids) };
    }

    others() {
        const now = this.#look();
        const { all, busy, own } = this.before;
        return now.all === all ? 0 : Math.max(0, (now.busy - busy - (now.own - own)) / (now.all - all));
    }
}

async function figuresOf(client, ms) {
    const figures = JSON.parse(await client.line(ms));
    if (figures.bad > 0) throw new Error('a wrong answer (see above)');
    return figures;
}

async function ended(client) {
    const how = await client.ended;
    if (how.code !== 0) throw new Error(`load ended: ${JSON.stringify(how)}`);
}

/** Requests as fast as they go: figures of one side. */
export async function requests(stand, side, { connections, slice, requestsMax }) {
    const client = load('json', side.port, stand.key, connections, slice, requestsMax);
    await figuresOf(client);
    const watch = new Watch(stand, client);
    const before = { cpu: cpuUs(side.pids), switches: switches(side.pids) };
    client.tell('go');
    const { done, seconds, p50_us, p99_us } = await figuresOf(client, (slice + 10) * 1000);
    const others = watch.others();
    await pause(settleMs);
    const cpu_us = (cpuUs(side.pids) - before.cpu) / done;
    const perRequest = (switches(side.pids) - before.switches) / done;
    client.child.stdin.end();
    await ended(client);
    stand.count[side.name] += done;
    return { cpu_us, per_second: done / seconds, p50_us, p99_us, switches: perRequest, others };
}

async function openStreams(stand, side, count) {
    const client = load('stream', side.port, stand.key, count);
    await figuresOf(client);
    stand.count[side.name] += count;
    return client;
}

async function endStreams(stand, client, count) {
    stand.endStreams();
    const { ended: right } = await figuresOf(client);
    if (right !== count) throw new Error(`${right} of ${count} streams ended as they should`);
    await ended(client);
}

/** Events of open streams during a while: figures of one side. */
async function events(stand, side, { streams, slice }) {
    const client = await openStreams(stand, side, streams);
    await pause(settleMs);
    const watch = new Watch(stand, client);
    const before = { cpu: cpuUs(side.pids), switches: switches(side.pids) };
    client.tell('begin');
    await pause(slice * 1000);
    client.tell('end');
    const { done, seconds, p50_us, p99_us } = await figuresOf(client);
    const cpu_us = (cpuUs(side.pids) - before.cpu) / done;
    const perEvent = (switches(side.pids) - before.switches) / done;
    const others = watch.others();
    await endStreams(stand, client, streams);
    return { cpu_us, per_second: done / seconds, p50_us, p99_us, switches: perEvent, others };
}

async function onStand(name, options, use) {
    const stand = await Stand.start(name, options);
    stand.count = { gateway: 0, nginx: 0 };
    const figures = await use(stand);
    await stand.stop(stand.count);
    return figures;
}

function summary(rounds) {
    return {
        cpu_ratio: ratios(rounds, 'cpu_us'),
        per_second_ratio: ratios(rounds, 'per_second'),
        p50_ratio: ratios(rounds, 'p50_us'),
        gateway: sideFigures(rounds, 'gateway'),
        nginx: sideFigures(rounds, 'nginx'),
        others: spread(rounds.map((r) => r.others)),
    };
}

/** 1 KB requests with an answer of 1 KB. */
export function relay(options, tell) {
    return onStand('relay', {}, async (stand) => {
        for (const side of ['gateway', 'nginx']) await requests(stand, stand[side], options);
        const one = (side) => requests(stand, stand[side], options);
        return summary(await paired(options.rounds, options.quietShare, one, tell));
    });
}

/**
 * CPU of the store's thread for each request, its commits and what adds them up for the reports: by
 * itself that begins after a minute, a report does not wait for it.
 */
export async function store(options) {
    const rounds = [];
    for (let round = 0; round < options.rounds; round++) {
        rounds.push(await onStand('store', {}, async (stand) => {
            const { pid } = stand.gateway.process;
            const look = () => threadCpuUs(pid, 'store');
            const { others } = await requests(stand, stand.gateway, options); // keys and statements are known now
            const before = { us: look(), count: stand.count.gateway };
            await requests(stand, stand.gateway, options);
            const count = stand.count.gateway - before.count;
            const committed = look();
            stand.addUp();
            return { commit_us: (committed - before.us) / count, roll_up_us: (look() - committed) / stand.count.gateway, others };
        }));
    }
    const of = (name) => spread(rounds.map((r) => r[name]));
    return { commit_us: of('commit_us'), roll_up_us: of('roll_up_us'), others: of('others') };
}

/** Streams with an event every 10 ms each. */
export function paced(options, tell) {
    return onStand('paced', { intervalUs: 10000, buffering: 'off' }, async (stand) => {
        const one = (side) => events(stand, stand[side], options);
        return summary(await paired(options.rounds, options.quietShare, one, tell));
    });
}

/** Requests beside many streams with an event every 20 s, and without; memory of such a stream. */
export function quiet(options, tell) {
    const { quietStreams } = options;
    const few = { ...options, connections: Math.min(16, options.connections) };
    return onStand('quiet', { intervalUs: 20000000, buffering: 'off' }, async (stand) => {
        for (const side of ['gateway', 'nginx']) await requests(stand, stand[side], few);
        const memory = {}; // of the first round: later ones reuse what was freed
        const one = async (name) => {
            const side = stand[name];
            const without = await requests(stand, side, few);
            const rss = rssBytes(side.pids);
            const client = await openStreams(stand, side, quietStreams);
            await pause(settleMs);
            memory[name] ??= (rssBytes(side.pids) - rss) / 1024 / quietStreams;
            const beside = await requests(stand, side, few);
            await endStreams(stand, client, quietStreams);
            const others = Math.max(without.others, beside.others);
            const growth = beside.cpu_us / without.cpu_us;
            return { without_us: without.cpu_us, beside_us: beside.cpu_us, growth, others };
        };
        const rounds = await paired(Math.ceil(options.rounds / 3), options.quietShare, one, tell);
        return {
            kb_per_stream: { gateway: short(memory.gateway), nginx: short(memory.nginx) },
            gateway: sideFigures(rounds, 'gateway'),
            nginx: sideFigures(rounds, 'nginx'),
            others: spread(rounds.map((r) => r.others)),
        };
    });
}
