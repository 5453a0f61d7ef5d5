package source

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRelativeURL(t *testing.T) {
	for _, tt := range []struct{ base, relative, want string }{
		{"https://example.com/a/b.git", "../c.git", "https://example.com/a/c.git"},
		{"https://example.com/a/b.git/", "../../c.git", "https://example.com/c.git"},
		{"https://example.com/a/b.git", "./c.git", "https://example.com/a/b.git/c.git"},
		{"https://example.com/a/b.git", "../../../c.git", ""},
		{"https://example.com", "../c.git", ""},
		{"ssh://git@example.com:22/a/b.git", "../x/../c.git", "ssh://git@example.com:22/a/x/../c.git"},
		{"git@example.com:a/b.git", "../c.git", "git@example.com:a/c.git"},
		{"git@example.com:b.git", "../c.git", "git@example.com:c.git"},
		{"git@example.com:a/b.git", "../../c.git", "git@example.com:c.git"},
		{"git@example.com:a/b.git", "../../../c.git", ""},
		{"", "../c.git", ""},
	} {
		got, ok := relativeURL(tt.base, tt.relative)
		if !ok {
			got = ""
		}
		if got != tt.want {
			t.Errorf("%s + %s = %q, want %q", tt.base, tt.relative, got, tt.want)
		}
	}
}

// Credentials go to the very same server only.
func TestSubmoduleCredentials(t *testing.T) {
	for _, tt := range []struct {
		clone, sub string
		auth       Auth
		same       bool
	}{
		{"https://example.com/a", "https://example.com/b", Auth{Token: "t0ken"}, true},
		{"https://example.com/a", "https://EXAMPLE.com:443/b", Auth{Token: "t0ken"}, true},
		{"https://example.com/a", "http://example.com/b", Auth{Token: "t0ken"}, false},
		{"https://example.com/a", "https://example.com:8443/b", Auth{Token: "t0ken"}, false},
		{"https://example.com/a", "https://sub.example.com/b", Auth{Token: "t0ken"}, false},
		{"https://example.com/a", "https://example.com.evil.org/b", Auth{Token: "t0ken"}, false},
		{"https://example.com/a", "ssh://git@example.com/b", Auth{SSHKeyFile: "k"}, false},
		{"https://example.com/a", "git@example.com:b", Auth{Token: "t0ken"}, true}, // as https
		{"https://example.com/a", "git@evil.org:b", Auth{Token: "t0ken"}, false},
		{"git@example.com:a", "ssh://git@example.com/b", Auth{SSHKeyFile: "k"}, true},
		{"git@example.com:a", "ssh://root@example.com/b", Auth{SSHKeyFile: "k"}, false},
		{"git@example.com:a", "ssh://git@example.com:2222/b", Auth{SSHKeyFile: "k"}, false},
		{"git@example.com:a", "https://example.com/b", Auth{SSHKeyFile: "k", Token: "t0ken"}, false},
	} {
		clone, _, err := parseRemote(tt.clone)
		must(t, err)
		r, auth, err := module{Name: "m", Path: "m", URL: tt.sub}.resolve(upstream{remote: clone, auth: tt.auth})
		must(t, err)
		if got := auth.Token != "" || auth.SSHKeyFile != ""; got != tt.same {
			t.Errorf("%s: for %s credentials are sent: %t (%+v)", tt.clone, tt.sub, got, r)
		}
	}
}

func FuzzModules(f *testing.F) {
	f.Add("[submodule \"a\"]\n\tpath = a\n\turl = ../a.git\n")
	f.Add("[submodule \"../x\"]\n\tpath = a/../../x\n\turl = file:///etc\n")
	clone, _, err := parseRemote("https://example.com/o/r.git")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mods, err := parseModules(text)
		if err != nil {
			return
		}
		for _, m := range mods {
			found, err := mods.at(m.Path)
			if err != nil {
				continue
			}
			if !filepath.IsLocal(filepath.Join("modules", found.Name)) || !strings.HasPrefix(filepath.Join("modules", found.Name), "modules"+string(filepath.Separator)) {
				t.Errorf("the name %q leads out", found.Name)
			}
			r, auth, err := found.resolve(upstream{remote: clone, auth: Auth{Token: "t0ken"}})
			var known *Error
			if err != nil && !errors.As(err, &known) {
				t.Errorf("%v", err)
			}
			if err == nil && (r.scheme == "file" || (auth.Token == "t0ken" && r.host != "example.com")) {
				t.Errorf("%q: %+v %+v", found.URL, r, auth)
			}
		}
	})
}

func TestModulesAt(t *testing.T) {
	mods, err := parseModules("# first\n[submodule \"a \\\"b\\\" \\\\c\"]\n\tpath = x/y/\n\turl = u\n\n  [submodule \"z\"]\n\tpath = z\n\turl = v\n\tupdate = none\n")
	must(t, err)
	want := modules{{Name: `a "b" \c`, Path: "x/y", URL: "u", Line: 2}, {Name: "z", Path: "z", URL: "v", Update: "none", Line: 6}}
	if diff := cmp.Diff(want, mods); diff != "" {
		t.Error(diff)
	}
	if _, err := (modules{{Name: "z", Path: "z", URL: "v"}}).at("z"); err != nil {
		t.Error(err)
	}
}
