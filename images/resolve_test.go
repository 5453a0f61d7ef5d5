package images

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustLookup(t *testing.T, name string) Recipe {
	t.Helper()
	r, ok := Lookup(name)
	if !ok {
		t.Fatalf("no recipe %q", name)
	}
	return r
}

func TestResolve(t *testing.T) {
	t.Parallel()
	debian, al2023 := mustLookup(t, "debian"), mustLookup(t, "al2023")
	id := "sha256:" + strings.Repeat("0af9", 16)
	digest := "node@" + id
	tests := []struct {
		name   string
		want   Ref
		notice string // part of the one notice expected; "" for none
	}{
		{name: "debian", want: Ref{Image: debian.Tag, Recipe: "debian", Local: true}},
		{name: "al2023", want: Ref{Image: al2023.Tag, Recipe: "al2023", Local: true}},
		{name: "amplify:al2023", want: Ref{Image: al2023.Tag, Recipe: "al2023", Local: true}},
		{name: "Amplify:AL2023", want: Ref{Image: al2023.Tag, Recipe: "al2023", Local: true}},
		{name: "amplify:al2", want: Ref{Image: al2023.Tag, Recipe: "al2023", Local: true}, notice: "Amazon Linux 2023 in its place"},
		{name: debian.Tag, want: Ref{Image: debian.Tag, Recipe: "debian", Local: true}},
		{name: debian.Latest, want: Ref{Image: debian.Latest, Recipe: "debian", Local: true}},
		{name: "docker.io/" + debian.Latest, want: Ref{Image: debian.Latest, Recipe: "debian", Local: true}},
		{name: "preamp/debian", want: Ref{Image: debian.Latest, Recipe: "debian", Local: true}},
		{name: "preamp/debian:000000000000", want: Ref{Image: "preamp/debian:000000000000", Local: true}, notice: "another version"},
		{name: "debian:12", want: Ref{Image: "debian:12"}},
		{name: "node:22-bookworm", want: Ref{Image: "node:22-bookworm"}},
		{name: "docker.io/library/node:22", want: Ref{Image: "node:22"}},
		{name: "node", want: Ref{Image: "node:latest"}, notice: "names no tag"},
		{name: digest, want: Ref{Image: digest}},
		{name: id, want: Ref{Image: id, Local: true}},
		{name: "localhost:5000/team/app:v1", want: Ref{Image: "localhost:5000/team/app:v1"}},
		{name: "registry.example.com/team/app:V1", want: Ref{Image: "registry.example.com/team/app:V1"}},
		{
			name:   "123456789012.dkr.ecr.eu-west-1.amazonaws.com/build:1",
			want:   Ref{Image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/build:1"},
			notice: "private registry",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Resolve(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			notices := strings.Join(got.Notices, "\n")
			if tt.notice == "" && notices != "" || !strings.Contains(notices, tt.notice) {
				t.Errorf("notices are %q, want %q in them", notices, tt.notice)
			}
			got.Notices = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Resolve(%q) (-want +got):\n%s", tt.name, diff)
			}
		})
	}
}

func TestResolveErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"", "debian, al2023"},
		{" \t", "white space"},
		{" node:22", `"node:22"`},
		{"node 22", "exactly one image"},
		{"Node:22", `"node:22"`},
		{"registry.example.com/Team:V1", `"registry.example.com/team:V1"`},
		{"https://example.com/app:1", `"example.com/app:1"`},
		{"docker://node:22", `"node:22"`},
		{"amplify:al1", "amplify:al2 and amplify:al2023"},
		{"amplify", "amplify:al2 and amplify:al2023"},
		{"node:", "invalid reference format"},
		{"node@sha256:12", "invalid"},
		{strings.Repeat("a", 300), "255"},
		{"-v", "invalid reference format"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ref, err := Resolve(tt.name)
			if err == nil {
				t.Fatalf("Resolve(%q) = %+v, want an error", tt.name, ref)
			}
			if !errors.Is(err, ErrReference) {
				t.Errorf("%v does not wrap ErrReference", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

func TestResolveNoticesAreTheCallers(t *testing.T) {
	t.Parallel()
	first, err := Resolve("amplify:al2")
	if err != nil {
		t.Fatal(err)
	}
	first.Notices[0] = "changed"
	second, err := Resolve("amplify:al2")
	if err != nil {
		t.Fatal(err)
	}
	if second.Notices[0] == "changed" {
		t.Error("a caller can change the table of aliases")
	}
}

func TestDefault(t *testing.T) {
	t.Parallel()
	debian, al2023 := mustLookup(t, "debian"), mustLookup(t, "al2023")
	programs := func(have ...string) func(string) (string, error) {
		return func(name string) (string, error) {
			for _, h := range have {
				if h == name {
					return "/usr/bin/" + name, nil
				}
			}
			return "", fs.ErrNotExist
		}
	}
	images := func(have ...string) func(string) bool {
		return func(ref string) bool {
			for _, h := range have {
				if h == ref {
					return true
				}
			}
			return false
		}
	}
	tests := []struct {
		name   string
		host   Host
		want   string
		reason string
	}{
		{"nothing known", Host{}, "al2023", "only be built on Linux"},
		{"linux with tools", Host{OS: "linux", LookPath: programs("mmdebstrap", "npm")}, "debian", "can be built"},
		{"linux without mmdebstrap", Host{OS: "linux", LookPath: programs("npm")}, "al2023", "mmdebstrap"},
		{"linux without npm", Host{OS: "linux", LookPath: programs("mmdebstrap")}, "al2023", "npm"},
		{"darwin", Host{OS: "darwin", LookPath: programs("mmdebstrap", "npm")}, "al2023", "Linux"},
		{"darwin with the image", Host{OS: "darwin", HasImage: images(debian.Tag)}, "debian", "present"},
		{"an older image does not count", Host{OS: "darwin", HasImage: images("preamp/debian:000000000000")}, "al2023", "Linux"},
		{"the other image is there", Host{OS: "linux", LookPath: programs("mmdebstrap", "npm"), HasImage: images(al2023.Tag)}, "debian", "can be built"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, reason := Default(tt.host)
			if got.Name != tt.want || !strings.Contains(reason, tt.reason) {
				t.Errorf("Default() = %s because %q, want %s because %q", got.Name, reason, tt.want, tt.reason)
			}
		})
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"debian", "node:22", "amplify:al2", "a/b/c@sha256:0", "A:é", "x:y:z/@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		ref, err := Resolve(name)
		if err != nil {
			if !errors.Is(err, ErrReference) {
				t.Fatalf("Resolve(%q): %v does not wrap ErrReference", name, err)
			}
			return
		}
		// What we give to an engine must mean the same when it comes back.
		again, err := Resolve(ref.Image)
		if err != nil || again.Image != ref.Image || again.Local != ref.Local {
			t.Fatalf("Resolve(%q) = %+v, and resolving that gives %+v, %v", name, ref, again, err)
		}
	})
}
