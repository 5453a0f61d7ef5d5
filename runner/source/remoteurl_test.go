package source

import (
	"strings"
	"testing"
)

func TestParseRemote(t *testing.T) {
	tests := []struct {
		raw, scheme, user, host string
		port                    int
		path, clean, name       string
		auth                    Auth
	}{
		{raw: "https://github.com/a/shop.git", scheme: "https", host: "github.com", path: "/a/shop.git", clean: "https://github.com/a/shop.git", name: "shop"},
		{raw: "https://u:p%40ss@h:8443/a/shop/", scheme: "https", host: "h", port: 8443, path: "/a/shop", clean: "https://h:8443/a/shop/", name: "shop", auth: Auth{Username: "u", Password: "p@ss"}},
		{raw: "https://tok@h/shop?private_token=x#y", scheme: "https", host: "h", path: "/shop", clean: "https://h/shop", name: "shop", auth: Auth{Token: "tok"}},
		{raw: "https://[::1]:80/a%20b.git", scheme: "https", host: "::1", port: 80, path: "/a%20b.git", clean: "https://[::1]:80/a%20b.git", name: "a b"},
		{raw: "git@github.com:a/shop.git", scheme: "ssh", user: "git", host: "github.com", path: "a/shop.git", clean: "git@github.com:a/shop.git", name: "shop"},
		{raw: "github.com:shop", scheme: "ssh", host: "github.com", path: "shop", clean: "github.com:shop", name: "shop"},
		{raw: "git:secret@h:/srv/shop", scheme: "ssh", user: "git", host: "h", path: "/srv/shop", clean: "git@h:/srv/shop", name: "shop", auth: Auth{Password: "secret"}},
		{raw: "git@[::1]:a/b", scheme: "ssh", user: "git", host: "::1", path: "a/b", clean: "git@[::1]:a/b", name: "b"},
		{raw: "[::1]:a/b", scheme: "ssh", host: "::1", path: "a/b", clean: "[::1]:a/b", name: "b"},
		{raw: "ssh://git@h:2222/~me/x.git", scheme: "ssh", user: "git", host: "h", port: 2222, path: "~me/x.git", clean: "ssh://git@h:2222/~me/x.git", name: "x"},
		{raw: "ssh://u:pw@h/x", scheme: "ssh", user: "u", host: "h", path: "/x", clean: "ssh://u@h/x", name: "x", auth: Auth{Password: "pw"}},
		{raw: "file:///srv/a%20b/x.git", scheme: "file", path: "/srv/a b/x.git", clean: "file:///srv/a%20b/x.git", name: "x"},
		{raw: "/srv/x.git", scheme: "file", path: "/srv/x.git", clean: "/srv/x.git", name: "x"},
		{raw: "/srv/a:b/x", scheme: "file", path: "/srv/a:b/x", clean: "/srv/a:b/x", name: "x"},
		{raw: "/srv/me@home:x", scheme: "file", path: "/srv/me@home:x", clean: "/srv/me@home:x", name: "x"},
	}
	for _, tt := range tests {
		r, auth, err := parseRemote(tt.raw)
		if err != nil {
			t.Errorf("%s: %v", tt.raw, err)
			continue
		}
		want := remote{scheme: tt.scheme, user: tt.user, host: tt.host, port: tt.port, path: tt.path, clean: tt.clean}
		if r != want {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.raw, r, want)
		}
		if auth.Username != tt.auth.Username || auth.Password != tt.auth.Password || auth.Token != tt.auth.Token {
			t.Errorf("%s: credentials %+v", tt.raw, auth)
		}
		if r.name() != tt.name {
			t.Errorf("%s: name %q", tt.raw, r.name())
		}
	}
	for _, raw := range []string{"", " ", "https://", "ssh:///x", "git@:x", "git@h:", "ext::sh -c x", "ftp://h/x", "file://h/x", "https://h/\nx", "https://u:p/w@h/x"} {
		r, _, err := parseRemote(raw)
		if err == nil {
			t.Errorf("%q was taken for %+v", raw, r)
		} else if strings.Contains(err.Error(), "p/w") {
			t.Errorf("%q: the error has the password in it: %v", raw, err)
		}
	}
}

// Whatever the URL, credentials do not survive in the clean form and the name is one path element.
func FuzzParseRemote(f *testing.F) {
	for _, seed := range []string{"https://u:p@h/x", "git@h:x", "[::1]:x", "ssh://a:b@[::1]:1/~x", "file:///x", "/x", "a::b", "u:p@h:x/..", "https://h/%2e%2e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, auth, err := parseRemote(raw)
		if err != nil {
			return
		}
		for _, secret := range []string{auth.Password, auth.Token} {
			marked := strings.ReplaceAll(raw, secret, "§SECRET§")
			if secret == "" || strings.Count(marked, "§SECRET§") != 1 {
				continue
			}
			if again, _, err := parseRemote(marked); err == nil && strings.Contains(again.clean, "SECRET") {
				t.Errorf("%q: %q", marked, again.clean)
			}
		}
		if name := r.name(); name == "" || name == ".." || name == "." || strings.ContainsAny(name, "/\x00\n") {
			t.Errorf("%q: name %q", raw, name)
		}
	})
}

func TestTokenUser(t *testing.T) {
	for host, want := range map[string]string{
		"github.com": "x-access-token", "gitlab.com": "oauth2", "GitLab.example.com": "oauth2",
		"bitbucket.org": "x-token-auth", "git.example.com": "x-access-token",
	} {
		if got := tokenUser(host); got != want {
			t.Errorf("%s: %s", host, got)
		}
	}
}
