#!/usr/bin/env bash
# Builds the static programs of a release into dist/, with a file of their checksums. The same commit gives the same bytes.
# VERSION names another version than git does.
set -euo pipefail
. "${BASH_SOURCE[0]%/*}/lib.sh"

readonly platforms=(linux/amd64 linux/arm64 darwin/arm64)

main() {
    local version platform
    version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo devel)}
    rm -rf dist
    mkdir dist
    for platform in "${platforms[@]}"; do
        compile "$version" "${platform%/*}" "${platform#*/}"
    done
    (cd dist && checksums preamp-* >SHA256SUMS)
    run_own "$version"
    say "dist holds version $version"
}

compile() {
    local version=$1 os=$2 arch=$3
    say "dist/preamp-$os-$arch"
    CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=false \
        -ldflags "-s -w -X main.version=$version" -o "dist/preamp-$os-$arch" ./cmd/preamp
}

checksums() { if have sha256sum; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# run_own starts the program that is for this machine: it must say which version it is.
run_own() {
    local own
    own=dist/preamp-$(go env GOHOSTOS)-$(go env GOHOSTARCH)
    if [[ -e $own && $("$own" --version) != *"$1"* ]]; then
        die "$own does not say that it is version $1: $("$own" --version)"
    fi
}

main "$@"
