#!/bin/sh
# End-to-end tests: installs the client libraries that are missing, runs the tests against the binary
# (GATEWAY_BIN, default build/gateway), and says which failures no test has produced.
# ONLY=E5 runs the tests whose names open with E5; FILES="a.test.mjs" runs those files.
set -eu
cd "$(dirname "$0")/../.."
root=$(pwd)
mkdir -p build/e2e

# Node 20 or newer; else npm's `node` package brings one.
node_major() {
    "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0
}
node=node
if [ "$(node_major node)" -lt 20 ]; then
    node=$root/build/node/node_modules/node/bin/node
    if [ "$(node_major "$node")" -lt 20 ]; then
        mkdir -p build/node
        npm install --prefix build/node --no-audit --no-fund --no-save node@22
    fi
fi

for client in tests/e2e/clients/*/; do
    if [ ! -e "$client/node_modules/.package-lock.json" ] ||
        [ "$client/package-lock.json" -nt "$client/node_modules/.package-lock.json" ]; then
        (cd "$client" && npm ci --no-audit --no-fund --loglevel=error)
        touch "$client/node_modules/.package-lock.json"
    fi
done

# openai-python: where pip reaches no index its tests are skipped, with the reason.
stamp=build/venv/requirements.txt
if ! cmp -s tests/python/requirements.txt "$stamp"; then
    rm -rf build/venv
    if python3 -m venv build/venv 2>build/e2e/pip.log &&
        build/venv/bin/pip install --quiet --disable-pip-version-check \
            -r tests/python/requirements.txt 2>>build/e2e/pip.log; then
        cp tests/python/requirements.txt "$stamp"
    else
        mkdir -p build/venv
        echo "openai-python could not be installed: $(tail -n 1 build/e2e/pip.log)" >build/venv/missing
    fi
fi

: >build/e2e/faults-seen
files=
for file in ${FILES:-$(cd tests/e2e && ls ./*.test.mjs)}; do
    files="$files tests/e2e/$(basename "$file")"
done
status=0
# shellcheck disable=SC2086
"$node" --test --test-timeout="${LIMIT_MS:-300000}" --test-concurrency="${JOBS:-2}" --test-reporter="./tests/e2e/lib/reporter.mjs" \
    ${ONLY:+--test-name-pattern="^$ONLY\\b"} $files || status=$?
[ -n "${ONLY:-}${FILES:-}" ] || "$node" tests/e2e/faults.mjs
exit $status
