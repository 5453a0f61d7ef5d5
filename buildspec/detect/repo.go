package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

const (
	// maxManifest is the size in bytes up to which package.json and its like are read. The largest in use have some
	// 100 KB.
	maxManifest = 1 << 20
	// maxConfig is the size in bytes up to which a configuration written as code is scanned.
	maxConfig = 256 << 10
	// maxHead is how much of a lockfile is read: its format stands in the first lines.
	maxHead = 4 << 10
	// maxTotal is how much is read of a repository in all, in bytes. A large monorepo needs a tenth of it.
	maxTotal = 32 << 20
	// maxDepth and maxFolders bound the search for the applications of a monorepo.
	maxDepth   = 4
	maxFolders = 5000
)

// errTooLarge says that a file is over its limit.
var errTooLarge = errors.New("file too large")

// repo reads an untrusted repository. All paths are slash-separated and relative to its root.
type repo struct {
	fsys fs.FS
	// notes are the files that were there and were not read, with the reason, in the order in which they were met.
	notes []string
	noted map[string]bool
	// manifests remembers package.json by folder, and total counts the bytes that were read.
	manifests map[string]manifestResult
	total     int64
}

type manifestResult struct {
	manifest *manifest
	err      error
}

func newRepo(fsys fs.FS) *repo {
	return &repo{fsys: fsys, noted: map[string]bool{}, manifests: map[string]manifestResult{}}
}

func (r *repo) note(name, why string) {
	if !r.noted[name] {
		r.noted[name] = true
		r.notes = append(r.notes, name+" "+why)
	}
}

// lstat follows no link, not even in the folders above; a path through a link does not exist.
func (r *repo) lstat(name string) (fs.FileInfo, bool) {
	if !fs.ValidPath(name) {
		return nil, false
	}
	for i := range name {
		if name[i] != '/' {
			continue
		}
		if info, err := fs.Lstat(r.fsys, name[:i]); err != nil || !info.IsDir() {
			return nil, false
		}
	}
	info, err := fs.Lstat(r.fsys, name)
	if err != nil {
		return nil, false
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		r.note(name, "is a symbolic link and was not followed")
		return nil, false
	}
	return info, true
}

func (r *repo) isFile(elem ...string) bool {
	info, ok := r.lstat(path.Join(elem...))
	return ok && info.Mode().IsRegular()
}

func (r *repo) isDir(elem ...string) bool {
	info, ok := r.lstat(path.Join(elem...))
	return ok && info.IsDir()
}

// read returns a regular file of at most limit bytes without its byte order mark. The error wraps fs.ErrNotExist when
// there is no such file, and errTooLarge when it is longer.
func (r *repo) read(name string, limit int64) ([]byte, error) {
	data, err := r.head(name, limit+1)
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: %w: more than %d KiB", name, errTooLarge, limit>>10)
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

// head returns the first bytes of a regular file, up to limit.
func (r *repo) head(name string, limit int64) ([]byte, error) {
	if !r.isFile(name) {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if r.total > maxTotal {
		return nil, fmt.Errorf("%s: %w: the repository's configurations have more than %d MiB", name, errTooLarge, maxTotal>>20)
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the repository: %w", err)
	}
	defer func() { _ = f.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(f, limit))
	r.total += int64(len(data))
	if err != nil {
		return nil, fmt.Errorf("reading the repository: %w", err)
	}
	return data, nil
}

// text returns a file that detection can do without: "" when it is absent, and "" with a note when it is too large.
func (r *repo) text(name string, limit int64) string {
	data, err := r.read(name, limit)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.note(name, "was not read: "+err.Error())
		}
		return ""
	}
	return string(data)
}

// first returns the first of the names that is a regular file in the folder, or "".
func (r *repo) first(folder string, names ...string) string {
	for _, name := range names {
		if r.isFile(folder, name) {
			return path.Join(folder, name)
		}
	}
	return ""
}

// folders returns the folders below the root that may hold an application, in lexical order, up to the limits. Hidden
// folders, links, installed packages and results of builds are left out.
func (r *repo) folders() []string {
	var found []string
	seen := 0
	var walk func(folder string, depth int)
	walk = func(folder string, depth int) {
		f, err := r.fsys.Open(folder)
		if err != nil {
			return
		}
		defer func() { _ = f.Close() }() // only read from
		dir, ok := f.(fs.ReadDirFile)
		if !ok {
			return
		}
		// A folder of a million files costs no more than the limit. Which of them are seen is then up to the file system.
		entries, err := dir.ReadDir(maxFolders + 1)
		if err != nil && !errors.Is(err, io.EOF) {
			return
		}
		sortEntries(entries)
		for _, e := range entries {
			if seen++; seen > maxFolders {
				r.note(".", fmt.Sprintf("has more than %d entries; the search for applications stopped there", maxFolders))
				return
			}
			if !e.IsDir() || ignored(e.Name()) {
				continue
			}
			name := path.Join(folder, e.Name())
			found = append(found, name)
			if depth < maxDepth {
				walk(name, depth+1)
			}
		}
	}
	walk(".", 1)
	return found
}

func ignored(name string) bool {
	switch name {
	case "node_modules", "vendor", "dist", "build", "out", "coverage", "bower_components":
		return true
	}
	return strings.HasPrefix(name, ".")
}
