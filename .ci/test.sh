#!/usr/bin/env bash
# Runs the tests. The last lines tell what was skipped and why, and how many tests there were.
#
#   test.sh          everything: the engine and the image are brought first, then go vet, then all tests with -race.
#                    Where there is an engine, no test may be skipped for want of one.
#   test.sh short    what can be run as the machine is, quickly
#
# PREAMP_REQUIRE_DOCKER=1 from outside: it is a failure when there is no engine.
set -euo pipefail
. "${BASH_SOURCE[0]%/*}/lib.sh"

# The go tool overlooks folders with a dot and testdata in ./..., so ours are named.
readonly packages=(./... ./.ci/testsummary ./testdata/need)
readonly summary=$PWD/bin/testsummary

main() {
    CGO_ENABLED=0 go build -o "$summary" ./.ci/testsummary
    if [[ ${1:-} == short ]]; then
        run_tests -short
        return
    fi
    prepare_engine
    say "go vet"
    go vet "${packages[@]}"
    if race_works; then
        say "go test -race"
        CGO_ENABLED=1 run_tests -race -count=1
    else
        say "go test, without -race: that needs cgo and a C compiler, and here is none"
        run_tests -count=1
    fi
}

# prepare_engine brings the engine, and says to the tests which image they are for and whether they may skip.
prepare_engine() {
    local code=0 image
    .ci/setup.sh || code=$?
    case $code in
        0)
            image=$("$preamp" image build --if-missing) # it is there: this only names it
            export PREAMP_REQUIRE_DOCKER=1 PREAMP_TEST_IMAGE=${PREAMP_TEST_IMAGE:-${image%% *}}
            ;;
        "$no_engine")
            [[ -n ${PREAMP_REQUIRE_DOCKER:-} ]] || say "No container engine: the tests that need one will be skipped."
            ;;
        *) exit "$code" ;;
    esac
}

# race_works tries what -race needs: a C compiler with the C library's headers.
race_works() {
    local cc
    cc=$(go env CC)
    have "${cc%% *}" && printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | $cc -x c -o /dev/null - 2>/dev/null
}

run_tests() {
    local flags=()
    if [[ -n ${PREAMP_REQUIRE_DOCKER:-} ]]; then flags+=(-require-docker); fi
    # vet has been run whole, or is left to the full run.
    go test -json -vet=off -timeout=25m "$@" "${packages[@]}" | "$summary" "${flags[@]}"
}

main "$@"
