#!/bin/sh
# All tests: unit, the simulator, then end to end; ends with the list of failures that no test produced and one
# line "N passed, N failed, N skipped" over everything.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

$MAKE --no-print-directory check 2>&1 | tee "$log.unit" | grep -v '^  CC\|^  LINK'
grep -q '^unit: [0-9]* passed, 0 failed' "$log.unit" || status=1
SIM=$BUILD/sim/sim sh tests/sim/run.sh "${SCHEDULES:-10000}" 1 2>&1 | tee "$log.sim"
grep -q '^sim: 1 passed, 0 failed' "$log.sim" || status=1
GATEWAY_BIN=$BUILD/gateway sh tests/e2e/run.sh 2>&1 | tee "$log.e2e"
grep -q '^e2e: [0-9]* passed, 0 failed' "$log.e2e" || status=1

cat "$log.unit" "$log.sim" "$log.e2e" | awk '
    /^(unit|sim|e2e): [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {
        passed += $2; failed += $4; skipped += $6; parts++
    }
    END {
        if (parts < 3) failed++ # a part that did not come to its end
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0
    }' || status=1
rm -f "$log.unit" "$log.sim" "$log.e2e"
exit $status
