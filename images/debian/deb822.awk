# Prints the stanzas of a deb822 apt sources file that serve main of one suite
# (-v suite=NAME) or of its updates. Comments and disabled stanzas are dropped.
function flush(    i, n, s, keep) {
    n = split(suites, s, /[ \t]+/)
    for (i = 1; i <= n; i++)
        if (s[i] == suite || index(s[i], suite "-updates") == 1 || index(s[i], suite "-security") == 1) keep = 1
    if (keep && main && enabled) printf "%s\n", text
    text = suites = ""
    main = 0
    enabled = 1
}
BEGIN { enabled = 1 }
/^#/ { next }
/^[ \t]*$/ { flush(); next }
tolower($1) == "suites:" { suites = $0 }
tolower($1) == "components:" && / main( |$)/ { main = 1 }
tolower($1) == "enabled:" && tolower($2) == "no" { enabled = 0 }
{ text = text $0 "\n" }
END { flush() }
