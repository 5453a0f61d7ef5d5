// Package source brings the thing to build into an empty folder, which becomes the workspace of the build.
//
// It knows two origins: a URL, which it clones, and a folder inside a git work tree, of which it takes either the
// files as they are now or one exact commit. Whatever the origin, the result is the same: files and a real,
// self-contained .git, in which git log, git describe, git rev-parse and git status answer as in the original.
// That .git holds no credentials, no hooks, no reflog, no alternates and nothing of the user's other branches, because
// the build that will see it is untrusted code.
//
// Repositories are hostile input too: no tree, reference or link in one makes this package write outside the
// destination folder, and the user's own repository is only ever read.
//
// This is the only package that imports go-git. No type of go-git crosses its boundary.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Request says what to build and where to put it.
type Request struct {
	// Path is a folder inside a git work tree, possibly a subfolder or a linked worktree. The whole repository is
	// taken, not only that folder. Exactly one of Path and URL is set.
	Path string
	// URL is a remote repository: https://, http://, ssh://, user@host:path, file:// or the path of a repository on
	// this machine. Credentials in it are taken as Auth, unless Auth has some, and appear nowhere afterwards.
	URL string
	// Branch is the branch to clone from URL; "" means the remote's default branch. With Path it only names the
	// branch in the result.
	Branch string
	// Commit selects one exact commit. With URL: a full or abbreviated SHA or a tag; "" means the head of the branch.
	// With Path: any revision (HEAD~2, a tag, a branch, a SHA); "" means the work tree as it is now.
	Commit string
	// Auth are the credentials for URL. It is not used for Path.
	Auth Auth
	// CACerts are PEM certificates of authorities that https trusts on top of the system's.
	CACerts []byte
	// Dest is the folder to fill: it is empty, or does not exist yet. When Prepare fails it is left empty.
	Dest string
	// Exclude are absolute paths that a snapshot of a work tree never takes, with all that is below them. Dest itself
	// is always excluded.
	Exclude []string
	// Submodules is "" to check out submodules, with theirs in turn, or "none" to leave their folders empty. Of a work tree
	// "none" still takes the files that are there, without a repository for them.
	Submodules string
	// LFS is "" to put the content of files in place that Git LFS keeps apart, or "none" to leave the pointers.
	LFS string
	// Mirror is a folder of the caller's state in which the history of URLs is kept from build to build, so that only what
	// is new has to be fetched; "" keeps nothing. It is made when it does not exist. Several processes may use it at once.
	// What is damaged in it is dropped and fetched anew. PruneMirrors bounds its size.
	Mirror string
	// Depth is how many commits of the history of URL are needed, counted from the one to build; 0 is all, as in the
	// service, and what git describe and git log need. A mirror that has the history gives all of it nevertheless.
	Depth int
	// Head is what Peek said about the same URL a moment ago: then the remote is not asked for its branches again. It may
	// be nil.
	Head *Head
	// Progress receives one line about long steps, at most a few per second and never two at a time. The lines hold
	// no credentials and no control characters, but words that the remote chose. It may be nil.
	Progress func(message string)
}

// Auth holds credentials for a remote repository. The zero value means none, which public repositories allow.
type Auth struct {
	// Token is an access token, sent as the password of basic authentication. The user name that goes with it is
	// Username or, when that is empty, the one that the forge expects.
	Token string
	// Username and Password are sent as basic authentication, or as the user and password of an ssh login.
	Username, Password string
	// SSHKeyFile is the path of a private key, SSHKey is one itself, in PEM, and SSHKeyPassphrase decrypts them.
	SSHKeyFile, SSHKey, SSHKeyPassphrase string
	// SSHAgent offers the keys of the agent at SSH_AUTH_SOCK.
	SSHAgent bool
	// KnownHosts are files with the host keys to trust; none means ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.
	// The host's key is always checked.
	KnownHosts []string
	// KnownHostsText holds lines of such a file, which are then the only ones besides KnownHosts.
	KnownHostsText string
}

// Format implements fmt.Formatter: whatever the verb, no credential is shown.
func (a Auth) Format(f fmt.State, _ rune) {
	var has []string
	for what, value := range map[string]string{
		"token": a.Token, "password": a.Password, "ssh key": a.SSHKeyFile + a.SSHKey, "known hosts": strings.Join(a.KnownHosts, "") + a.KnownHostsText,
	} {
		if value != "" {
			has = append(has, what)
		}
	}
	slices.Sort(has)
	_, _ = io.WriteString(f, "credentials: "+strings.Join(has, ", "))
}

// Checkout says what Prepare put into the folder.
type Checkout struct {
	// Name is the repository's name: the name of the folder that Amplify would build in.
	Name string
	// Commit is the full SHA of HEAD; "" in a repository without any commit.
	Commit string
	// Branch is the short name of the branch. For a commit of a Path that no branch was named for it is the one that the
	// user is on. "" when it is not known, as with a detached HEAD.
	Branch string
	// Subject is the first line of the commit message, fit for a terminal, and Message is all of it, as it is.
	Subject, Message string
	// CloneURL is the URL of the remote without credentials; "" for a repository that has none.
	CloneURL string
	// WorkTree is true when the files are a snapshot of a work tree rather than exactly those of Commit.
	WorkTree bool
	// Changed counts files of Commit that the snapshot has modified or lacks, and Untracked those that it has on top,
	// added to the user's index or not. Both are zero unless WorkTree.
	Changed, Untracked int
	// Dirty are the paths that Changed and Untracked count, sorted. It is nil unless WorkTree.
	Dirty []Change
	// Submodules are those that were checked out, also the ones inside of others, sorted by their paths.
	Submodules []SubmoduleCheckout
	// Problems are parts of the source that could not be had: a submodule, the content of files. The rest is complete,
	// and a build can be tried, as the service does. Whoever builds has to be told.
	Problems []Problem
	// Notices are lines for a person about what was left out or is unusual.
	Notices []string
}

// SubmoduleCheckout is one submodule that was checked out.
type SubmoduleCheckout struct {
	// Path is its folder relative to the top of the outermost repository, and Name what .gitmodules calls it.
	Path, Name string
	// URL is the one that it was cloned from, without credentials; "" for one that was taken from a work tree.
	URL string
	// Commit is the full SHA of its HEAD.
	Commit string
}

// Part is a part of a source that may be missing.
type Part string

// The parts of a source that a build can be tried without.
const (
	PartSubmodule Part = "submodule"
	PartLFS       Part = "lfs"
)

// Problem is a part of the source that could not be had.
type Problem struct {
	Part Part
	// Paths are the folder of the submodule, which is left empty, or the files that are left as pointers of Git LFS;
	// relative to the top of the outermost repository.
	Paths []string
	// Name and URL are those of a submodule in .gitmodules, the URL without credentials, and Line is the line there
	// that begins its section, from 1; all of them zero when there is no such section.
	Name, URL string
	Line      int
	// Err says why, and what to do about it.
	Err *Error
}

// String says in one line what is missing, where that is written, and why.
func (p Problem) String() string {
	if p.Part != PartSubmodule {
		return p.Err.Message
	}
	where := ""
	if p.Line > 0 {
		where = fmt.Sprintf(" (%s, line %d of .gitmodules)", firstOf(p.URL, "no URL"), p.Line)
	}
	return fmt.Sprintf("the submodule %s%s is left out: %s", few(p.Paths), where, p.Err.Message)
}

// Prepare fills r.Dest with what r names. A failure that a person can act on is an *Error; when ctx ends first the
// error wraps ctx's cause instead. Either way Dest is left empty and no goroutine or process stays behind. Prepare may
// be called concurrently with different destinations.
func Prepare(ctx context.Context, r Request) (*Checkout, error) {
	return prepare(ctx, r, findGit())
}

// prepare is Prepare with the git program as a parameter, so that the tests reach the ways with and without it.
func prepare(ctx context.Context, r Request, git gitProgram) (*Checkout, error) {
	secrets := newSecrets(r.Auth)
	p := newProgress(r.Progress, secrets)
	out, err := fill(ctx, r, git, p, secrets)
	if err == nil {
		return out, nil
	}
	return nil, (&job{secrets: secrets}).failure(ctx, "preparing the source", err)
}

// failure is err as callers get it: an *Error, or why ctx ended.
func (j *job) failure(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s was cancelled: %w", what, context.Cause(ctx))
	}
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{Kind: KindOther, Message: err.Error(), Err: err}
	}
	return known.redacted(j.secrets)
}

func fill(ctx context.Context, r Request, git gitProgram, p *progress, secrets *secrets) (*Checkout, error) {
	if (r.Path == "") == (r.URL == "") {
		return nil, errors.New("exactly one of a path and a URL must name the source")
	}
	for _, mode := range []string{r.Submodules, r.LFS} {
		if mode != "" && mode != "none" {
			return nil, fmt.Errorf("submodules and Git LFS can be left out with \"none\", not with %q", mode)
		}
	}
	d, err := openDest(r.Dest)
	if err != nil {
		return nil, err
	}
	j := &job{Request: r, dest: d, git: git, progress: p, secrets: secrets, used: &usedMirrors{}}
	var out *Checkout
	switch {
	case r.URL != "":
		out, err = j.fromURLAgain(ctx)
	case r.Commit != "":
		out, err = j.fromCommit(ctx)
	default:
		out, err = j.fromWorkTree(ctx)
	}
	if err == nil {
		return out, d.Close()
	}
	return nil, errors.Join(err, d.discard())
}

// job is one call of Prepare.
type job struct {
	Request
	dest     *dest
	git      gitProgram
	progress *progress
	secrets  *secrets
	config   gitConfig
	notices  []string
	problems []Problem
	modules  []SubmoduleCheckout
	depth    int // of a submodule in others
	used     *usedMirrors
}

// done adds what the job collected on its way.
func (j *job) done(out *Checkout) *Checkout {
	out.Notices, out.Problems, out.Submodules = j.notices, j.problems, j.modules
	slices.SortFunc(out.Submodules, func(a, b SubmoduleCheckout) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// problem notes a part that is missing, and lets a failure that is not about that part pass.
func (j *job) problem(p Problem, err error) error {
	var known *Error
	if !errors.As(err, &known) {
		return err
	}
	p.Err = known.redacted(j.secrets)
	j.problems = append(j.problems, p)
	return nil
}

func (j *job) notice(format string, args ...any) {
	j.notices = append(j.notices, fmt.Sprintf(format, args...))
}

// subject is the first line of a commit message.
func subject(message string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(message, "\n"), "\n")
	return oneLine(strings.TrimSpace(line))
}
