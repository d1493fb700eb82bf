#!/bin/sh
# Runs N schedules from SEED on in two processes; prints what each has done, and one closing line
# "sim: N passed, N failed, N skipped" for the sum of all tests.
n=$1 seed=$2
first=$(((n + 1) / 2))
folder=$(mktemp -d "$(dirname "$SIM")/run-XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/a" "$folder/b"
"$SIM" "$first" "$seed" "$folder/a" >"$folder/log" 2>&1 &
pid=$!
status=0
if [ "$n" -gt 1 ]; then
    "$SIM" $((n - first)) $((seed + first)) "$folder/b" || status=1
fi
wait "$pid" || status=1
cat "$folder/log"
echo "sim: $((1 - status)) passed, $status failed, 0 skipped"
exit $status
