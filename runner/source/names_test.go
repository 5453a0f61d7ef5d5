package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
)

// Links, exec bits and names of any bytes come through a clone, a commit, a snapshot and a submodule unchanged.
func TestNamesLinksAndModes(t *testing.T) {
	hermetic(t)
	dir := t.TempDir()
	work := filepath.Join(dir, "odd")
	sourcetest.Git(t, dir, "init", "-q", work)
	want := map[string]string{
		"latin \xe9\xff": "1", "new\nline": "2", "tab\tback\\slash": "3", "\"quoted\" 'name'": "4", "$(touch x)`y`": "5", "-rf": "6",
		"\u65e5\u672c/\U0001f600": "7", "e\u0301 and \u00e9": "8", strings.Repeat("n", 255): "9", " space ": "10", "C:\\x": "11",
		"sj\x93is/\x82\xa0.txt": "12", "bin/\xffrun": "x #!/bin/sh\n", ".hidden/.x": "13", "a:b*c?d<e>f|g": "14", "\x01control": "15",
		"link": "->-rf", "dangling": "->../no/where", "absolute": "->/etc/hostname", "odd link \xff": "->latin \xe9\xff", "loop": "->loop",
		"folder link": "->.hidden", "escape": "->../../../../etc",
	}
	for path, text := range want {
		target, isLink := strings.CutPrefix(text, "->")
		switch program, isProgram := strings.CutPrefix(text, "x "); {
		case isLink:
			must(t, os.Symlink(target, filepath.Join(work, path)))
		case isProgram:
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(work, path)), 0o755))
			must(t, os.WriteFile(filepath.Join(work, path), []byte(program), 0o755))
		default:
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(work, path)), 0o755))
			must(t, os.WriteFile(filepath.Join(work, path), []byte(text), 0o644))
		}
	}
	sourcetest.Git(t, work, "add", "-A")
	sourcetest.Git(t, work, "commit", "-q", "-m", "Odd")
	sourcetest.Git(t, dir, "clone", "-q", "--bare", work, filepath.Join(dir, "odd.git"))
	withSubmodules(t, dir, "outer", map[string]string{"\xe9 \xff": "../odd.git"}, sourcetest.Git(t, work, "rev-parse", "HEAD"))
	web := sourcetest.HTTP(t, dir, sourcetest.HTTPOptions{})
	bothWays(t, func(t *testing.T, git gitProgram) {
		for name, r := range map[string]Request{
			"clone": {URL: web.URL + "/odd.git"}, "commit": {Path: work, Commit: "HEAD"}, "snapshot": {Path: work}, "submodule": {URL: web.URL + "/outer.git"},
		} {
			out, dest := mustPrepare(t, git, r)
			if name == "submodule" {
				dest = filepath.Join(dest, "\xe9 \xff")
			}
			got := files(t, dest)
			delete(got, ".git")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if status := sourcetest.Git(t, dest, "status", "--porcelain"); status != "" || len(out.Problems) > 0 {
				t.Errorf("%s: %s %+v", name, status, out.Problems)
			}
		}
	})
}
