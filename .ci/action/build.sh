#!/usr/bin/env bash
# The Action's main step: makes flags of its inputs. preamp itself knows GitHub: log, summary, masks and outputs are its own.
set -euo pipefail

flags=()
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

main() {
    local extra
    read -r -d '' -a extra <<<"${INPUT_ARGS:-}" || true # ends at the end of the text
    if [[ -n ${INPUT_APP_ROOT:-} ]]; then flags+=(--app-root "$INPUT_APP_ROOT"); fi
    if [[ ${INPUT_VALIDATE_ONLY:-} == true ]]; then
        validate "${extra[@]}"
        return
    fi
    what
    values
    if [[ ${INPUT_ALL_APPS:-} == true ]]; then flags+=(--all-apps); fi
    if [[ -n ${INPUT_IMAGE:-} ]]; then flags+=(--image "$INPUT_IMAGE"); fi
    if [[ ${INPUT_CACHE:-} != true ]]; then flags+=(--no-cache); fi
    "$PREAMP" build "$INPUT_PATH" --out "$INPUT_OUT" "${flags[@]}" "${extra[@]}"
}

validate() {
    local code=0 status=valid
    "$PREAMP" validate "$INPUT_PATH" --format github "${flags[@]}" "$@" || code=$?
    if ((code != 0)); then status=invalid; fi
    printf 'status=%s\nexit-code=%d\nskipped=false\n' "$status" "$code" >>"$GITHUB_OUTPUT"
    return "$code"
}

# what says which commit and branch is built. The checkout is of no branch.
what() {
    local branch=${GITHUB_HEAD_REF:-${GITHUB_REF_NAME:-}}
    if [[ ${INPUT_WORK_TREE:-} != true ]]; then flags+=(--commit HEAD); fi
    if [[ -n $branch ]]; then flags+=(--branch "$branch"); fi
    if [[ -n ${PULL_REQUEST:-} ]]; then
        flags+=(--pull-request "$PULL_REQUEST" --pr-source "$branch" --pr-target "${GITHUB_BASE_REF:-}")
    fi
    if [[ ${GITHUB_EVENT_NAME:-} == push ]]; then flags+=(--trigger push); fi
}

# values puts variables and secrets into files: what stands on a command line can be read by every process.
values() {
    umask 077
    if [[ -n ${INPUT_ENV:-} ]]; then
        printf '%s\n' "$INPUT_ENV" >"$scratch/env"
        flags+=(--env-file "$scratch/env")
    fi
    if [[ -n ${INPUT_SECRETS:-} ]]; then
        printf '%s\n' "$INPUT_SECRETS" >"$scratch/secrets"
        flags+=(--secret-file "$scratch/secrets")
    fi
    unset INPUT_ENV INPUT_SECRETS
}

main
