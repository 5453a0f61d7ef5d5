#!/usr/bin/env bash
# The Action's first step: brings the program, and says where it and its caches are.
set -euo pipefail

home=${RUNNER_TEMP:?}/preamp-home
mkdir -p "$home"

main() {
    local preamp=${PREAMP_BINARY:-}
    if [[ -z $preamp ]]; then
        preamp=$RUNNER_TEMP/preamp
        download "$preamp"
    fi
    "$preamp" --version
    {
        echo "preamp=$preamp"
        echo "home=$home"
        echo "store=$home/cache"
    } >>"$GITHUB_OUTPUT"
}

# download brings a release, and holds it against the list of checksums that the release has.
download() {
    local name base
    name=preamp-$(system)
    base=${GITHUB_SERVER_URL:-https://github.com}/preamp-build/preamp/releases
    case ${PREAMP_VERSION:-latest} in
    latest) base+=/latest/download ;;
    *) base+=/download/$PREAMP_VERSION ;;
    esac
    curl --fail --silent --show-error --location --retry 3 --output "$1" "$base/$name"
    curl --fail --silent --show-error --location --retry 3 --output "$1.sums" "$base/SHA256SUMS"
    (cd "${1%/*}" && awk -v name="$name" -v file="${1##*/}" '$2 == name { print $1 "  " file }' "$1.sums" | check) || {
        echo "::error title=preamp::$name is not what its release's list of checksums says"
        exit 1
    }
    chmod +x "$1"
}

# check fails on an empty list, too: a release without a line for the program is not one to run.
check() { if command -v sha256sum >/dev/null; then sha256sum --check --strict --status; else shasum -a 256 -c -s; fi; }

system() {
    case "$(uname -s) $(uname -m)" in
    "Linux x86_64") echo linux-amd64 ;;
    "Linux aarch64") echo linux-arm64 ;;
    "Darwin arm64") echo darwin-arm64 ;;
    *)
        echo "::error title=preamp::there is no release for $(uname -s) on $(uname -m)" >&2
        exit 1
        ;;
    esac
}

main
