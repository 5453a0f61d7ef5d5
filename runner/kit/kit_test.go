package kit_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/kit"
	"github.com/preamp-build/preamp/testdata/need"
)

// shells are those that an image may have as sh. Those that this machine lacks are left out; it has at least one.
func shells(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, argv := range map[string][]string{
		"dash": {"dash"}, "busybox": {"busybox", "sh"}, "bash": {"bash"}, "bash as sh": {"bash", "--posix"},
		"mksh": {"mksh"}, "ksh": {"ksh"}, "sh": {"sh"},
	} {
		switch _, err := exec.LookPath(argv[0]); {
		case err == nil:
			found[name] = argv
		case name != "ksh" && os.Getenv(need.RequireTools) != "": // mksh is one, too
			need.Missing(t, "needs "+argv[0])
		}
	}
	if len(found) == 0 {
		t.Fatal("this machine has no shell")
	}
	return found
}

// install writes a kit as an engine does, to a folder whose name needs quoting.
func install(t *testing.T, values map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "it's a kit")
	given := map[string][]byte{}
	for k, v := range values {
		given[k] = []byte(v)
	}
	for _, f := range kit.Files(dir, given) {
		file := filepath.Join(dir, f.Name)
		var err error
		if f.Mode.IsDir() {
			err = os.MkdirAll(file, f.Mode.Perm())
		} else {
			err = os.WriteFile(file, f.Data, f.Mode.Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// left are the values that lie in a kit.
func left(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(dir, kit.Values))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, kit.Values, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = raw
	}
	values, foreign := kit.Keys(files)
	if foreign > 0 {
		t.Errorf("%d files are not envCache's", foreign)
	}
	got := map[string]string{}
	for k, v := range values {
		got[k] = string(v)
	}
	return got
}

type result struct {
	code     int
	out, err string
}

func call(t *testing.T, stdin string, argv ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// values are such as shells like to change on the way.
var values = map[string]string{
	"plain":     "value",
	"blanks":    "  a  b\tc ",
	"lines":     "one\ntwo\n\n",
	"quotes":    `it's "quoted" and \escaped\n $HOME ` + "`id` $(id) *",
	"option":    "--get",
	"echo":      "-n -e",
	"format":    "%s %d %%",
	"bytes":     "\xff\xfe\x80 ü 日本\x01\r",
	"newline":   "\n",
	"long":      strings.Repeat("it's\n", 20_000),
	"a.key-1_Z": "x",
	"a b":       "key with a blank",
	"a/../b":    "key that climbs",
	"..":        "key of two dots",
	"-e":        "key like an option",
	"über\n\"'": "key of anything",
	"%s\\n":     "key like a format",
}

func TestEnvCache(t *testing.T) {
	for name, shell := range shells(t) {
		t.Run(name, func(t *testing.T) {
			dir := install(t, map[string]string{"restored": "from the last build\n", "plain": "old"})
			envCache := append(shell, filepath.Join(dir, "bin", "envCache"))
			for k, v := range values {
				if r := call(t, "", append(envCache, "--set", k, v)...); r != (result{}) {
					t.Errorf("set %q: %+v", k, r)
				}
				if r := call(t, "", append(envCache, "--get", k)...); r != (result{out: v}) {
					t.Errorf("get %q: code %d, %.200q, %.200q, want %.200q", k, r.code, r.out, r.err, v)
				}
			}
			big := strings.Repeat("0123456\n", 1<<17)
			if r := call(t, big, append(envCache, "--set-stdin", "big")...); r != (result{}) {
				t.Errorf("set 1 MB: %+v", r)
			}
			if r := call(t, "", append(envCache, "--get", "big")...); r.out != big || r.code != 0 {
				t.Errorf("get 1 MB: %d bytes, code %d", len(r.out), r.code)
			}
			if r := call(t, "", append(envCache, "--get", "absent")...); r != (result{}) {
				t.Errorf("get what is not there: %+v, want nothing and success", r)
			}
			if r := call(t, "", append(envCache, "--set", "lines", "")...); r != (result{}) {
				t.Errorf("reset: %+v", r)
			}
			want := map[string]string{"restored": "from the last build\n", "big": big}
			for k, v := range values {
				want[k] = v
			}
			delete(want, "lines")
			if diff := cmp.Diff(want, left(t, dir)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			if rest, err := os.ReadDir(filepath.Join(dir, "unfinished")); err != nil || len(rest) != 1 || rest[0].Name() != "changed" {
				t.Errorf("unfinished files: %v, %v; want only the mark that something has changed", rest, err)
			}
		})
	}
}

func TestEnvCacheUsage(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"nothing":           {nil, 2, "what to do"},
		"unknown":           {[]string{"--delete", "k"}, 2, "unknown option --delete"},
		"a word":            {[]string{"get", "k"}, 2, "unknown option get"},
		"no key":            {[]string{"--get"}, 2, "--get takes a key"},
		"no value":          {[]string{"--set", "k"}, 2, "a key and a value"},
		"unquoted value":    {[]string{"--set", "k", "two", "words"}, 2, "a key and a value"},
		"empty key":         {[]string{"--get", ""}, 2, "never empty"},
		"a very long key":   {[]string{"--set", strings.Repeat("k", 300), "v"}, 1, "too long: 300 bytes"},
		"a longish odd key": {[]string{"--set", strings.Repeat("ü", 80), "v"}, 1, "too long: 160 bytes"},
	} {
		for shell, argv := range shells(t) {
			t.Run(name+"/"+shell, func(t *testing.T) {
				dir := install(t, nil)
				r := call(t, "", append(append(argv, filepath.Join(dir, "bin", "envCache")), tc.args...)...)
				if r.code != tc.code || r.out != "" || !strings.Contains(r.err, tc.want) || !strings.HasPrefix(r.err, "envCache: ") {
					t.Errorf("%+v, want code %d and %q", r, tc.code, tc.want)
				}
				if got := left(t, dir); len(got) > 0 {
					t.Errorf("it set %v", got)
				}
			})
		}
	}
}

// What is too large is refused when it is set, and what was there stays.
func TestEnvCacheTooLarge(t *testing.T) {
	dir := install(t, map[string]string{"k": "before"})
	r := call(t, strings.Repeat("x", kit.MaxValue+1), filepath.Join(dir, "bin", "envCache"), "--set-stdin", "k")
	if r.code != 1 || !strings.Contains(r.err, fmt.Sprint(kit.MaxValue)) {
		t.Errorf("%+v, want a refusal that names the limit", r)
	}
	if diff := cmp.Diff(map[string]string{"k": "before"}, left(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestEnvCacheWithoutItsFolder(t *testing.T) {
	dir := install(t, nil)
	if err := os.RemoveAll(filepath.Join(dir, kit.Values)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--set", "k", "v"}, {"--get", "k"}} {
		if r := call(t, "", append([]string{filepath.Join(dir, "bin", "envCache")}, args...)...); r.code != 1 || !strings.Contains(r.err, "is gone") {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// Processes that set values at once leave whole ones.
func TestEnvCacheConcurrently(t *testing.T) {
	dir := install(t, nil)
	want := map[string]string{}
	var wg sync.WaitGroup
	for i := range 20 {
		value := strings.Repeat(fmt.Sprintf("%02d", i), 50_000)
		want[fmt.Sprintf("own%d", i)] = value
		wg.Go(func() {
			for _, key := range []string{"shared", fmt.Sprintf("own%d", i)} {
				if r := call(t, value, filepath.Join(dir, "bin", "envCache"), "--set-stdin", key); r != (result{}) {
					t.Errorf("%s: %+v", key, r)
				}
			}
		})
	}
	wg.Wait()
	got := left(t, dir)
	shared := got["shared"]
	if len(shared) != 100_000 || strings.Repeat(shared[:2], 50_000) != shared {
		t.Errorf("the shared value is no whole one: %d bytes", len(shared))
	}
	delete(got, "shared")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("values of their own got lost")
	}
}

// In a build's own shell there is no bound on the length of a value, whatever the build does to its PATH and options.
func TestSession(t *testing.T) {
	dir := install(t, nil)
	script := kit.Setup(dir) + `
command -v amplifyPush >/dev/null || echo "no amplifyPush"
big=$(head -c 1048576 /dev/zero | tr '\0' x)"'
end"
envCache --set big "$big"
[ "$(envCache --get big)" = "$big" ] || echo "not the same"
bash -c 'envCache --set inner 1'; sh -c 'echo "$(envCache --get inner)"'
set -eu -o pipefail; IFS=e
PATH=/usr/bin:/bin
envCache --set after "the e n d"
echo "[$(envCache --get after)]"
envCache --get after extra || echo "code $?"
case $- in *e*u*) ;; *) echo "options were changed" ;; esac
`
	r := call(t, script, "bash", "-s")
	if r.code != 0 || r.out != "1\n[the e n d]\ncode 2\n" {
		t.Errorf("%+v", r)
	}
	if got := left(t, dir); len(got["big"]) != 1<<20+5 || got["after"] != "the e n d" || got["inner"] != "1" {
		t.Errorf("left %.100q", got)
	}
}

// Files that envCache did not make are not taken for values.
func TestKeysForeign(t *testing.T) {
	files := map[string][]byte{
		"k.good": []byte("v"), "x." + "6120": []byte("odd key"), "k.none": nil, // an empty value is none, and no stranger
		"good": []byte("v"), "k.": []byte("v"), "x.": []byte("v"), "x.6": []byte("v"), "x.zz": []byte("v"), "x.61": []byte("a plain key in hex"),
		"x.6A20": []byte("upper case"), "k.a b": []byte("v"), "k.a/b": []byte("v"), ".hidden": []byte("v"),
		"k." + strings.Repeat("a", 239): []byte("v"), "k.huge": make([]byte, kit.MaxValue+1),
	}
	got, foreign := kit.Keys(files)
	want := map[string][]byte{"good": []byte("v"), "a ": []byte("odd key")}
	if diff := cmp.Diff(want, got); diff != "" || foreign != len(files)-3 {
		t.Errorf("%d foreign, (-want +got):\n%s", foreign, diff)
	}
}

// Every file that is taken for a value goes back to the very same name.
func FuzzKeys(f *testing.F) {
	for k := range values {
		for _, file := range kit.Files("/k", map[string][]byte{k: []byte("v")})[5:] {
			f.Add(strings.TrimPrefix(file.Name, kit.Values+"/"))
		}
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, foreign := kit.Keys(map[string][]byte{name: []byte("v")})
		if len(got)+foreign != 1 {
			t.Fatalf("%d values and %d foreign files of one", len(got), foreign)
		}
		for k := range got {
			files := kit.Files("/k", got)
			if last := files[len(files)-1].Name; last != kit.Values+"/"+name {
				t.Fatalf("%q is the key %q, whose file is %q", name, k, last)
			}
		}
	})
}
