package session

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// Argv is the command line of a session's main process: a small parent around the bash that runs the commands. The
// parent exists so that the shell is never process 1 of a container, which ignores the signals it sends itself, and so
// that something reaps orphans. It is sh because sh reads no BASH_ENV.
//
// Where there is chrt, Linux is told that all of it is a batch: a thread that wakes does not interrupt one that works then. npm
// and jest, whose threads wake each other all the time, take a tenth less time.
//
// What the parent says last on the control stream tells a shell that ended from one that was killed with everything around
// it, which no build can do to itself in a container.
func Argv() []string {
	return []string{"sh", "-c", `chrt -b -p 0 $$ >/dev/null 2>&1; bash --noprofile --norc -s; code=$?; printf '\0preamp: ended\0' >&2; exit $code`}
}

// farewell is that last word.
const farewell = "preamp: ended"

// Setup says how a session begins.
type Setup struct {
	Dir     string       // where it starts; it must exist
	Env     []Assignment // exported after the scripts, in order; names that bash cannot export are left out (see Exportable)
	Scripts []string     // lines of bash run before the first command; what they print is dropped, how they end is ignored
	Init    string       // lines of bash run when Env is set; the same goes for them as for Scripts
	Files   []File       // written before the scripts, in order; what is in the way is replaced
	Halt    string       // a file that a Stopper's Terminate makes, see TermScript; "" = commands are not sent ahead
}

// File is one file, folder or symlink. The folder of a file exists or is an earlier one of the list.
type File struct {
	Path string      // absolute
	Mode fs.FileMode // permission bits, and whether it is a folder or a symlink
	Data []byte      // nil for a folder, the target of a symlink
}

// Assignment is one exported variable.
type Assignment struct{ Name, Value string }

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Exportable reports whether bash can hold a variable of that name.
func Exportable(name string) bool { return variableName.MatchString(name) }

// fdOutput is the descriptor on which the session tells of its commands: far from those that scripts use by number.
const fdOutput = 251

// prologue is the files, and the setup as the shell reads it: in blocks, for a shell that reads lines from a pipe asks for them byte
// by byte. Where read knows no -N, before bash 4.1, it takes nothing, and the lines are read as any others.
func (s *Session) prologue(setup Setup) string {
	script := s.setup(setup)
	return writeFiles(setup.Files) + fmt.Sprintf("LC_ALL=C read -rN %d __preamp_setup 2>&-; eval \"$__preamp_setup\"\n", len(script)) + script
}

// setup copies the output stream to where commands cannot reach it by accident, and sets up the shell.
func (s *Session) setup(setup Setup) string {
	var b strings.Builder
	b.WriteString("unset -v __preamp_setup\n")
	fmt.Fprintf(&b, "exec %d>&1 2>&1\n", fdOutput)
	// Messages of bash then begin as in the service's own logs; shells older than 5.0 take it for a plain variable.
	b.WriteString("BASH_ARGV0=amplify.sh\n")
	fmt.Fprintf(&b, `__preamp_done() { printf '\0preamp:%s %%s %%d %%d %%s\0' "${__preamp_skip:-done}" "$1" "$2" "$PWD" >&%d; __preamp_code=$2 __preamp_skip=; }`+"\n", s.nonce, fdOutput)
	if setup.Halt != "" {
		fmt.Fprintf(&b, "__preamp_go() { [[ $__preamp_code = 0 && ! -e %s ]] || { __preamp_skip=skip; return 1; }; }\n", Quote(setup.Halt))
	}
	quietly := func(script string) {
		fmt.Fprintf(&b, "eval %s </dev/null >/dev/null 2>&1 %d>&-\n\n", Quote(script), fdOutput)
	}
	for _, script := range setup.Scripts {
		quietly(script)
	}
	// Read-only variables (UID, BASHOPTS ...) refuse an export loudly; nothing of that belongs in the log.
	b.WriteString("{ :\n")
	for _, v := range setup.Env {
		if Exportable(v.Name) {
			fmt.Fprintf(&b, "export %s=%s\n", v.Name, Quote(v.Value))
		}
	}
	b.WriteString("} >/dev/null 2>&1\n")
	if setup.Init != "" {
		quietly(setup.Init)
	}
	// Whatever a script did to the options, a build begins with bash's own.
	b.WriteString("set +eux +o pipefail\n")
	fmt.Fprintf(&b, "cd -- %s; __preamp_code=$?\n", Quote(setup.Dir))
	fmt.Fprintf(&b, `printf '\0preamp:%s hello 0 %%d -\0' "$$" >&%d`+"\n", s.nonce, fdOutput)
	b.WriteString(`__preamp_done 0 "$__preamp_code"` + "\n")
	return b.String()
}

// frame is one command as the session reads it. It is one line, which bash has read and parsed before it runs any of it:
// after some syntax errors in an eval, bash misreads the next line. The part after the eval is hidden from `set -x`,
// which writes to standard error.
func (s *Session) frame(command string) string {
	return fmt.Sprintf("eval %s </dev/null %d>&-; { __preamp_done %d \"$?\"; } 2>&-\n", Quote(command), fdOutput, s.sent)
}

// frameAhead is a command that is run only when the one before it has succeeded and nothing was halted. The eval is the last of
// its list, so that `set -e` minds how it ends. The empty line before it is what bash may misread.
func (s *Session) frameAhead(command string) string {
	return "\n{ __preamp_go; } 2>&- && " + s.frame(command)
}

// Quote makes one shell word of s.
func Quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// TermScript is a script for sh that sends SIGTERM to every process it can see but process 1, the session's shell and
// its own. Engines run it beside the session, in the same process namespace, with the shell's PID as $1, and Setup.Halt as $2: it
// is made before, so that the shell begins nothing that was sent ahead when it sees a command end.
const TermScript = `mkdir -p "${2%/*}"; : >"$2"; for p in /proc/[0-9]*; do p=${p#/proc/}; case $p in 1|$$|$1) ;; *) kill -TERM "$p" 2>/dev/null;; esac; done; :`
