#!/usr/bin/env bash
# Runs our GitHub Action under nektos/act, in containers of preamp's debian image: a build, the same with its cache, a failing
# command, an invalid specification, a skip. Needs a container engine, act and actionlint (go install brings both).
set -euo pipefail
. "${BASH_SOURCE[0]%/*}/lib.sh"

readonly act_version=v0.2.89 actionlint_version=v1.7.12
PATH=$PATH:$(go env GOPATH)/bin
image=${PREAMP_TEST_IMAGE:-preamp/debian:latest}
failures=0

main() {
    ensure act "github.com/nektos/act@$act_version"
    ensure actionlint "github.com/rhysd/actionlint/cmd/actionlint@$actionlint_version"
    actionlint .github/workflows/*.yml testdata/action/site/.github/workflows/*.yml
    work=$(mktemp -d)
    trap clean_up EXIT
    examples
    mkdir "$work/cache" "$work/bin"
    cp -- "$preamp" "$work/bin/preamp"
    cp -R testdata/action/site "$work/site"
    root=$PWD
    cd -- "$work/site"
    git init --quiet --initial-branch=main
    commit First

    scenario "success" 0 push
    expect '::group::frontend build' 'hello there, {"KEY":"\*\*\*"}' 'status=succeeded hit=false skipped=false' 'index.html' 'saved the entry preamp-v1-Linux'
    refuse 'derived-secret-value'
    expect 'the masked value is \*\*\*'

    scenario "cache hit on the second run" 0 push
    expect 'restored the entry preamp-v1-Linux' 'status=succeeded hit=true' '\| 2$'

    scenario "skip" 0 push "Nothing of interest [skip-cd]"
    expect "status=skipped hit=false skipped=true why=build: the commit's message ends with \[skip-cd\]"

    sed -i 's/- mkdir.*/- exit 3/' amplify.yml
    scenario "failing command" 1 push Break
    expect '::error file=amplify.yml,line=7,title=preamp%3A command::' 'status=failed' 'result=.*/preamp-out/result.json'
    refuse 'saved the entry'

    sed -i 's/^  artifacts:/ artifacts:/' amplify.yml
    scenario "invalid specification" 1 push "Break more"
    expect '::error file=amplify.yml,line=8,' 'status=failed'
    scenario "invalid specification, only checked" 1 pull_request
    expect '::error file=amplify.yml,line=8,' 'status=invalid'
    ((failures == 0)) || die "$failures expectations were not met"
    say "all scenarios ended as they should"
}

# examples lints the workflows that the manual shows.
examples() {
    awk -v to="$work/example" '/^```yaml/ { n++; on = 1; next } /^```/ { on = 0 } on { print > (to "-" n ".yml") }' docs/github-action.md
    rm -f -- "$work/example-1.yml" # two steps, no workflow
    actionlint "$work"/example-*.yml
}

clean_up() {
    rm -rf -- "$work"
    if have docker; then docker volume rm act-toolcache >/dev/null 2>&1 || true; fi # act leaves it behind
}

ensure() {
    if ! have "$1"; then
        say "installing $2"
        go install "$2"
    fi
}

commit() {
    git add --all
    git -c user.name=ci -c user.email=ci@localhost commit --quiet --allow-empty --message "$1"
}

# scenario NAME CODE EVENT [COMMIT] runs the workflow of an event, whose exit code must be CODE.
scenario() {
    local code=0
    if (($# > 3)); then commit "$4"; fi
    name=$1
    act "$3" --platform "ubuntu-latest=$image" --pull=false --action-offline-mode --rm --no-cache-server \
        --local-repository "preamp-build/preamp@v1=$root" --local-repository "actions/cache@v4=$root/testdata/action/cache" \
        --container-options "-v $work/cache:/actions-cache -v $work/bin:/preamp-bin:ro" >"$work/log" 2>&1 </dev/null || code=$?
    if ((code != $2)); then fault "exit code $code, not $2"; else say "ok: $name"; fi
}

expect() {
    local text
    for text in "$@"; do
        if ! grep --quiet --extended-regexp -- "$text" "$work/log"; then fault "the log has no $text"; fi
    done
}

refuse() { if grep --quiet --fixed-strings -- "$1" "$work/log"; then fault "the log shows $1"; fi; }

fault() {
    failures=$((failures + 1))
    say "FAIL: $name: $1" >&2
    cat -- "$work/log" >&2
}

main
