#!/usr/bin/env bash
# Fills Node's compile cache with the modules of npm, as the last step of making an image.
#
# npm has Node keep its modules compiled, below the folder for temporary files. In a new container nothing is there, and
# the first npm of every build compiles them and writes them out: a third of a second. Nothing else uses the folder
# unless it asks for it, as npm does. Node drops what another CPU or another Node has compiled, and compiles it again.
#
# It needs no registry. Where npm does not run (an image for another architecture), it says so and the image does without.
set -euo pipefail
umask 022

cache=${TMPDIR:-/tmp}/node-compile-cache
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
export HOME=$work npm_config_cache=$work/cache npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

if ! npm --version >/dev/null; then
    echo "npm does not run here: its modules are compiled by each build" >&2
    exit 0
fi

# A module is kept as the first program that loads it leaves it, with those of its functions that were called. So the program that does
# most comes first, and what prepares it keeps nothing.
export NODE_DISABLE_COMPILE_CACHE=1
mkdir "$work/site" "$work/package"
cd "$work/package"
echo '{"name": "package", "version": "1.0.0"}' >package.json
npm pack --silent >/dev/null
cd "$work/site"
echo '{"name": "site", "version": "1.0.0", "dependencies": {"package": "file:../package/package-1.0.0.tgz"}, "scripts": {"build": "true"}}' >package.json
npm install --silent --offline
unset NODE_DISABLE_COMPILE_CACHE

npm ci --silent --offline
npm install --silent --offline
npm run --silent build
# What speaks with a registry is loaded by the attempt.
npm view --silent --fetch-retries=0 --registry=http://127.0.0.1:9 package >/dev/null || true
if command -v corepack >/dev/null; then corepack --version >/dev/null; fi

if [[ -d $cache ]]; then chmod 1777 "$cache"; fi # other users keep theirs beside it
