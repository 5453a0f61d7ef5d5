package images

// ProbeScript finds out what an image has. Run it inside the image as
// `sh -c ProbeScript`, with HOME and the user as the build will have them, and
// give what it prints on standard output to [Check].
//
// It is POSIX shell and uses no other program than those it looks for, so that
// it works in the smallest images; it changes nothing and needs no network. It
// prints "key=value" lines between "probe=begin" and "probe=end", at most one
// line for each key, none for what is missing.
//
// Node and its companions are looked up a second time in a bash that has read
// ~/.bashrc, as the build's session does: that is where nvm adds them.
const ProbeScript = `
has() { command -v "$1" >/dev/null 2>&1; }
say() { [ -z "$2" ] || printf '%s=%s\n' "$1" "$2"; }
first() { "$@" 2>&1 </dev/null | { IFS= read -r line; printf '%s' "$line"; }; }
tool() { if has "$1"; then say "$1" "$(first "$@")"; fi; }
late() {
  v=
  if has "$1"; then v=$(first "$1" --version); fi
  if [ -z "$v" ] && has bash; then
    v=$(bash -c '. "$HOME/.bashrc" >/dev/null 2>&1; command -v "$1" >/dev/null && "$1" --version 2>/dev/null' bash "$1" </dev/null | { IFS= read -r line; printf '%s' "$line"; })
  fi
  say "$1" "$v"
}
echo probe=begin
say sh "$(command -v sh)"
tool bash --version
tool curl --version
tool git --version
tool ssh -V
tool tar --version
tool wget --version
tool python3 --version
tool git-lfs --version
late node
late npm
late yarn
late nvm
if has getconf; then libc=$(getconf GNU_LIBC_VERSION 2>/dev/null); else libc=; fi
if [ -z "$libc" ]; then
  for f in /lib/ld-musl-*; do [ ! -e "$f" ] || libc=musl; done
fi
if [ "$libc" = musl ] && has ldd; then
  libc="musl $(ldd 2>&1 | while read -r a b; do [ "$a" != Version ] || printf '%s' "$b"; done)"
fi
if [ -z "$libc" ]; then
  for f in /lib64/ld-linux-* /lib/ld-linux-*; do [ ! -e "$f" ] || libc=glibc; done
fi
say libc "$libc"
say arch "$(uname -m 2>/dev/null)"
say uid "$(id -u 2>/dev/null)"
say user "$(id -un 2>/dev/null)"
say home "$HOME"
for f in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
  if [ -s "$f" ]; then say ca "$f"; break; fi
done
if [ -r /etc/os-release ]; then say os "$(. /etc/os-release; printf '%s' "$PRETTY_NAME")"; fi
echo probe=end
`
