package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// fillPointers puts the content of Git LFS's files in place of their pointers. It happens here and not in the build,
// so that no credential has to go into a container and the image needs no git-lfs. Content that cannot be had is a
// Problem, and the pointers stay.
//
// The objects are kept in .git/lfs, too, because many specifications run git lfs pull, which then finds all that it
// wants and asks nobody. An object and the first file with its content are one file with two names: it takes no room
// twice. A build that writes into such a file, instead of replacing it, changes both.
func (j *job) fillPointers(ctx context.Context, files []lfsFile, up upstream) error {
	if len(files) == 0 {
		return nil
	}
	if j.Request.LFS == "none" {
		var names []string
		for _, f := range files {
			names = append(names, f.path)
		}
		j.notice("files of Git LFS are left as pointers: %s", few(names))
		return nil
	}
	var list []pointer
	for _, f := range files {
		list = append(list, f.pointer)
	}
	slices.SortFunc(list, func(a, b pointer) int {
		return cmp.Or(strings.Compare(a.oid, b.oid), cmp.Compare(a.size, b.size))
	})
	list = slices.Compact(list)
	j.progress.step("fetching %d files of Git LFS", len(list))
	failed, err := j.lfsObjects(ctx, list, up)
	if err != nil {
		return err
	}
	if err := j.lfsProblems(files, failed); err != nil {
		return err
	}
	placed := map[pointer]bool{}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if failed[f.pointer] != nil {
			continue
		}
		if err := j.placeObject(f, !placed[f.pointer]); err != nil {
			return fmt.Errorf("writing %q: %w", f.path, err)
		}
		placed[f.pointer] = true
	}
	return nil
}

// lfsObjects brings the objects into .git/lfs. It returns why single ones could not be had.
func (j *job) lfsObjects(ctx context.Context, list []pointer, up upstream) (map[pointer]error, error) {
	failed := map[pointer]error{}
	var missing []pointer
	for _, p := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		kept := j.lfsKept(up)
		if kept == "" {
			missing = append(missing, p)
			continue
		}
		switch err := j.copyObject(ctx, kept, up.repo == nil, p); {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, p)
		case err != nil:
			return nil, err
		}
	}
	switch {
	case len(missing) == 0:
		return failed, nil
	case up.offline, up.remote.scheme == "file", up.remote.scheme == "":
		err := &Error{
			Kind: KindNoCommit, Message: "your clone does not have the content",
			Hint: "Fetch it first: git lfs pull, or for another commit: git lfs fetch origin COMMIT",
		}
		for _, p := range missing {
			failed[p] = err
		}
		return failed, nil
	}
	err := j.downloadObjects(ctx, missing, up, failed)
	if err == nil {
		j.keepObjects(ctx, missing, up, failed)
	}
	return failed, err
}

// lfsKept is a folder of this machine with objects that the repository has: its own, or the mirror's. A mirror has one for
// each remote, so that a pointer in one repository does not lead to the content of another.
func (j *job) lfsKept(up upstream) string {
	switch {
	case up.repo != nil:
		return up.repo.lfsStorage()
	case j.Mirror != "" && up.remote.scheme != "file" && up.remote.scheme != "":
		return filepath.Join(j.mirrorFolder(up.remote), mirrorLFS)
	}
	return ""
}

// keepObjects puts what was downloaded into the mirror. A mirror that cannot be written is told of, and nothing else.
func (j *job) keepObjects(ctx context.Context, list []pointer, up upstream, failed map[pointer]error) {
	kept := j.lfsKept(up)
	if kept == "" || up.repo != nil {
		return
	}
	for _, p := range list {
		if failed[p] != nil || !j.hasObject(p) {
			continue
		}
		if err := j.keepObject(ctx, p, filepath.Join(kept, filepath.FromSlash(p.object()))); err != nil {
			j.notice("files of Git LFS are not kept for the next build: %v", err)
			return
		}
	}
}

func (j *job) keepObject(ctx context.Context, p pointer, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := j.dest.git.Open(path.Join("lfs", p.object()))
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := renameio.NewPendingFile(to, renameio.WithPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Cleanup()) }()
	if _, err := io.Copy(out, withContext(ctx, in)); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}

// lfsProblems notes the files whose content is missing, those with one reason together.
func (j *job) lfsProblems(files []lfsFile, failed map[pointer]error) error {
	paths, errs := map[string][]string{}, map[string]error{}
	for _, f := range files {
		if err := failed[f.pointer]; err != nil {
			paths[err.Error()] = append(paths[err.Error()], f.path)
			errs[err.Error()] = err
		}
	}
	for _, text := range sortedKeys(paths) {
		e := &Error{Kind: KindOther, Err: errs[text]}
		var known *Error
		if errors.As(errs[text], &known) {
			e.Kind, e.Hint, e.Err = known.Kind, known.Hint, known.Err
		}
		e.Message = fmt.Sprintf("Git LFS's pointer stays in place of the content of %s: %s", few(paths[text]), text)
		slices.Sort(paths[text])
		if err := j.problem(Problem{Part: PartLFS, Paths: paths[text]}, e); err != nil {
			return err
		}
	}
	return nil
}

// lfsStorage is where the repository on this machine keeps objects of Git LFS.
func (r *repository) lfsStorage() string {
	dir := r.config("lfs")("storage")
	switch {
	case dir == "":
		return filepath.Join(r.commonDir, "lfs")
	case filepath.IsAbs(dir):
		return dir
	}
	return filepath.Join(r.commonDir, dir)
}

// copyObject takes an object from a folder of this machine, in which it notes the use when that is ours. One that is damaged there is as good as missing.
func (j *job) copyObject(ctx context.Context, kept string, ours bool, p pointer) (err error) {
	f, err := os.Open(filepath.Join(kept, filepath.FromSlash(p.object())))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != p.size {
		return errors.Join(err, fs.ErrNotExist)
	}
	err = j.storeObject(ctx, p, f)
	if err == nil && ours {
		now := time.Now()
		_ = os.Chtimes(f.Name(), now, now) // somebody may have pruned it
	}
	var damaged *damagedError
	if errors.As(err, &damaged) {
		return fs.ErrNotExist
	}
	return err
}

// damagedError is content that is not what its pointer says.
type damagedError struct{ why string }

func (e *damagedError) Error() string { return e.why }

// localError is a failure of this machine's, such as a full disk: no server is to blame, and no part can be left out.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }

func (e *localError) Unwrap() error { return e.err }

// storeObject writes an object into .git/lfs while it checks size and hash. It has its name only when it is whole.
func (j *job) storeObject(ctx context.Context, p pointer, from io.Reader) (err error) {
	name := path.Join("lfs", p.object())
	if err := j.dest.git.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	part := fmt.Sprintf("%s.%d.part", name, p.size) // another pointer may give the same content another size
	f, err := j.dest.git.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	sum := sha256.New()
	in := &failing{r: withContext(ctx, from)}
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(in, p.size+1))
	if err = errors.Join(err, f.Close()); err != nil && in.err == nil {
		err = &localError{err}
	}
	if err != nil {
		return errors.Join(err, j.dest.git.Remove(part))
	}
	switch got := hex.EncodeToString(sum.Sum(nil)); {
	case n > p.size:
		err = &damagedError{fmt.Sprintf("the content is larger than the %d bytes that the pointer says", p.size)}
	case n < p.size:
		err = &damagedError{fmt.Sprintf("the content has %d bytes and not the %d that the pointer says", n, p.size)}
	case got != p.oid:
		err = &damagedError{"the content is not the one that the pointer says: its SHA-256 is " + got}
	}
	if err != nil {
		return errors.Join(err, j.dest.git.Remove(part))
	}
	return j.dest.git.Rename(part, name)
}

// placeObject replaces the pointer by the content. The time of the file is in the past, because git reads again what is
// as young as its index, and would then see a file that differs from the pointer in the commit.
func (j *job) placeObject(f lfsFile, first bool) error {
	object, name := path.Join("lfs", f.object()), filepath.FromSlash(f.path)
	if err := j.dest.root.Remove(name); err != nil {
		return err
	}
	if !first || f.perm&0o100 != 0 || j.dest.link(object, f.path) != nil {
		if err := j.copyOut(object, name, f.perm); err != nil {
			return err
		}
	}
	old := time.Now().Add(-time.Minute)
	if err := j.dest.root.Chtimes(name, old, old); err != nil {
		return err
	}
	info, err := j.dest.root.Lstat(name)
	if err != nil {
		return err
	}
	if f.entry != nil {
		*f.entry = *cleanEntry(f.path, f.entry.Mode, f.entry.Hash, statOf(info))
	}
	return nil
}

func (j *job) copyOut(object, name string, perm os.FileMode) error {
	in, err := j.dest.git.Open(object)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := j.dest.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// pointerOf reads the pointer that a small file is.
func pointerOf(root *os.Root, name string) (pointer, bool) {
	f, err := root.Open(name)
	if err != nil {
		return pointer{}, false
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxPointer+1))
	if err != nil {
		return pointer{}, false
	}
	return parsePointer(text)
}

// lfsConfigURL is the URL in .lfsconfig, if there is one.
func (j *job) lfsConfigURL() (string, error) {
	info, err := j.dest.root.Lstat(".lfsconfig")
	if errors.Is(err, fs.ErrNotExist) || (err == nil && (!info.Mode().IsRegular() || info.Size() > maxModulesFile)) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, err := j.dest.root.ReadFile(".lfsconfig")
	if err != nil {
		return "", err
	}
	sections, err := parseConfig(string(text))
	if err != nil {
		return "", &Error{Kind: KindOther, Message: ".lfsconfig cannot be read: " + err.Error()}
	}
	var own, ofRemote string
	for _, s := range sections {
		switch {
		case s.name == "lfs" && s.sub == "":
			own = s.values["url"]
		case s.name == "remote" && s.sub == "origin":
			ofRemote = s.values["lfsurl"]
		}
	}
	return firstOf(own, ofRemote), nil
}
