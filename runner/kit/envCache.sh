#!/bin/sh
# envCache keeps small values from one build of a branch to the next. preamp puts it into every build.
#
# A value is a file of its own that is written beside its place and renamed, so that builds which set values from several
# processes at once never leave half of one. Plain keys name their file; others are spelt in hexadecimal.
set -u
LC_ALL=C
export LC_ALL
kit=@KIT@
max=@MAX@

usage() {
    cat >&2 <<END
envCache: ${1}
usage: envCache --set KEY VALUE    keep a value for the next build of this branch; an empty one removes it
       envCache --get KEY          print a value, or nothing when there is none
       envCache --set-stdin KEY    like --set, with the value from standard input, for what is too long for an argument
END
    exit 2
}

fail() {
    echo "envCache: $1" >&2
    exit 1
}

# locate sets file to where the value of a key lies.
locate() {
    case $1 in
    '') usage "a key is never empty" ;;
    *[!A-Za-z0-9._-]*) file=x.$(printf %s "$1" | od -An -v -tx1 | tr -d ' \n') ;;
    *) file=k.$1 ;;
    esac
    [ ${#file} -le 240 ] || fail "the key is too long: ${#1} bytes"
    [ -d "$kit/values" ] || fail "its folder $kit/values is gone"
    file=$kit/values/$file
}

# put takes a value from standard input. Every process has a name of its own for what is not complete.
put() {
    umask 022
    new=$kit/unfinished/$$
    cat >"$new" || fail "the value of $1 cannot be written"
    # For preamp, which need not look at the values of builds that set none. Another user may have made it.
    [ -e "$kit/unfinished/changed" ] || : >"$kit/unfinished/changed"
    size=$(wc -c <"$new") || fail "the value of $1 cannot be read again"
    if [ "$size" -gt "$max" ]; then
        rm -f "$new"
        fail "the value of $1 has $size bytes; $max are kept at most"
    elif [ "$size" -eq 0 ]; then
        rm -f "$new" "$file"
    else
        mv -f "$new" "$file"
    fi || fail "the value of $1 cannot be kept"
}

case ${1-} in
--set)
    [ $# -eq 3 ] || usage "--set takes a key and a value"
    locate "$2"
    printf %s "$3" | put "$2"
    ;;
--set-stdin)
    [ $# -eq 2 ] || usage "--set-stdin takes a key"
    locate "$2"
    put "$2"
    ;;
--get)
    [ $# -eq 2 ] || usage "--get takes a key"
    locate "$2"
    if [ -f "$file" ]; then cat "$file"; fi
    ;;
'') usage "it is not said what to do" ;;
*) usage "unknown option $1" ;;
esac
