#!/bin/sh
# Builds the tree once for each rule of tests/mutants/rules with this one rule removed, and runs the
# tests that must go red (ONLY=words: the rules with these words).  A scratch copy under build/; exit 1 when a mutant survives.
set -u
here=$(pwd)
tree=$here/build/mutants/tree
rm -rf "$here/build/mutants"
mkdir -p "$tree/build" || exit 1
cp -a Makefile base config store relay server tests "$tree/" || exit 1
for part in obj lib gen; do cp -a "build/$part" "$tree/build/"; done
mkdir "$here/build/mutants/disk"
cd "$tree" || exit 1
log=$here/build/mutants/log

# Builds and runs one test; its exit status.  2 = it does not build.
run_test() {
    if [ "$1" = sim ]; then binary=build/sim/sim; else binary=build/unit/$1; fi
    make -j2 "$binary" >"$log" 2>&1 || return 2
    if [ "$1" = sim ]; then
        rm -f "$here/build/mutants/disk/"*
        timeout 60 "$binary" "${SCHEDULES:-300}" 1 "$here/build/mutants/disk" >"$log" 2>&1 || return 1
    else
        timeout 60 "$binary" >"$log" 2>&1 || return 1
    fi
}

tab=$(printf '\t')
killed=0 all=0
for test in $(grep -v '^#' tests/mutants/rules | cut -f4 | tr ' ' '\n' | sort -u); do
    run_test "$test" || { cat "$log"; echo "$test is red without any mutant"; exit 1; }
done
while IFS=$tab read -r rule file edit tests; do
    case $rule in '#'* | '') continue ;; *"${ONLY:-}"*) ;; *) continue ;; esac
    all=$((all + 1)) red=
    cp "$file" "$here/build/mutants/whole"
    sed -i "$edit" "$file"
    if cmp -s "$file" "$here/build/mutants/whole"; then
        tests='' && printf '%-42s %s\n' "$rule" "DOES NOT APPLY to $file"
    fi
    for test in $tests; do
        run_test "$test" </dev/null
        case $? in
        0) ;;
        1) red="$red $test" ;;
        *) cat "$log" && printf '%-42s %s\n' "$rule" "DOES NOT BUILD" && break ;;
        esac
    done
    if [ -n "$red" ]; then
        killed=$((killed + 1)) && printf '%-42s killed by%s\n' "$rule" "$red"
    else
        printf '%-42s SURVIVED\n' "$rule"
    fi
    cp "$here/build/mutants/whole" "$file"
done <tests/mutants/rules
rm -rf "$tree"
echo "$killed killed of $all"
[ "$killed" -eq "$all" ]
