// Users, groups and keys of the contract's fixture; each test makes only what it names.

const users = {
    u1: ['--credit', '1'],
    u2: ['--group', 'basic', '--credit', '1'],
    u0: [],
    ud: ['--credit', '1'],
};

const groups = {
    basic: ['--models', 'gpt-4o-mini'],
    empty: ['--models', '*', '--quota', '0'],
    nochat: ['--models', '*', '--endpoints', 'video'],
};

/** name: [secret, user, options of `key create`, what to do with it afterwards] */
const keys = {
    K1: ['sk-t1-0000000000', 'u1', []],
    K1b: ['sk-t1b-0000000000', 'u1', []],
    K1s: ['My API Key 0000', 'u1', []],
    K2: ['sk-t2-0000000000', 'u2', []],
    K4: ['sk-t4-0000000000', 'u1', [], 'disable'],
    K5: ['sk-t5-0000000000', 'u1', ['--networks', '10.9.9.9']],
    K6: ['sk-t6-0000000000', 'u0', []],
    K7: ['sk-t7-0000000000', 'u1', ['--limit', '0']],
    K8: ['sk-t8-0000000000', 'u1', ['--models', 'tts-1']],
    KG: ['sk-tg-0000000000', 'u1', ['--group', 'empty']],
    KE: ['sk-te-0000000000', 'u1', ['--group', 'nochat']],
    KD: ['sk-td-0000000000', 'ud', []],
};

async function ensure(gateway, kind, name, args) {
    gateway.made ??= new Set();
    if (gateway.made.has(`${kind} ${name}`)) return;
    gateway.made.add(`${kind} ${name}`);
    await gateway.cli([kind, 'add', name, ...args]);
}

async function makeKey(gateway, name) {
    const [secret, user, args, then] = keys[name];
    const userArgs = users[user];
    for (const list of [userArgs, args]) {
        const at = list.indexOf('--group');
        if (at >= 0) await ensure(gateway, 'group', list[at + 1], groups[list[at + 1]]);
    }
    await ensure(gateway, 'user', user, userArgs);
    const key = await gateway.cli(['key', 'create', user, '--name', name, '--secret-stdin', ...args], {
        input: `${secret}\n`,
    });
    gateway.keys ??= {};
    gateway.keys[name] = key;
    if (then === 'disable') await gateway.cli(['key', 'disable', String(key.id)]);
}

/** Makes the named keys with the users and groups they need. */
export async function fixtureOf(gateway, names) {
    for (const name of names) await makeKey(gateway, name);
    if (names.includes('KD')) await gateway.cli(['user', 'disable', 'ud']);
}

export const secretOf = Object.fromEntries(
    Object.entries(keys).map(([name, [secret]]) => [name, secret]),
);
