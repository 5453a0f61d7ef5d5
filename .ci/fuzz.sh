#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (default: 60s) each. FUZZ is a regular expression that chooses among them.
set -euo pipefail
. "${BASH_SOURCE[0]%/*}/lib.sh"

main() {
    local targets target failed=()
    mapfile -t targets < <(fuzz_targets)
    ((${#targets[@]})) || die "there is no fuzz target that matches ${FUZZ:-Fuzz}"
    for target in "${targets[@]}"; do
        say "$target"
        go test -run='^$' -fuzz="^${target#* }\$" -fuzztime="${FUZZTIME:-60s}" "${target% *}" || failed+=("$target")
    done
    if ((${#failed[@]})); then die "failed: $(printf '%s; ' "${failed[@]}")the inputs lie in testdata/fuzz"; fi
}

# fuzz_targets prints "package name" for each. `go test -list` prints a package's names, then a line about the package.
fuzz_targets() {
    go test -list='^Fuzz' ./... |
        awk -v choose="${FUZZ:-.}" '
            /^Fuzz/ { if ($1 ~ choose) names[++n] = $1; next }
            $1 == "ok" { for (i = 1; i <= n; i++) print $2, names[i] }
            { n = 0 }'
}

main "$@"
