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
	"os"
	"path/filepath"
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
	// SSHKeyFile is the path of a private key and SSHKeyPassphrase decrypts it.
	SSHKeyFile, SSHKeyPassphrase string
	// SSHAgent offers the keys of the agent at SSH_AUTH_SOCK.
	SSHAgent bool
	// KnownHosts are files with the host keys to trust; none means ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.
	// The host's key is always checked.
	KnownHosts []string
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
	// Notices are lines for a person about what was left out or is unusual.
	Notices []string
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
	if ctx.Err() != nil {
		return nil, fmt.Errorf("preparing the source was cancelled: %w", context.Cause(ctx))
	}
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{Kind: KindOther, Message: err.Error(), Err: err}
	}
	return nil, known.redacted(secrets)
}

func fill(ctx context.Context, r Request, git gitProgram, p *progress, secrets *secrets) (*Checkout, error) {
	if (r.Path == "") == (r.URL == "") {
		return nil, errors.New("exactly one of a path and a URL must name the source")
	}
	d, err := openDest(r.Dest)
	if err != nil {
		return nil, err
	}
	j := &job{Request: r, dest: d, git: git, progress: p, secrets: secrets}
	var out *Checkout
	switch {
	case r.URL != "":
		out, err = j.fromURL(ctx)
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
	notices  []string
}

func (j *job) notice(format string, args ...any) {
	j.notices = append(j.notices, fmt.Sprintf(format, args...))
}

// dest is the folder being filled. Everything below it is written through root, which never leaves it.
type dest struct {
	path    string // absolute
	root    *os.Root
	created bool // by us, to be removed again on failure
}

func openDest(path string) (*dest, error) {
	if path == "" {
		return nil, errors.New("no destination folder was given")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("destination folder %s: %w", path, err)
	}
	d := &dest{path: abs}
	entries, err := os.ReadDir(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.created = true
		if err := os.MkdirAll(abs, 0o755); err != nil {
			return nil, fmt.Errorf("creating the destination folder: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("destination folder: %w", err)
	case len(entries) > 0:
		return nil, fmt.Errorf("the destination folder %s is not empty", abs)
	}
	if d.root, err = os.OpenRoot(abs); err != nil {
		return nil, fmt.Errorf("destination folder: %w", err)
	}
	return d, nil
}

// gitDir is the absolute path of the repository inside the folder.
func (d *dest) gitDir() string { return filepath.Join(d.path, ".git") }

// Close releases the folder.
func (d *dest) Close() error { return d.root.Close() }

// discard empties the folder after a failure, and removes it when it was not there before.
func (d *dest) discard() error {
	entries, err := os.ReadDir(d.path)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, d.root.RemoveAll(e.Name()))
	}
	errs = append(errs, d.root.Close())
	if d.created {
		errs = append(errs, os.Remove(d.path))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("emptying the destination folder %s: %w", d.path, err)
	}
	return nil
}

// subject is the first line of a commit message.
func subject(message string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(message, "\n"), "\n")
	return oneLine(strings.TrimSpace(line))
}
