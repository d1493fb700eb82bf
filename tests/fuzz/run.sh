#!/bin/sh
# Runs the fuzzers named as arguments, TIME seconds over all of them, and says how many found nothing.
# Each first runs what it has found before (tests/fuzz/found/NAME), then goes on from the tests' own
# samples and from the corpus of earlier runs ($BUILD/corpus).  What makes one fail is left in
# $BUILD/crashes: keep it in tests/fuzz/found, with a unit test, when the fault is repaired.
set -u
cd "$(dirname "$0")/../.."
seeds=$BUILD/seeds
crashes=$BUILD/crashes
each=$((TIME / $#))
[ "$each" -gt 0 ] || each=1
passed=0 failed=0
rm -rf "$seeds"
node tests/fuzz/seeds.mjs "$seeds" || exit 1
mkdir -p "$crashes"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

run() { # run NAME FOLDERS...: fuzzes, the first folder takes what is new
    name=$1
    shift
    "$BUILD/fuzz_$name" -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
        -artifact_prefix="$crashes/$name-" "$@" >"$BUILD/$name.log" 2>&1
}

for name in "$@"; do
    corpus=$BUILD/corpus/$name
    found=tests/fuzz/found/$name
    mkdir -p "$corpus"
    folders="$corpus $seeds/$name"
    [ ! -d "$found" ] || folders="$folders $found"
    # shellcheck disable=SC2086
    if run "$name" $folders; then
        passed=$((passed + 1))
        echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$BUILD/$name.log") runs, nothing found"
    else
        failed=$((failed + 1))
        echo "FAIL fuzz $name: $BUILD/$name.log"
        tail -n 40 "$BUILD/$name.log"
    fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
