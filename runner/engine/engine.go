// Package engine says what a container engine must do for a build: bring an image, start one bash session in a
// container around a workspace, run commands in it, and take everything away again.
//
// It holds interfaces and plain data only. Implementations live in the folders below it (docker, host), and every one of
// them passes the suite in enginetest; the comments here are the contract which that suite checks.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Engine makes containers. Its methods are safe for concurrent use.
type Engine interface {
	// Info asks the engine who it is. It creates nothing; it is also the way to learn that the engine can be reached.
	// An engine that does not answer gives an *Error of KindUnreachable.
	Info(ctx context.Context) (Info, error)

	// Image makes sure that the image ref is present, pulling it as pull says, and returns what it is.
	// progress may be nil; it is called from one goroutine at a time, a few times a second at most, never after Image
	// has returned. Engines without images return a zero Image and no error.
	Image(ctx context.Context, ref string, pull Pull, progress func(Progress)) (Image, error)

	// Dir is the folder in which a build started with spec will see its workspace. It is a pure function of spec, so that
	// the environment can name it before anything runs, and the same from build to build for the same Spec.Dir.
	Dir(spec Spec) string

	// KitDir is the absolute path at which a build started with spec will see Spec.Kit. It is a pure function of spec, and
	// lies outside of the workspace. It holds no blank and no quote unless this machine's own paths do.
	KitDir(spec Spec) string

	// Start makes the container and opens the session in it. ctx bounds the start only: what runs later is bounded by the
	// ctx of Run. When Start fails, nothing of it is left behind.
	Start(ctx context.Context, spec Spec) (Container, error)

	// Reap removes what processes left behind that no longer live: everything that carries preamp's labels and whose
	// owner dead reports as gone. It goes on after a failure and returns all of them joined.
	Reap(ctx context.Context, dead func(Owner) bool) ([]Reaped, error)
}

// Container is one started build container with its session. Run calls must not overlap; Close may come at any time.
type Container interface {
	// ID names the container in the engine's own terms, for messages and results.
	ID() string

	// Run runs one command line in the session, with its standard input at end-of-file, and writes everything that the
	// command prints, standard output and standard error in their order, to out. Nothing printed before the command
	// ended is missing from out, and out is not written to after Run has returned.
	//
	// The error is the engine's; how the command ended is in Exit. When ctx ends, every process of the build but the
	// session gets SIGTERM, then Spec.Grace to finish, then the container is killed: Exit.Interrupted is true, and
	// Exit.Ended says whether the session survived. Once the session has ended, Run returns ErrEnded.
	//
	// next are the commands that Run will be called with next, as long as each succeeds. What they are told for: the session may
	// run them without waiting for us. It begins none after a command that has failed, nor once the processes were told to end.
	Run(ctx context.Context, command string, out io.Writer, next ...string) (Exit, error)

	// Stop ends all processes of the build, so that nothing can change the workspace any more. It is idempotent.
	Stop(ctx context.Context) error

	// Fetch makes Spec.Workspace on this machine hold what the build left in it below the given slash-separated paths
	// ("." is all of it). Where the container works on that very folder there is nothing to do. A path that does not
	// exist is not an error. It may be called after Stop and before Close.
	Fetch(ctx context.Context, paths ...string) error

	// ReadKit gives the regular files that lie directly in a folder of the kit (slash-separated, relative to KitDir) as the
	// build has left them, by name. Everything else in it is left out, and no link is followed to it. What is there is the
	// build's and not trusted: more than limits allows is ErrKitTooLarge, and nothing is returned then. It may be called
	// after Stop and before Close, however the session and the container have ended.
	ReadKit(ctx context.Context, folder string, limits KitLimits) (map[string][]byte, error)

	// Usage is what the container took until now. It may be called at any time, also after Close.
	Usage() Usage

	// Close removes the container and all that belongs to it but the workspace and the folders of Spec.Stack, even when ctx of an earlier call was
	// cancelled: it has its own deadline. It is idempotent, and what it returns the second time is what it returned first.
	Close() error
}

// ImageBuilder is implemented by engines that can make images from our own recipes.
type ImageBuilder interface {
	// ImportImage makes an image named tag out of a root file system (a tar), with Dockerfile-like changes.
	ImportImage(ctx context.Context, rootfs io.Reader, tag string, changes []string) (Image, error)

	// TagImage gives an image one more name; an image that had the name loses it.
	TagImage(ctx context.Context, id, tag string) error

	// BuildImage builds a Dockerfile; buildContext is a tar with the Dockerfile at its root. Every line that the build
	// prints goes to line.
	BuildImage(ctx context.Context, buildContext io.Reader, tag string, labels map[string]string, line func(string)) (Image, error)

	// ListImages lists the images that carry the label.
	ListImages(ctx context.Context, label string) ([]Image, error)

	// Probe runs a shell script in a throw-away container of image, without network and without any mount, and returns
	// what it printed. When the image holds no shell the error is an *Error of KindImageUnfit.
	Probe(ctx context.Context, image, script string) ([]byte, error)
}

// Starter is implemented by engines whose container can start while the source is still on its way. Their builds do not see
// this machine's paths (Info.SharesPaths).
type Starter interface {
	// Remembered is what Info gives, where that is certain without asking the engine; ok is false otherwise.
	Remembered(ctx context.Context) (info Info, ok bool)
	// StartAhead does the part of Start that does not depend on Start, Env, Kit and Init of the spec, nor on what is in
	// Workspace, which exists but may be empty, and is only changed in place from now on. It need not wait for Info. The error
	// is one of Start, or an *Error of KindNotAhead: then Start has to do all of it. ctx bounds this call only.
	StartAhead(ctx context.Context, spec Spec) (Started, error)
}

// Started is a container whose session is not open yet. One of Open and Close has to be called, and only once.
type Started interface {
	// Open does the rest of Start, as the spec says now: beside Start, Env, Kit and Init it is the one that StartAhead was given.
	// An *Error of KindNotAhead says that the container is gone, and that Start has to do all of it.
	Open(ctx context.Context, spec Spec) (Container, error)
	// Close removes the container when it is not wanted after all; it has its own deadline.
	Close() error
}

// Composer is implemented by engines that can put a workspace together of folders without copying them.
type Composer interface {
	// Composes reports whether Start may be given a Spec.Stack whose folders lie below dir, a folder of this machine that
	// exists. nil means that everything that can be known without a container speaks for it; Start may still fail with an
	// *Error of KindNotComposed. The error says what is in the way. The answer is kept, so asking again costs nothing.
	Composes(ctx context.Context, dir string) error
}

// Stack is a workspace that is composed of folders of this machine. The build sees all of them as one: what is in one
// hides what has its name in those below, but folders of one name are one folder. What the build changes is in Upper alone.
//
// Whoever gives a Stack leaves all its folders alone from Start until Stop, and those in Lower until Close. Of builds that
// run at the same time several may have the same folders in Lower.
type Stack struct {
	// Lower are the folders below, the topmost first. There is at least one.
	Lower []string
	// Upper and Work are empty folders on one file system. After Stop, Upper holds what the build changed in the form that
	// the kernel gives an overlay's upper folder: a removed file is a character device 0:0, a folder that hides those below
	// it has the attribute trusted.overlay.opaque, and one that was renamed trusted.overlay.redirect.
	Upper, Work string
}

// Spec says which container to start.
type Spec struct {
	// Owner is who starts it: what Reap needs to know whether it is still wanted.
	Owner Owner
	// Image is the reference or id to run; it must be present (see Image). Engines without images ignore it.
	Image string
	// Workspace is the folder on this machine that holds the repository. The build may change everything in it.
	Workspace string
	// Stack composes the workspace, with engines that are a Composer. Workspace is then an empty folder, in which Fetch makes
	// all that the build left visible until Close, to be read only. Nil: the build works on Workspace itself, or a copy.
	Stack *Stack
	// Dir is the absolute path at which the build shall see Workspace. Engines that cannot do that say so through
	// their Dir method.
	Dir string
	// Start is the folder, relative to the workspace and slash-separated, in which the session starts. "" is its root.
	Start string
	// Env is set in the session. It reaches the build through the session's input, never through the container's
	// configuration, where anyone who may inspect containers would read the secrets in it.
	Env []Var
	// Kit is what preamp itself gives to the build: programs to call, and their data. It is small, comes without a mount,
	// lies at KitDir and belongs to the build alone, which may change it. A folder comes before what is in it.
	Kit []KitFile
	// Init are lines of bash that the session runs when Env is set, before the first command. What they print is dropped, and
	// how they end is ignored.
	Init string
	// CACerts are PEM certificates that the build shall trust on top of those of the image.
	CACerts []byte
	// Limits bound the container's resources.
	Limits Limits
	// Grace is how long processes have between SIGTERM and SIGKILL. Zero means DefaultGrace.
	Grace time.Duration
}

// DefaultGrace is how long the processes of a cancelled build have to end by themselves.
const DefaultGrace = 5 * time.Second

// Var is one environment variable.
type Var struct{ Name, Value string }

// KitFile is a file of a kit, or a folder, as the mode says. See also ProgramLink and Pack.
type KitFile struct {
	Name string      // slash-separated, relative to KitDir, never leaving it
	Mode fs.FileMode // fs.ModeDir and permission bits
	Data []byte
}

// KitLimits bound what ReadKit reads.
type KitLimits struct {
	Files int   // regular files
	Bytes int64 // content of all of them
}

// ErrKitTooLarge is returned by ReadKit when a build has left more than it may.
var ErrKitTooLarge = errors.New("the build left more in its kit than is kept")

// Limits bound what a build may use. A zero field means no limit of ours.
type Limits struct {
	Memory int64   `json:"memory,omitempty"` // bytes, swap included
	CPUs   float64 `json:"cpus,omitempty"`   // cores; clamped to what the engine has
	PIDs   int64   `json:"pids,omitempty"`   // processes and threads
}

// Exit says how a command ended. It is about the build's command; problems of ours are errors.
type Exit struct {
	// Code is the command's exit code; 128+n when signal n ended it.
	Code int
	// Ended is true when the session ended with this command (exit, exec, a killed shell): no further one can run.
	Ended bool
	// Interrupted is true when the command was stopped because its context ended.
	Interrupted bool
	// OOM is true when the kernel killed a process of the build for want of memory while the command ran.
	OOM bool
	// Dir is the session's working directory afterwards; empty when Ended.
	Dir string
}

// Usage is what a build took of the machine.
type Usage struct {
	// PeakMemory is the highest memory use seen, in bytes, without the page cache where the engine can tell; 0 = unknown.
	PeakMemory int64 `json:"peakMemory"`
	// MemoryLimit is the limit that was really in force, in bytes; 0 = none.
	MemoryLimit int64 `json:"memoryLimit"`
	// CPUTime is the processor time used; 0 = unknown.
	CPUTime time.Duration `json:"cpuTime"`
}

// Info describes an engine.
type Info struct {
	Kind     string `json:"kind"` // "docker", "podman", "host"
	Version  string `json:"version"`
	Endpoint string `json:"endpoint"` // where it is reached; never with credentials
	OS       string `json:"os"`       // in Go's terms, e.g. linux
	Arch     string `json:"arch"`     // in Go's terms, e.g. amd64
	CPUs     int    `json:"cpus"`
	Memory   int64  `json:"memory"` // bytes
	// SharesPaths is true when builds see the workspace under the path it has on this machine.
	SharesPaths bool `json:"sharesPaths"`
	// Isolated is true when a build cannot touch the machine outside its workspace.
	Isolated bool `json:"isolated"`
}

// Image is an image present in an engine.
type Image struct {
	Ref      string // as asked for
	ID       string
	Digest   string // repository digest; empty for images that were never pulled
	OS, Arch string
	Size     int64 // bytes
	Created  time.Time
	Labels   map[string]string
	Tags     []string
	Pulled   bool // whether this call brought it
}

// Pull says when and how an image is fetched from its registry. The zero value is PullMissing with the login that this
// machine has.
type Pull struct {
	Policy PullPolicy
	Login  RegistryLogin
}

// RegistryLogin is what an image's registry asks for: a user and a password, or a token. The zero value means the login
// that the engine's own command line has on this machine, if any. It prints itself without its values.
type RegistryLogin struct {
	Username, Password string
	// Token is a bearer token of the registry, in place of both.
	Token string
}

// Format implements fmt.Formatter: whatever the verb, no password is shown.
func (l RegistryLogin) Format(f fmt.State, _ rune) {
	if l == (RegistryLogin{}) {
		_, _ = io.WriteString(f, "no login")
		return
	}
	_, _ = io.WriteString(f, "a login")
}

// MarshalText implements encoding.TextMarshaler without the values.
func (l RegistryLogin) MarshalText() ([]byte, error) { return fmt.Append(nil, l), nil }

// PullPolicy says when an image is fetched from its registry.
type PullPolicy string

// The pull policies.
const (
	PullMissing PullPolicy = "missing" // the default: only when it is not there
	PullAlways  PullPolicy = "always"
	PullNever   PullPolicy = "never"
)

// Progress is one report of a long step.
type Progress struct {
	Message        string // one line for a person
	Current, Total int64  // bytes; Total 0 = unknown
}

// Reaped is one thing that Reap removed.
type Reaped struct {
	What  string `json:"what"` // "container", "volume", "process"
	ID    string `json:"id"`
	Owner Owner  `json:"owner"`
}

// ErrEnded is returned by Run when the session has already ended.
var ErrEnded = errors.New("the build's shell has ended")

// Kind classes the failures of engines, so that a caller can tell what to do about one.
type Kind int

// The kinds of failure.
const (
	KindOther        Kind = iota
	KindUnreachable       // the engine does not answer, or we may not talk to it
	KindImageMissing      // no such image, here or in its registry
	KindImageAuth         // the registry wants other credentials
	KindImageUnfit        // the image lacks what a build needs, or is for another platform
	KindNotComposed       // the engine cannot mount Spec.Stack; without it, it may start
	KindNotAhead          // the container has to wait for the whole of the spec
)

// Error is a failure of an engine, with what to do about it.
type Error struct {
	Kind    Kind
	Message string
	Hint    string
	Err     error
}

// Error gives the message, the cause and the hint as one line.
func (e *Error) Error() string {
	s := e.Message
	if e.Err != nil {
		s = fmt.Sprintf("%s: %v", s, e.Err)
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsKind reports whether err is a failure of an engine of that kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}
