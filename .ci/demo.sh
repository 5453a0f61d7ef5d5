#!/usr/bin/env bash
# The demo: builds a small Vite and React app, as a person would who has just met preamp. The app lies in a stable place,
# so that a second run finds the first one's cache. Without a container engine the same build runs on this machine itself.
#
# PREAMP_DEMO names another folder for the app and what comes out of it. `demo.sh check-host` only says whether the build
# could run without an engine.
set -euo pipefail
. "${BASH_SOURCE[0]%/*}/lib.sh"

readonly demo=${PREAMP_DEMO:-${TMPDIR:-/tmp}/preamp-demo-$EUID}
readonly app=$demo/vite-react out=$demo/out

main() {
    local code=0
    if [[ ${1:-} == check-host ]]; then
        check_host
        return
    fi
    .ci/setup.sh || code=$?
    case $code in
        0) build docker ;;
        "$no_engine")
            say "No container engine: building on this machine itself (--engine host), without any isolation."
            check_host
            build host
            ;;
        *) exit "$code" ;;
    esac
}

build() {
    make_folder
    copy_app
    say "preamp build $app --engine $1 --out $out"
    "$preamp" build "$app" --engine "$1" --out "$out"
    say "The artifacts are in $out/artifacts, and as one file in $out/artifacts.zip."
    if restored_cache; then
        say "The cache of the last build was used."
    else
        say "There was no cache to use. Run make demo again to see this one used."
    fi
}

# restored_cache reads the machine's form of what the log said.
restored_cache() { grep --quiet '"hit": true' "$out/result.json"; }

# check_host names everything that the build would miss on this machine, at once.
check_host() {
    local missing=()
    have git || missing+=(git)
    have npm || missing+=(npm)
    if ! have node; then
        missing+=("node (20.19 or newer)")
    elif ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'; then
        missing+=("node 20.19 or newer (here is $(node --version))")
    fi
    if ((${#missing[@]})); then
        printf -v missing '%s, ' "${missing[@]}"
        die "for that, this machine lacks: ${missing%, }"
    fi
}

# make_folder makes the demo's folder, and does not trust one of that name that somebody else has put there.
make_folder() {
    mkdir -p -- "${demo%/*}"
    [[ -d $demo ]] || mkdir -m 700 -- "$demo"
    [[ -O $demo && ! -L $demo ]] || die "$demo belongs to somebody else; PREAMP_DEMO names another folder"
}

# copy_app brings the app up to date in its own repository, with a commit if anything has changed.
copy_app() {
    mkdir -p -- "$app"
    find "$app" -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf -- {} +
    cp -R testdata/apps/vite-react/. "$app"
    [[ -d $app/.git ]] || git_here init --quiet --initial-branch=main
    git_here add --all
    if ! git_here diff --cached --quiet 2>/dev/null || ! git_here rev-parse --quiet --verify HEAD >/dev/null; then
        git_here commit --quiet --message "A small app"
    fi
}

# git_here runs git on the app's repository, untouched by whatever its user has configured.
git_here() {
    GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git -C "$app" \
        -c user.name=preamp -c user.email=preamp@localhost "$@"
}

main "$@"
