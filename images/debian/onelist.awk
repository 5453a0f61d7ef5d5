# Prints the lines of a one-line-style apt sources file that serve main of one
# suite (-v suite=NAME) or of its updates. Source packages are left out.
/^deb[ \t]/ {
    line = $0
    sub(/#.*/, "", line)
    sub(/\[[^]]*\]/, "", line) # options may hold spaces
    n = split(line, field, /[ \t]+/)
    if (field[3] != suite && index(field[3], suite "-updates") != 1 && index(field[3], suite "-security") != 1)
        next
    for (i = 4; i <= n; i++)
        if (field[i] == "main") {
            print
            next
        }
}
