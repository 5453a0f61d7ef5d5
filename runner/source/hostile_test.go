package source

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// rawEntry is one entry of a tree that git would not write.
type rawEntry struct {
	mode, name string
	hash       plumbing.Hash
}

// forge makes a bare repository whose only commit has the tree that entries returns.
func forge(t *testing.T, dir string, entries func(blob func(string) plumbing.Hash, tree func(...rawEntry) plumbing.Hash) []rawEntry) string {
	t.Helper()
	sourcetest.Git(t, filepath.Dir(dir), "init", "-q", "--bare", dir)
	s := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	put := func(kind plumbing.ObjectType, content []byte) plumbing.Hash {
		o := s.NewEncodedObject()
		o.SetType(kind)
		w, err := o.Writer()
		must(t, err)
		_, err = w.Write(content)
		must(t, err)
		must(t, w.Close())
		h, err := s.SetEncodedObject(o)
		must(t, err)
		return h
	}
	blob := func(text string) plumbing.Hash { return put(plumbing.BlobObject, []byte(text)) }
	tree := func(list ...rawEntry) plumbing.Hash {
		var b bytes.Buffer
		for _, e := range list {
			b.WriteString(e.mode + " " + e.name + "\x00")
			b.Write(e.hash[:])
		}
		return put(plumbing.TreeObject, b.Bytes())
	}
	root := tree(entries(blob, tree)...)
	commit := &object.Commit{TreeHash: root, Message: "Trust me\x1b[31m\n"}
	o := s.NewEncodedObject()
	must(t, commit.Encode(o))
	h, err := s.SetEncodedObject(o)
	must(t, err)
	must(t, s.SetReference(plumbing.NewHashReference("refs/heads/main", h)))
	return dir
}

func TestHostileTrees(t *testing.T) {
	hermetic(t)
	outside := t.TempDir()
	type blobs = func(string) plumbing.Hash
	type trees = func(...rawEntry) plumbing.Hash
	file, folder, link := "100644", "40000", "120000"
	tests := map[string]func(blobs, trees) []rawEntry{
		"dot dot file": func(b blobs, _ trees) []rawEntry { return []rawEntry{{file, "..", b("x")}} },
		"dot dot folder": func(b blobs, tr trees) []rawEntry {
			return []rawEntry{{folder, "..", tr(rawEntry{file, "escaped", b("x")})}}
		},
		"dot": func(b blobs, tr trees) []rawEntry { return []rawEntry{{folder, ".", tr(rawEntry{file, "x", b("x")})}} },
		"git folder": func(b blobs, tr trees) []rawEntry {
			return []rawEntry{{folder, ".git", tr(rawEntry{file, "config", b("[core]\nsshCommand=touch /tmp/x\n")})}}
		},
		"upper case git": func(b blobs, tr trees) []rawEntry {
			return []rawEntry{{folder, ".GIT", tr(rawEntry{file, "config", b("x")})}}
		},
		"git with an ignored character": func(b blobs, tr trees) []rawEntry {
			return []rawEntry{{folder, ".g\u200cit", tr(rawEntry{file, "config", b("x")})}}
		},
		"git with a stream":  func(b blobs, _ trees) []rawEntry { return []rawEntry{{file, ".git::$INDEX_ALLOCATION", b("x")}} },
		"git with an ending": func(b blobs, _ trees) []rawEntry { return []rawEntry{{file, ".git. .", b("x")}} },
		"short name of git":  func(b blobs, _ trees) []rawEntry { return []rawEntry{{file, "GIT~1", b("x")}} },
		"git link":           func(b blobs, _ trees) []rawEntry { return []rawEntry{{link, ".git", b(outside)}} },
		"nested git": func(b blobs, tr trees) []rawEntry {
			return []rawEntry{{folder, "sub", tr(rawEntry{folder, ".git", tr(rawEntry{file, "config", b("x")})})}}
		},
		"gitmodules link": func(b blobs, _ trees) []rawEntry { return []rawEntry{{link, ".gitmodules", b(outside)}} },
		"slash": func(b blobs, _ trees) []rawEntry {
			return []rawEntry{{link, "a", b(outside)}, {file, "a/b", b("x")}}
		},
		"absolute": func(b blobs, _ trees) []rawEntry {
			return []rawEntry{{file, filepath.Join(outside, "absolute"), b("x")}}
		},
		"link and folder": func(b blobs, tr trees) []rawEntry {
			return []rawEntry{{link, "a", b(outside)}, {folder, "a", tr(rawEntry{file, "b", b("x")})}}
		},
		"folder and link": func(b blobs, tr trees) []rawEntry {
			return []rawEntry{{folder, "a", tr(rawEntry{file, "b", b("x")})}, {link, "a", b(outside)}}
		},
		"link and file": func(b blobs, _ trees) []rawEntry {
			return []rawEntry{{link, "a", b(filepath.Join(outside, "b"))}, {file, "a", b("x")}}
		},
		"endless depth": func(b blobs, tr trees) []rawEntry {
			h := tr(rawEntry{file, "x", b("x")})
			for range maxTreeDepth + 5 {
				h = tr(rawEntry{folder, "d", h})
			}
			return []rawEntry{{folder, "d", h}}
		},
		"long link": func(b blobs, _ trees) []rawEntry {
			return []rawEntry{{link, "a", b(strings.Repeat("x", maxLinkTarget+1))}}
		},
		"link with zero": func(b blobs, _ trees) []rawEntry { return []rawEntry{{link, "a", b("x\x00y")}} },
		"missing blob": func(blobs, trees) []rawEntry {
			return []rawEntry{{file, "a", plumbing.NewHash(strings.Repeat("12", 20))}}
		},
	}
	dir := t.TempDir()
	for name, entries := range tests {
		bare := forge(t, filepath.Join(dir, hex.EncodeToString([]byte(name))), entries)
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, git gitProgram) {
				parent := t.TempDir()
				dest := filepath.Join(parent, "dest")
				out, err := prepare(t.Context(), Request{URL: bare, Dest: dest}, git)
				if err == nil {
					t.Errorf("it was checked out: %+v", out)
				} else {
					t.Log(err)
				}
				for _, empty := range []string{parent, outside} {
					if left, _ := os.ReadDir(empty); len(left) > 0 {
						t.Errorf("%s has %v", empty, left)
					}
				}
			})
		})
	}
}

// A link to the outside is a normal thing in a repository. It is made, and never followed.
func TestLinksAreNotFollowed(t *testing.T) {
	hermetic(t)
	outside := t.TempDir()
	sourcetest.Write(t, outside, map[string]string{"secret": "s"})
	repo := sourcetest.NewRepo(t, t.TempDir(), "shop")
	// The folder src becomes a link: its files are gone, and those behind the link are not ours.
	must(t, os.RemoveAll(filepath.Join(repo.Dir, "src")))
	must(t, os.Symlink(outside, filepath.Join(repo.Dir, "src")))
	sourcetest.Write(t, outside, map[string]string{"index.js": "stolen"})
	bothWays(t, func(t *testing.T, git gitProgram) {
		_, dest := mustPrepare(t, git, Request{Path: repo.Dir})
		if got := files(t, dest); got["src"] != "->"+outside {
			t.Errorf("%v", got)
		}
	})
}

// Names of references come from the server and are written into a file that is read by lines.
func TestHostileReferences(t *testing.T) {
	l := newRefList()
	h := plumbing.NewHash(strings.Repeat("1", 40))
	for _, name := range []string{
		"refs/heads/main", "refs/heads/../../config", "refs/heads/a b", "refs/heads/a\nb", "refs/tags/v1", "refs/tags/..", "refs/heads/x.lock",
		"refs/tags/a\x7f", "HEAD", "refs/heads/", "refs/pull/1/head", "refs/heads/-x",
		"refs/heads/a\x1b[31m", "refs/heads/a\u009bm",
	} {
		l.add(plumbing.ReferenceName(name), h)
	}
	if got := l.branches(); !slices.Equal(got, []string{"main"}) {
		t.Errorf("branches %q", got)
	}
	if got := l.tagNames(); !slices.Equal(got, []string{"v1"}) {
		t.Errorf("tags %q", got)
	}
}
