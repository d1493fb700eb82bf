# Turns numbered SQL files (store/schema/0001_name.sql) into rows {number, "name", "text"},.
function flush() { if (open) print "    },"; open = 0 }
FNR == 1 {
    flush()
    name = FILENAME; sub(/.*\//, "", name); sub(/\.sql$/, "", name)
    number = name; sub(/_.*/, "", number); number = number + 0
    printf "    {%d, \"%s\",\n", number, name
    open = 1
}
{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "     \"%s\\n\"\n", $0 }
END { flush() }
