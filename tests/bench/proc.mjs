// What the kernel tells about processes: CPU, memory, context switches; and about the machine.

import fs from 'node:fs';

const ticksPerSecond = 100; // USER_HZ, the unit of /proc/*/stat, is 100 on every Linux there is

function read(file) {
    return fs.readFileSync(file, 'latin1');
}

function tasks(pid) {
    return fs.readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`);
}

/** utime + stime of a process in /proc/PID/stat, all threads, in microseconds: steps of 10 ms. */
function tickedCpuUs(pid) {
    const stat = read(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
}

/** The same time from schedstat, which counts nanoseconds, where the kernel keeps it. */
function cpuUsOf(pid) {
    try {
        const times = tasks(pid).map((task) => Number(read(`${task}/schedstat`).split(' ')[0]));
        return times.reduce((sum, ns) => sum + ns, 0) / 1000;
    } catch {
        return tickedCpuUs(pid);
    }
}

/** CPU of the process's one thread of that name. */
export function threadCpuUs(pid, name) {
    const [task] = tasks(pid).filter((folder) => read(`${folder}/comm`).trim() === name);
    return Number(read(`${task}/schedstat`).split(' ')[0]) / 1000;
}

function switchesOf(pid) {
    let sum = 0;
    for (const task of tasks(pid)) {
        for (const [, n] of read(`${task}/status`).matchAll(/ctxt_switches:\s+(\d+)/g)) sum += Number(n);
    }
    return sum;
}

/** A process and its children: nginx's master and worker. */
export function family(pid) {
    const children = read(`/proc/${pid}/task/${pid}/children`).trim();
    return [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
}

export const cpuUs = (pids) => pids.reduce((sum, pid) => sum + cpuUsOf(pid), 0);
export const tickedUs = (pids) => pids.reduce((sum, pid) => sum + tickedCpuUs(pid), 0);
export const switches = (pids) => pids.reduce((sum, pid) => sum + switchesOf(pid), 0);

export function rssBytes(pids) {
    const of = (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))[1]) * 1024;
    return pids.reduce((sum, pid) => sum + of(pid), 0);
}

/** Microseconds of the machine's CPUs so far: all, and those spent on anything (steal too). */
export function machineUs() {
    const [user, nice, system, idle, wait, irq, softirq, steal] = read('/proc/stat')
        .split('\n', 1)[0]
        .split(/\s+/)
        .slice(1)
        .map((ticks) => (Number(ticks) * 1e6) / ticksPerSecond);
    const busy = user + nice + system + irq + softirq + steal;
    return { all: busy + idle + wait, busy };
}
