#!/usr/bin/env bash
# Runs every linter, also after one has found something; `lint.sh fmt` formats the code instead. The linters' versions are
# pinned here and nowhere else.
set -euo pipefail
. "${BASH_SOURCE[0]%/*}/lib.sh"

readonly golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
readonly actionlint=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

failed=()

main() {
    local lint
    lint=$(tool "$golangci")
    if [[ ${1:-} == fmt ]]; then
        "$lint" fmt
        return
    fi
    check "golangci-lint" "$lint" run --allow-serial-runners ./... ./.ci/testsummary
    check "gofumpt" "$lint" fmt --diff
    # The linters saw what this machine compiles; the compiler sees the rest.
    check "go vet for macOS" env GOOS=darwin CGO_ENABLED=0 go vet ./...
    check "actionlint" "$(tool "$actionlint")"
    check_scripts
    if ((${#failed[@]})); then die "${failed[*]}"; fi
}

check() {
    say "$1"
    if ! "${@:2}"; then failed+=("$1 has findings."); fi
}

check_scripts() {
    local scripts
    if ! have shellcheck; then
        say "shellcheck is not here: the shell scripts are not checked"
        return
    fi
    mapfile -t scripts < <(find .ci images runner -name '*.sh')
    check "shellcheck" shellcheck --external-sources --source-path=SCRIPTDIR .ci/run "${scripts[@]}"
}

# tool prints where the program of "package@version" lies, and installs just that version if it is not there.
tool() {
    local package=${1%@*} version=${1#*@} bin
    bin=$(go env GOBIN)
    bin=${bin:-$(go env GOPATH)/bin}/${package##*/}
    if ! go version -m "$bin" 2>/dev/null | awk -v want="$version" '$1 == "mod" && $3 == want { found = 1 } END { exit !found }'; then
        say "installing $1" >&2
        CGO_ENABLED=0 go install "$1" >&2
    fi
    printf '%s\n' "$bin"
}

main "$@"
