#!/usr/bin/env bash
# Builds preamp's Debian build image as a root file system tar.
#
#   rootfs.sh amd64|arm64 > rootfs.tar
#
# The tar goes to stdout, everything said to people goes to stderr. Packages
# come from this host's own apt sources and from this host's own npm
# configuration, so that it works behind mirrors and proxies, and no server is
# named here. The npm tarballs are pinned by version and SHA-512 (pins.tsv).
#
# Knobs, all optional:
#   PREAMP_APT_SOURCES      a sources file to use in place of the host's
#   PREAMP_TARBALLS         a folder that holds the pinned .tgz files already
#   PREAMP_MMDEBSTRAP_MODE  root, unshare, fakechroot … (default: auto)
#   SOURCE_DATE_EPOCH       clamps every file time in the tar
set -euo pipefail
umask 022 # the modes of staged folders become the image's

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here suite=bookworm
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1735689600} # 2025-01-01, before every pinned version
export LC_ALL=C.UTF-8

# locales is absent on purpose: C.UTF-8 is built into Debian's libc-bin.
readonly packages=(
    bash bzip2 ca-certificates curl git git-lfs gzip jq libatomic1 libstdc++6 make
    openssh-client procps python3-minimal rsync sudo tar unzip wget xz-utils zip
)

# What no build reads: documentation, translations, C headers of perl, and the
# server side of git.
readonly excluded=(
    '/usr/share/man/*' '/usr/share/info/*' '/usr/share/doc/*'
    '/usr/share/locale/*' '/usr/share/lintian/*' '/usr/lib/*/perl/*/CORE/*.h'
    /usr/bin/git-shell /usr/lib/git-core/git-shell
    /usr/bin/scalar /usr/lib/git-core/scalar
    /usr/lib/git-core/git-daemon /usr/lib/git-core/git-http-backend
    /usr/lib/git-core/git-imap-send
)

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# check_needs collects every missing need before it gives up, so that one
# round of installing is enough. Exit code 3 says "install something first".
check_needs() {
    local arch=$1 missing=() need
    for need in mmdebstrap apt-get dpkg tar gzip awk sha512sum; do
        command -v "$need" >/dev/null || missing+=("$need")
    done
    if ! command -v npm >/dev/null && [[ -z ${PREAMP_TARBALLS:-} ]]; then
        missing+=(npm)
    fi
    if ((${#missing[@]})); then
        say "missing on this host: ${missing[*]}"
        say "hint: on Debian or Ubuntu run: apt-get install mmdebstrap npm tar gzip mawk coreutils"
        exit 3
    fi
    if [[ $arch != "$(dpkg --print-architecture)" ]] && ! runs_foreign "$arch"; then
        say "missing on this host: an emulator for $arch (this host is $(dpkg --print-architecture))"
        say "hint: on Debian or Ubuntu run: apt-get install qemu-user-static binfmt-support arch-test"
        exit 3
    fi
}

# runs_foreign succeeds if the kernel can start programs of another
# architecture: the packages' own install scripts are such programs.
runs_foreign() {
    if command -v arch-test >/dev/null; then
        arch-test "$1" >/dev/null 2>&1
    elif [[ $1 == arm64 ]]; then
        [[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]]
    else
        [[ -e /proc/sys/fs/binfmt_misc/qemu-x86_64 ]]
    fi
}

# host_sources writes the host's apt sources that serve this suite into folder
# $1, and only those: a third party's repository on the host has no place in
# the image. The two formats of apt must stay in separate files.
host_sources() {
    local into=$1 file
    if [[ -n ${PREAMP_APT_SOURCES:-} ]]; then
        cp -- "$PREAMP_APT_SOURCES" "$into/" # its suffix tells the format
        return
    fi
    for file in /etc/apt/sources.list.d/*.sources; do
        if [[ -r $file ]]; then awk -v suite="$suite" -f "$here/deb822.awk" "$file"; fi
    done >"$into/host.sources"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [[ -r $file ]]; then awk -v suite="$suite" -f "$here/onelist.awk" "$file"; fi
    done >"$into/host.list"
}

# host_apt_options repeats the host's choices on how to reach its sources.
host_apt_options() {
    command -v apt-config >/dev/null || return 0
    apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|Retries|https?::Proxy) ' || true
}

# fetch_tarballs puts the pinned tarballs of this architecture into folder $2
# and refuses any whose SHA-512 is not the pinned one.
fetch_tarballs() {
    local arch=$1 into=$2 name version for_arch sum file got
    while IFS=$'\t' read -r name version for_arch sum; do
        [[ $name == '#'* || ($for_arch != all && $for_arch != "$arch") ]] && continue
        file=$into/$name-$version.tgz
        say "fetching $name $version"
        if [[ -n ${PREAMP_TARBALLS:-} ]]; then
            cp -- "$PREAMP_TARBALLS/$name-$version.tgz" "$file"
        else
            (cd -- "$into" && npm pack --silent --ignore-scripts "$name@$version" >/dev/null)
        fi
        got=$(sha512sum <"$file")
        [[ ${got%% *} == "$sum" ]] || die "$name $version: SHA-512 is ${got%% *}, expected $sum"
    done <"$here/pins.tsv"
}

# stage_tools lays out what the packages do not bring: Node, npm, yarn and
# corepack under /usr/local, and our own files.
stage_tools() {
    local tarballs=$1 stage=$2 lib=$2/usr/local/lib/node_modules file
    mkdir -p "$stage"/usr/local/bin "$lib"/{npm,yarn,corepack} "$stage"/codebuild/output
    # The node packages also carry 60 MB of headers and the like; node-gyp
    # downloads the headers it needs, so only the program goes in.
    for file in "$tarballs"/node-linux-*.tgz; do
        tar -xzf "$file" -C "$stage/usr/local" --no-same-owner --strip-components=1 package/bin/node
    done
    for file in npm yarn corepack; do
        tar -xzf "$tarballs/$file"-[0-9]*.tgz -C "$lib/$file" --no-same-owner --strip-components=1
    done
    rm -rf "$lib"/npm/{docs,man}
    chmod -R u=rwX,go=rX "$stage/usr"
    chmod 755 "$stage"/usr/local/bin/node "$lib"/npm/bin/*.js "$lib"/yarn/bin/yarn.js "$lib"/corepack/dist/corepack.js
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$stage/usr/local/bin/npm"
    ln -s ../lib/node_modules/npm/bin/npx-cli.js "$stage/usr/local/bin/npx"
    ln -s ../lib/node_modules/yarn/bin/yarn.js "$stage/usr/local/bin/yarn"
    ln -s ../lib/node_modules/yarn/bin/yarn.js "$stage/usr/local/bin/yarnpkg"
    ln -s ../lib/node_modules/corepack/dist/corepack.js "$stage/usr/local/bin/corepack"
    # git-lfs's package writes these lines in a different order every time.
    mkdir "$stage/etc"
    printf '%s\n' '[filter "lfs"]' $'\tclean = git-lfs clean -- %f' $'\tsmudge = git-lfs smudge -- %f' \
        $'\tprocess = git-lfs filter-process' $'\trequired = true' >"$stage/etc/gitconfig"
    install -D -m 644 "$here/bashrc" "$stage/root/.bashrc"
    install -D -m 644 "$here/nvm.sh" "$stage/root/.nvm/nvm.sh"
    # nvm sees the image's own Node as one of its versions.
    mkdir -p "$stage/root/.nvm/versions/node"
    file=$(basename "$tarballs"/node-linux-*.tgz .tgz)
    ln -s /usr/local "$stage/root/.nvm/versions/node/v${file##*-}"
}

main() {
    local arch=${1:-} work file sources=()
    [[ $arch == amd64 || $arch == arm64 ]] || die "usage: rootfs.sh amd64|arm64 > rootfs.tar"
    check_needs "$arch"

    work=$(mktemp -d)
    # shellcheck disable=SC2064 # expanded now: work is local to main
    trap "rm -rf -- '$work'" EXIT
    mkdir "$work/tarballs" "$work/stage" "$work/sources"

    fetch_tarballs "$arch" "$work/tarballs"
    stage_tools "$work/tarballs" "$work/stage"
    tar -C "$work/stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf "$work/tools.tar" .
    host_sources "$work/sources"
    host_apt_options >"$work/apt.conf"
    # In unshare mode hooks read these as a mapped root without our rights.
    chmod -R a+rX "$work"

    # Without sources for this suite (an Ubuntu host, say) mmdebstrap falls
    # back to its own default mirror and to the debian-archive-keyring.
    for file in "$work"/sources/*; do
        if [[ -s $file ]]; then sources+=("$file"); fi
    done
    if ((!${#sources[@]})); then
        say "no apt sources for $suite on this host: using mmdebstrap's default mirror"
    fi

    # shellcheck disable=SC2016 # $1 is the root file system, in mmdebstrap's hook
    local forget_host='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"'
    # Node looks for its compile cache in /tmp, which mmdebstrap would empty at the end. It has its own apt.conf there until
    # then, so it is not for us to empty it. Node keeps what it has compiled by its options: those of this host stay out.
    # shellcheck disable=SC2016
    local fill_cache='chroot "$1" env -i PATH=/usr/local/bin:/usr/bin:/bin bash /root/compilecache.sh && rm "$1/root/compilecache.sh"'
    say "installing Debian $suite ($arch): ${packages[*]}"
    mmdebstrap \
        --mode="${PREAMP_MMDEBSTRAP_MODE:-auto}" \
        --architectures="$arch" \
        --variant=apt \
        --format=tar \
        --include="$(IFS=, && echo "${packages[*]}")" \
        --aptopt="$work/apt.conf" \
        --aptopt='Acquire::Languages "none"' \
        --aptopt='APT::Install-Recommends "false"' \
        "${excluded[@]/#/--dpkgopt=path-exclude=}" \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --customize-hook="tar-in $work/tools.tar /" \
        --customize-hook="copy-in $here/compilecache.sh /root" \
        --customize-hook="$fill_cache" \
        --skip=cleanup/tmp \
        --customize-hook="$forget_host" \
        "$suite" - "${sources[@]}" >&3
    say "root file system written"
}

# mmdebstrap's tar alone may reach stdout; whatever else prints goes to stderr.
main "$@" 3>&1 1>&2
