#!/usr/bin/env bash
# Brings what the demo and the tests share: a container engine that answers, and preamp's own build image in it.
#
# Exit codes: 0 both are there; 3 there is no engine and none can be had here, and what was said tells why;
# anything else is an error.
#
# As root on Debian it installs what is missing. What is there it leaves alone, so it can be run at any time.
set -euo pipefail
. "${BASH_SOURCE[0]%/*}/lib.sh"

readonly dockerd_log=/var/log/preamp-dockerd.log
readonly patience=60 # seconds for an engine to start
launched=            # the process id of the dockerd that we have started

main() {
    [[ -x $preamp ]] || die "bin/preamp is missing: run make build"
    ensure_basics
    ensure_engine || exit "$no_engine"
    ensure_image
}

# ensure_basics brings what every build needs on this side of the engine. Root certificates come here too: a fresh
# Debian has none, and then no registry can be reached.
ensure_basics() {
    local packages=(git:git)
    if [[ ! -e /etc/ssl/certs/ca-certificates.crt && -e /etc/debian_version ]]; then
        packages+=(update-ca-certificates:ca-certificates)
    fi
    ensure_packages "${packages[@]}" || true # who needs git says so again
}

ensure_engine() {
    local why
    if why=$(engine_answers); then
        say "engine: there is one"
    elif [[ -n ${DOCKER_HOST:-} || -n ${DOCKER_CONTEXT:-} ]]; then
        say "engine: $why" >&2
        say "engine: DOCKER_HOST or DOCKER_CONTEXT names that one, so it would not help to start another" >&2
        return 1
    elif ((EUID != 0)); then
        say "engine: $why" >&2
        say "engine: only root can start one" >&2
        return 1
    else
        start_engine
    fi
}

# engine_answers asks preamp itself, which knows about Docker, Podman and contexts. It prints why not.
engine_answers() {
    local said
    if said=$(timeout 30 "$preamp" image list 2>&1); then return 0; fi
    said=${said#preamp: }
    printf '%s\n' "${said%%$'\n'*}"
    return 1
}

start_engine() {
    if ! ensure_packages dockerd:docker.io; then
        say "engine: Docker is not here and cannot be installed" >&2
        return 1
    fi
    if dockerd_runs; then
        say "engine: dockerd is starting" # its package did that
    elif [[ -d /run/systemd/system ]]; then
        say "engine: starting the docker service"
        systemctl start docker
    else
        mount_cgroups
        say "engine: starting dockerd (log: $dockerd_log)"
        launch_dockerd
    fi
    await_engine
}

# mount_cgroups does what a machine without systemd may have left undone, and no dockerd starts without.
mount_cgroups() {
    if mountpoint --quiet /sys/fs/cgroup; then return; fi
    say "engine: mounting the control groups"
    if ! { ensure_packages cgroupfs-mount:cgroupfs-mount && cgroupfs-mount; }; then
        say "engine: that did not work; trying without" >&2
    fi
}

# launch_dockerd leaves a dockerd behind that holds on to nothing of ours: no terminal, no session, no open file. Who
# waits for our output to end, as CI does, would otherwise wait for dockerd.
launch_dockerd() {
    (
        exec </dev/null >>"$dockerd_log" 2>&1
        close_other_files
        exec setsid dockerd
    ) &
    launched=$!
}

# close_other_files closes what this shell has inherited besides the standard three, such as make's job server.
close_other_files() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        if ((fd > 2)); then eval "exec $fd>&-"; fi
    done
}

dockerd_runs() {
    local pid
    pid=$(cat /var/run/docker.pid 2>/dev/null) || return 1
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]]
}

# await_engine waits until the engine answers, our dockerd has given up, or our patience is at its end.
await_engine() {
    local why started=$SECONDS
    until why=$(engine_answers); do
        if ((SECONDS - started > patience)) || launched_died; then
            say "engine: dockerd did not start (log: $dockerd_log): $why" >&2
            report_launched
            return 1
        fi
        sleep 0.5
    done
    say "engine: it answers after $((SECONDS - started)) s"
}

launched_died() { [[ -n $launched ]] && ! kill -0 "$launched" 2>/dev/null; }

# report_launched ends a dockerd of ours that does not answer, and shows what it has said.
report_launched() {
    if [[ -z $launched ]]; then return; fi
    kill "$launched" 2>/dev/null || true
    grep --invert-match level=info -- "$dockerd_log" | tail -n 5 >&2 || true
}

# ensure_image makes the image that builds use by default. The debian recipe needs mmdebstrap and npm; where they are not
# to be had, preamp chooses the recipe that needs nothing but the engine and a registry.
ensure_image() {
    local log ready
    if ! debian_image_is_current; then
        ensure_packages mmdebstrap:mmdebstrap npm:npm || true
        say "image: building it, once; that takes a minute or two"
    fi
    log=$(mktemp)
    if ! ready=$("$preamp" image build --if-missing 2>"$log"); then
        tail -n 30 -- "$log" >&2
        die "the build image could not be made"
    fi
    rm -f -- "$log"
    say "image: $ready"
}

debian_image_is_current() {
    "$preamp" image list --json | grep --quiet '"recipe":"debian",[^}]*"current":true'
}

main "$@"
