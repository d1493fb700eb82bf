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

# openai-python in each major: where pip reaches no index its tests are skipped, with the reason.
pip=build/python/pip/bin/pip
install_python() { # install_python VENV REQUIREMENTS
    [ -x "$pip" ] || python3 -m venv build/python/pip || return
    python3 -m venv --without-pip "$1" &&
        "$pip" --python "$1/bin/python" install --quiet --disable-pip-version-check -r "$2"
}
for wanted in tests/python/openai*.txt; do
    venv=build/python/$(basename "$wanted" .txt)
    cmp -s "$wanted" "$venv/requirements.txt" && continue
    rm -rf "$venv"
    if install_python "$venv" "$wanted" >build/e2e/pip.log 2>&1; then
        cp "$wanted" "$venv/requirements.txt"
    else
        mkdir -p "$venv"
        echo "openai-python could not be installed: $(tail -n 1 build/e2e/pip.log)" >"$venv/missing"
    fi
done

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
