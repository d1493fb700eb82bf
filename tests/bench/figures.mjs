// Sums up what rounds have measured.

export function spread(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    const odd = sorted.length % 2 === 1;
    const median = odd ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return { median: short(median), min: short(sorted[0]), max: short(sorted.at(-1)) };
}

/** Four digits that count. */
export function short(value) {
    return Number(value.toPrecision(4));
}

export function spreadText({ median, min, max }, digits = 2) {
    return `${median.toFixed(digits)} [${min.toFixed(digits)}–${max.toFixed(digits)}]`;
}

/** Each figure of one side over all rounds. */
export function sideFigures(rounds, side) {
    const names = Object.keys(rounds[0][side]);
    return Object.fromEntries(names.map((name) => [name, spread(rounds.map((r) => r[side][name]))]));
}

/** Ratios gateway : nginx of a figure, made within each round. */
export function ratios(rounds, name) {
    return spread(rounds.map((r) => r.gateway[name] / r.nginx[name]));
}

/**
 * Rounds of both sides back to back, in turn the one and the other first.  One that others on this
 * machine disturbed is run again, `count` more at most; the least disturbed count.
 */
export async function paired(count, quietShare, measure, tell) {
    const rounds = [];
    const calm = () => rounds.filter((r) => r.others <= quietShare).length;
    while (calm() < count && rounds.length < 2 * count) {
        const order = rounds.length % 2 === 0 ? ['gateway', 'nginx'] : ['nginx', 'gateway'];
        const round = { others: 0 };
        for (const side of order) {
            const { others, ...figures } = await measure(side);
            round[side] = figures;
            round.others = Math.max(round.others, others);
        }
        rounds.push(round);
        tell(round);
    }
    return rounds.sort((a, b) => a.others - b.others).slice(0, count);
}
