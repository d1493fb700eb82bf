#!/bin/sh
# Runs unit test binaries one after the other; prints the output of those that fail and one closing
# line "N passed, N failed, N skipped".
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for binary in "$@"; do
    timeout 120 "$binary" >"$log" 2>&1
    status=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep '^\[  FAILED  \] [a-z]' "$log" | sort -u | wc -l)
    skip=$(grep "^\[  SKIPPED \] [a-z]" "$log" | sort -u | wc -l)
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then echo "$binary: ran no test"; bad=1; fi
    [ "$bad" -eq 0 ] || { echo "== $binary (exit $status)"; cat "$log"; }
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done
echo "unit: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
