package cachetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const casesVariable = "PREAMP_PROPERTY_CASES"

// Cases is how many cases a property test of caches takes: the value of PREAMP_PROPERTY_CASES, or 300.
func Cases(t testing.TB) int {
	t.Helper()
	s := os.Getenv(casesVariable)
	if s == "" {
		return 300
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", casesVariable, err)
	}
	return n
}

// randomTrees edits a tree at random, saves it with random patterns and compares what comes back with what an
// independent reading of the patterns says.
func randomTrees(t *testing.T, open Opener) {
	const casesPerTree = 10
	for seed := range uint64((Cases(t) + casesPerTree - 1) / casesPerTree) {
		e := &editor{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), root: workspace(t)}
		f := newFixture(t, open)
		for i := range casesPerTree {
			for range 8 {
				e.edit()
			}
			if i == 0 || e.rnd.IntN(4) == 0 {
				f.key.Paths = e.patterns()
			}
			if e.rnd.IntN(3) == 0 {
				e.saveAndLeave(f)
			} else {
				e.saveAndRestore(f)
			}
			if t.Failed() {
				t.Fatalf("seed %d, case %d, patterns %q", seed, i, f.key.Paths)
			}
		}
	}
}

// saveAndRestore saves the tree and compares what comes back. Sometimes that is the tree from then on, as it is for the
// builds that restore a cache, go on from there and save it again.
func (e *editor) saveAndRestore(f *fixture) {
	f.save(e.root)
	want := selected(snapshot(e.t, e.root), f.key.Paths)
	fresh := workspace(e.t)
	if r := f.restore(fresh); !r.Hit {
		e.t.Fatalf("miss: %s", r.Reason)
	}
	equal(e.t, want, withoutParents(snapshot(e.t, fresh), f.key.Paths))
	if s := f.save(e.root); !s.Unchanged {
		e.t.Errorf("a second save: %+v", s)
	}
	if e.rnd.IntN(3) == 0 {
		e.root = fresh
	}
}

// saveAndLeave does the same as builds do: what is restored then is the only tree that there is.
func (e *editor) saveAndLeave(f *fixture) {
	f.save(e.root)
	want := selected(snapshot(e.t, e.root), f.key.Paths)
	remove(e.t, e.root)
	e.root = workspace(e.t)
	if r := f.restore(e.root); !r.Hit {
		e.t.Fatalf("miss: %s", r.Reason)
	}
	equal(e.t, want, withoutParents(snapshot(e.t, e.root), f.key.Paths))
	if e.rnd.IntN(4) > 0 {
		return
	}
	// A build that fails.
	for range 8 {
		e.edit()
	}
	remove(e.t, e.root)
	e.root = workspace(e.t)
	f.restore(e.root)
	equal(e.t, want, withoutParents(snapshot(e.t, e.root), f.key.Paths))
}

type editor struct {
	t       testing.TB
	rnd     *rand.Rand
	root    string
	content []string // paths of files that are named by what they held
}

var (
	randomNames = []string{"a", "b", "a.b", "node_modules", ".cache", ".git", "ü", "a\nb", "\xff", ".x", "-"}
	randomModes = []os.FileMode{0o644, 0o600, 0o755, 0o444, 0o777}
)

// path is a random path of one to four components, or that of a file that is named by what it holds.
func (e *editor) path() string {
	if len(e.content) > 0 && e.rnd.IntN(5) == 0 {
		return e.content[e.rnd.IntN(len(e.content))]
	}
	names := make([]string, 1+e.rnd.IntN(4))
	for i := range names {
		names[i] = randomNames[e.rnd.IntN(len(randomNames))]
	}
	return path.Join(names...)
}

// edit makes one change to the tree; what the file system refuses, such as a file below a file, is no change.
func (e *editor) edit() {
	name := filepath.Join(e.root, e.path())
	if resolved, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil && resolved != filepath.Dir(name) {
		return // behind a link
	}
	info, err := os.Lstat(name)
	there := err == nil && info.Mode()&os.ModeSymlink == 0
	switch e.rnd.IntN(15) {
	case 0:
		_ = os.RemoveAll(name)
	case 1:
		_ = os.MkdirAll(name, 0o755)
	case 2:
		_ = os.MkdirAll(filepath.Dir(name), 0o755)
		_ = os.Symlink([]string{"a", "../b", "/etc", "no where"}[e.rnd.IntN(4)], name)
	case 3:
		if there {
			must(e.t, os.Chmod(name, randomModes[e.rnd.IntN(len(randomModes))]|0o700))
		}
	case 4:
		if there {
			must(e.t, os.Chtimes(name, time.Time{}, time.Unix(e.rnd.Int64N(2e9), e.rnd.Int64N(1e9))))
		}
	case 5:
		_ = os.Rename(name, filepath.Join(e.root, e.path()))
	case 6:
		if there && info.Mode().IsRegular() {
			e.hide(name, info)
		}
	case 7, 8:
		e.store(name)
	default:
		if !there || info.Mode().IsRegular() {
			e.write(name)
		}
	}
}

// store makes a file whose name is the hash of what it holds.
func (e *editor) store(below string) {
	content := strings.Repeat(strconv.Itoa(e.rnd.IntN(1e6)), e.rnd.IntN(3000))
	rel, err := filepath.Rel(e.root, filepath.Join(below, contentPath(e.rnd.IntN(3), content)))
	must(e.t, err)
	if len(strings.Split(rel, "/")) > 10 {
		return
	}
	_ = os.MkdirAll(filepath.Join(e.root, filepath.Dir(rel)), 0o755)
	if os.WriteFile(filepath.Join(e.root, rel), []byte(content), 0o644) == nil {
		e.content = append(e.content, rel)
	}
}

// hide changes a file's first byte and makes it look as before.
func (e *editor) hide(name string, info os.FileInfo) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil || info.Size() == 0 {
		return
	}
	_, err = f.WriteAt([]byte{byte(e.rnd.IntN(256))}, 0)
	must(e.t, errors.Join(err, f.Close(), os.Chtimes(name, time.Time{}, info.ModTime())))
}

// write makes, replaces or extends a file.
func (e *editor) write(name string) {
	_ = os.MkdirAll(filepath.Dir(name), 0o755)
	content := []byte(strings.Repeat(strconv.Itoa(e.rnd.IntN(1e6)), e.rnd.IntN(3000)))
	if e.rnd.IntN(40) == 0 { // longer than any store keeps in one piece
		content = bytes.Repeat(binary.LittleEndian.AppendUint64(nil, e.rnd.Uint64()), 1<<19+e.rnd.IntN(1<<19))
	}
	how := os.O_TRUNC
	if e.rnd.IntN(4) == 0 {
		how = os.O_APPEND
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|how, randomModes[e.rnd.IntN(len(randomModes))])
	if err != nil {
		return
	}
	_, err = f.Write(content)
	must(e.t, errors.Join(err, f.Close()))
}

// patterns are at least one to cache and maybe some to leave out; all are of the simple forms that expect knows.
func (e *editor) patterns() []string {
	var list []string
	for i := range 1 + e.rnd.IntN(4) {
		p := e.path()
		if strings.Contains(p, ".git") || strings.Contains(p, "\n") {
			p = "node_modules"
		}
		switch e.rnd.IntN(5) {
		case 0:
			p += "/**/*"
		case 1:
			p += "/"
		case 2:
			p = "**/" + path.Base(p)
		}
		if i > 0 && e.rnd.IntN(3) == 0 {
			p = "!" + p
		}
		list = append(list, p)
	}
	return list
}

// matches is what a pattern of editor.patterns means, said another way: does it match rel or a folder above?
func matches(pattern, rel string) bool {
	pattern = strings.TrimSuffix(strings.TrimSuffix(pattern, "/**/*"), "/")
	if name, ok := strings.CutPrefix(pattern, "**/"); ok {
		return slices.Contains(strings.Split(rel, "/"), name)
	}
	return rel == pattern || strings.HasPrefix(rel, pattern+"/")
}

func expected(rel string, patterns []string) bool {
	parts := strings.Split(rel, "/")
	omitted := strings.Contains("/"+rel+"/", "/node_modules/.cache/")
	in := false
	for _, p := range patterns {
		if ex, ok := strings.CutPrefix(p, "!"); ok {
			if matches(ex, rel) {
				return false
			}
			continue
		}
		names := strings.Contains(p, "node_modules/.cache") || strings.HasPrefix(p, "**/.cache")
		in = in || matches(p, rel) && (!omitted || names)
	}
	return in && !slices.Contains(parts, ".git")
}

// selected is the part of a tree that the patterns select.
func selected(tree map[string]string, patterns []string) map[string]string {
	got := map[string]string{}
	for rel, what := range tree {
		if expected(rel, patterns) {
			got[rel] = what
		}
	}
	return got
}

// withoutParents drops the folders that are there only because something below them is.
func withoutParents(tree map[string]string, patterns []string) map[string]string {
	got := map[string]string{}
	for rel, what := range tree {
		needed := false
		for other := range tree {
			needed = needed || strings.HasPrefix(other, rel+"/") && expected(other, patterns)
		}
		if expected(rel, patterns) || !needed {
			got[rel] = what
		}
	}
	return got
}
