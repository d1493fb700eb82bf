// `make bench`: the gateway, with keys, quotas, metering and the durable ledger on, against nginx's
// proxy_pass before the same upstream; one loop thread against one worker.
//
// Only ratios made within a round are worth quoting: both sides see the same machine.  CPU is that of
// the gateway's or nginx's processes alone.  Every answer is compared byte for byte, and the books
// must name every request: a gateway that is wrong has no figures.
//
// From the environment: JSON=1 (one object on standard output), ROUNDS (7), SLICE (seconds a side
// and round: 1), CONNECTIONS (64), STREAMS (100), QUIET (5000), REQUESTS (at most, a side and round),
// ONLY=relay|store|paced|quiet|stalls|instructions (the last only when asked for: it needs valgrind), GATE=1
// (exit 1 when a goal is missed).

import { isSanitized } from '../e2e/lib/place.mjs';
import { spreadText } from './figures.mjs';
import { instructions, valgrindIsThere } from './instructions.mjs';
import { paced, quiet, relay, store } from './measure.mjs';
import { stalls } from './stalls.mjs';

const number = (name, fallback) => Number(process.env[name] || fallback);
const options = {
    rounds: number('ROUNDS', 7),
    slice: number('SLICE', 1),
    connections: number('CONNECTIONS', 64),
    streams: number('STREAMS', 100),
    quietStreams: number('QUIET', 5000),
    requestsMax: number('REQUESTS', 10000000),
    quietShare: 0.1,
};
const json = process.env.JSON === '1';
const wanted = (name) => !process.env.ONLY || process.env.ONLY === name;
const say = (text) => json || console.log(text);
const percent = (share) => `${(share * 100).toFixed(0)} %`;

function pairedTeller(head) {
    say(`\n${head}\n  us of CPU: gateway   nginx   ratio   CPU of others`);
    return ({ gateway, nginx, others }) => {
        const cells = [gateway.cpu_us.toFixed(1), nginx.cpu_us.toFixed(1)];
        const ratio = (gateway.cpu_us / nginx.cpu_us).toFixed(2);
        say(`  ${cells[0].padStart(18)} ${cells[1].padStart(7)} ${ratio.padStart(7)}   ${percent(others)}`);
    };
}

function pairedSummary(figures, what) {
    say(`  ratio of CPU ${spreadText(figures.cpu_ratio)}, of ${what}/s ${spreadText(figures.per_second_ratio)}`);
    for (const name of ['gateway', 'nginx']) {
        const { cpu_us, per_second, p50_us, p99_us, switches } = figures[name];
        const times = `p50 ${p50_us.median} us, p99 ${p99_us.median} us`;
        say(
            `  ${name.padEnd(8)} ${spreadText(cpu_us, 1)} us of CPU, ${per_second.median} ${what}/s, ` +
                `${times}, ${switches.median} context switches`,
        );
    }
}

function quietTeller() {
    say(`\nrequests at 16 connections beside ${options.quietStreams} quiet streams`);
    return (round) => {
        const cells = ['gateway', 'nginx'].map((name) => {
            const { without_us, beside_us, growth } = round[name];
            return `${name} ${without_us.toFixed(1)} -> ${beside_us.toFixed(1)} us (${growth.toFixed(2)}x)`;
        });
        say(`  ${cells.join(', ')}; CPU of others ${percent(round.others)}`);
    };
}

function quietSummary({ gateway, nginx, kb_per_stream: kb }) {
    say(`  growth: gateway ${spreadText(gateway.growth)}, nginx ${spreadText(nginx.growth)}`);
    say(`  memory of a quiet stream: gateway ${kb.gateway} KB, nginx ${kb.nginx} KB`);
}

const result = { settings: options };
const goals = [];
const goal = (name, value, limit) => goals.push({ name, value, limit, met: value <= limit });
const begin = Date.now();

if (wanted('relay')) {
    result.relay = await relay(options, pairedTeller(`1 KB requests, ${options.connections} connections`));
    pairedSummary(result.relay, 'requests');
    goal('CPU of a request : nginx', result.relay.cpu_ratio.median, 2.5);
}
if (wanted('store')) {
    say(`\nthe store's thread, ${options.connections} connections`);
    result.store = await store(options);
    const { commit_us, roll_up_us, others } = result.store;
    say(`  us of CPU a request: commits ${spreadText(commit_us, 1)}, sums of reports ${spreadText(roll_up_us, 1)}; CPU of others ${percent(others.max)}`);
    goal('CPU of the store for a request, us', commit_us.median + roll_up_us.median, 25);
}
if (wanted('paced')) {
    const head = `${options.streams} streams, 100 events/s each`;
    result.paced = await paced({ ...options, slice: options.slice * 2 }, pairedTeller(head));
    pairedSummary(result.paced, 'events');
    goal('CPU of a paced event : nginx', result.paced.cpu_ratio.median, 1.5);
}
if (wanted('quiet')) {
    result.quiet = await quiet(options, quietTeller());
    quietSummary(result.quiet);
}
// Its shim for names does not go with a sanitizer, which wants to be loaded first.
if (wanted('stalls') && !isSanitized) {
    say('\nrequests at 16 connections beside a provider that hangs, and without');
    result.stalls = await stalls(options, (name, figures) => {
        const { p99_ratio, p50_ratio, p99_us, lag_ms } = figures;
        say(`  in its ${name}: ratio of p99 ${spreadText(p99_ratio)}, of p50 ${spreadText(p50_ratio)}, p99 ${p99_us.median} us, longest turn ${lag_ms} ms`);
        goal(`p99 beside a hanging ${name} : without`, p99_ratio.median, 1.2);
        goal(`longest turn of a loop beside it, ms`, lag_ms, 20);
    });
}
if (process.env.ONLY === 'instructions' && valgrindIsThere()) {
    result.instructions = await instructions(options.connections, 2000);
    for (const { each, functions } of result.instructions) {
        say(`\na thread: ${each} instructions a request, of them with all they call`);
        for (const row of functions.filter((f) => f.each > each / 50).slice(0, 60)) {
            say(`  ${String(row.each).padStart(8)}  ${row.name} (${row.from})`);
        }
    }
}
result.goals = goals;
result.seconds = Math.round((Date.now() - begin) / 1000);
say('');
for (const { name, value, limit, met } of goals) {
    say(`${met ? 'met   ' : 'MISSED'}  ${name}: ${value.toFixed(2)}, goal <= ${limit}`);
}
say(`every answer was right and in the books; ${result.seconds} s`);
if (json) console.log(JSON.stringify(result));
if (process.env.GATE === '1' && goals.some(({ met }) => !met)) process.exitCode = 1;
