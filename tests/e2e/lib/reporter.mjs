// A short test report: one line a file-level test that failed or was skipped, all about failures, and
// the closing count of what was really tested (a test with subtests counts by these).

const filtered = /test name does not match pattern/;

function told(error) {
    const cause = error?.cause instanceof Error ? error.cause : error;
    const stack = cause?.stack ?? String(cause);
    const inner = cause?.cause ? `\ncause: ${cause.cause.stack ?? cause.cause}` : '';
    return `${stack}${inner}`.replace(/^/gm, '    ');
}

export default async function* reporter(source) {
    const count = { passed: 0, failed: 0, skipped: 0 };
    const failures = [];
    const groups = new Map(); // file -> nesting levels that have had a test below
    for await (const { type, data } of source) {
        if (type === 'test:stderr' || type === 'test:stdout') yield data.message;
        if (type !== 'test:pass' && type !== 'test:fail') continue;
        const key = data.file ?? '';
        const below = groups.get(key) ?? [];
        groups.set(key, below);
        const isGroup = below[data.nesting + 1] === true;
        below.length = data.nesting + 1;
        below[data.nesting] = true;
        if (data.skip !== undefined && data.skip !== false) {
            if (filtered.test(String(data.skip))) continue;
            count.skipped++;
            yield `skip ${data.name}: ${data.skip}\n`;
        } else if (type === 'test:fail') {
            const error = data.details?.error;
            if (error?.failureType === 'subtestsFailed') continue;
            count.failed++;
            failures.push(`FAIL ${data.name}\n${told(error)}\n`);
            yield `FAIL ${data.name}\n`;
        } else if (!isGroup && !data.name.endsWith('.mjs')) {
            count.passed++;
        }
    }
    if (failures.length > 0) yield `\n${failures.join('\n')}\n`;
    const { passed, failed, skipped } = count;
    yield `e2e: ${passed} passed, ${failed} failed, ${skipped} skipped\n`;
}
