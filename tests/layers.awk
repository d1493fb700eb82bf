# awk -f layers.awk layers.txt FILE...: the one direction of includes, capsules of third-party headers,
# banned file names, files over 600 lines.
function fail(text) { print text; failed = 1 }
FILENAME == ARGV[1] {
    if ($1 == "room") for (i = 2; i <= NF; i++) may[$2, $i] = 1
    if ($1 == "capsule") for (i = 3; i <= NF; i++) capsule[$2] = capsule[$2] " " $i
    if ($1 == "ban") for (i = 2; i <= NF; i++) banned[$i] = 1
    next
}
FNR == 1 {
    files++
    room = FILENAME; sub(/\/.*/, "", room)
    name = FILENAME; sub(/.*\//, "", name); sub(/\..*/, "", name)
    if (name in banned) fail(FILENAME ": a file is named by a noun of the field, not \"" name "\"")
}
FNR == 601 { fail(FILENAME ": over 600 lines") }
/^#include "/ {
    split($0, part, "\"")
    other = part[2]; sub(/\/.*/, "", other)
    if (part[2] ~ /\// && other != room && !((room, other) in may))
        fail(FILENAME ":" FNR ": " room " may not include " part[2])
}
/^#include </ {
    header = $2; gsub(/[<>]/, "", header)
    if (!(header in capsule)) next
    n = split(capsule[header], allowed, " ")
    ok = 0
    for (i = 1; i <= n; i++) if (index(FILENAME, allowed[i]) == 1) ok = 1
    if (!ok) fail(FILENAME ":" FNR ": " header " belongs to" capsule[header])
}
END {
    if (failed) exit 1
    print "layers: " files " files, one direction"
}
