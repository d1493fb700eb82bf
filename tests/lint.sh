#!/bin/sh
# Reads the sources given as arguments for faults of layout and of kind: clang-format, clang-tidy,
# cppcheck, and the names that this project does without.  `make lint` calls it with CPPFLAGS.
# Every step runs, so that one run tells all; the exit status is 1 if any of them found something.
set -u
cd "$(dirname "$0")/.."
cores=$(getconf _NPROCESSORS_ONLN)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
printf '%s\n' "$@" >"$work/all"
grep '\.c$' "$work/all" >"$work/sources"

failed() {
    echo "lint: $1" >&2
    status=1
}

# The tool at version 14 (Debian 12's, which decides layout), else whatever is there.
tool() {
    command -v "$1-14" || command -v "$1" || echo "$1"
}
major() {
    "$1" --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p' | head -n 1
}

# --- layout: each major version of clang-format lays out a little differently ------------------------
format=$(tool clang-format)
if [ "$(major "$format")" = 14 ]; then
    xargs "$format" --dry-run -Werror <"$work/all" || failed "layout: run make format on these files"
else
    echo "lint: layout is not checked: clang-format 14 decides it, here is ${format} $(major "$format")"
fi
awk 'FNR > 600 && !told[FILENAME]++ { print FILENAME ": more than 600 lines"; bad = 1 } END { exit bad }' \
    $(cat "$work/all") || failed "a file is one noun"

# --- clang-tidy: one process a file, since version 14 mixes up va_lists of two files ------------------
tidy=$(tool clang-tidy)
export CPPFLAGS tidy work
# Biggest first, so that no core waits for the last one; the output of each is kept apart and shown
# in the order of names, so that two runs print the same.
# shellcheck disable=SC2016
xargs ls -S <"$work/sources" | xargs -P "$cores" -n 1 sh -c '
    out=$work/$(echo "$1" | tr / +).tidy
    # CPPFLAGS holds quotes that a shell has to read.
    eval "\"$tidy\" --quiet \"$1\" -- -std=c11 -Itests/lint $CPPFLAGS" >"$out" 2>"$out.log" ||
        { cat "$out.log" >>"$out"; exit 1; }' lint || failed "clang-tidy"
cat "$work"/*.tidy

# --- cppcheck ----------------------------------------------------------------------------------------
# Suppressed:
# - missingInclude*, unmatchedSuppression, checkersReport: about its own set-up, not about the code.
# - normalCheckLevel*, toomanyconfigs: it says that it could look longer.
# - unknownMacro, syntaxError in tests: cmocka and PRI macros come from system headers, not read here.
eval "set -- $(printf '%s' "$CPPFLAGS" | grep -o -- '-[ID][^ ]*' | tr '\n' ' ')"
mkdir -p "$work/cppcheck"
grep -v '^tests/' "$work/sources" >"$work/product"
cppcheck --std=c11 --quiet --inline-suppr --error-exitcode=1 -j "$cores" --file-list="$work/product" \
    --enable=warning,portability,performance --cppcheck-build-dir="$work/cppcheck" \
    --template='{file}:{line}: {severity}: {message} [{id}]' \
    --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unmatchedSuppression \
    --suppress=checkersReport --suppress=normalCheckLevelMaxBranches --suppress=toomanyconfigs \
    -Itests/lint "$@" || failed "cppcheck"

# --- names ------------------------------------------------------------------------------------------
# Comments and texts are blanked first: they may speak of what is banned.
find_name() { # find_name REASON REGEX FILES...
    reason=$1 regex=$2
    shift 2
    [ $# -gt 0 ] || return 0
    awk -v regex="(^|[^A-Za-z0-9_.>])($regex)[ ]*\\\\(" '
        FNR == 1 { in_comment = 0 }
        {
            line = $0
            gsub(/\\./, "", line)
            gsub(/"[^"]*"/, "\"\"", line)
            if (in_comment) {
                if (!sub(/^.*\*\//, "", line)) next
                in_comment = 0
            }
            gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
            if (sub(/\/\*.*$/, "", line)) in_comment = 1
            if (line ~ regex) { print FILENAME ":" FNR ": " $0; found = 1 }
        }
        END { exit found }' "$@" || failed "$reason"
}
all=$(cat "$work/all")
# shellcheck disable=SC2046,SC2086
{
    find_name "banned: these write past an end, or keep hidden state" \
        'strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|alloca|rand|srand|system' $all
    find_name "banned: these cannot say that a text is no number (use base/str)" \
        'atoi|atol|atoll|atof|strtol|strtoll|strtoul|strtoull|strtod' \
        $(grep -v '^base/str\.c$\|^tests/' "$work/all")
    find_name "tests wait for conditions, never for time" \
        'sleep|usleep|nanosleep|clock_nanosleep' $(grep '^tests/unit/' "$work/all")
}
# The same in the end-to-end tests; lib/wait.mjs has the one timer, between two probes, and a file that
# has finished ends its process by one.
grep -nE 'setTimeout\(|Atomics\.wait|timers/promises|sleep' tests/e2e/*.mjs tests/e2e/lib/*.mjs |
    grep -vE '^tests/e2e/lib/wait\.mjs:|process\.exit' && failed "tests wait for conditions, never for time"

[ "$status" -eq 0 ] && echo "lint: $(wc -l <"$work/all") files, nothing found"
exit "$status"
