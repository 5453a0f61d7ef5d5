# shellcheck shell=bash
# What the scripts beside this file share. It is sourced, defines functions, and goes to the repository's root.

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit

# The program that `make build` leaves. Its own idea of which engine to use is the only one: no script asks docker.
# shellcheck disable=SC2034 # used by those who source this
readonly preamp=$PWD/bin/preamp

# Exit code of setup.sh: there is no container engine, and none can be had here.
# shellcheck disable=SC2034
readonly no_engine=3

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

die() {
    say "error: $*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# can_install says whether packages can be installed without asking anybody.
can_install() { ((EUID == 0)) && have apt-get; }

# missing_packages prints the packages of those "program:package" pairs whose program is not here.
missing_packages() {
    local pair
    for pair in "$@"; do
        if ! have "${pair%%:*}"; then printf '%s\n' "${pair#*:}"; fi
    done
}

apt_lists= # not empty: they are fresh

# install_packages installs Debian packages and nothing that they merely recommend.
install_packages() {
    local log
    log=$(mktemp)
    say "installing $*"
    if update_lists >"$log" 2>&1 && apt_get install --yes --no-install-recommends "$@" >>"$log" 2>&1; then
        rm -f -- "$log"
        return 0
    fi
    say "apt-get could not install $*; its last lines:" >&2
    tail -n 15 -- "$log" >&2
    return 1
}

update_lists() {
    [[ -n $apt_lists ]] || apt_get update && apt_lists=fresh
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get --quiet "$@" </dev/null; }

# ensure_packages installs what is missing of "program:package" pairs, and fails where that cannot be done.
ensure_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    if ((${#missing[@]} == 0)); then return 0; fi
    if can_install; then
        install_packages "${missing[@]}"
    else
        say "missing here: ${missing[*]} (as root on Debian: apt-get install ${missing[*]})" >&2
        return 1
    fi
}
