package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/engine"
)

func TestLiveUpdates(t *testing.T) {
	type want struct {
		updates  []LiveUpdate
		warnings []string // a part of each
		notices  []string
	}
	node := LiveUpdate{Name: "Node.js version", Pkg: "node", Type: "nvm", Version: "16"}
	cli := LiveUpdate{Name: "Amplify CLI", Pkg: "@aws-amplify/cli", Type: "npm", Version: "latest"}
	for name, tc := range map[string]struct {
		value string
		want  want
	}{
		"empty":      {"  ", want{}},
		"empty list": {"[]", want{}},
		"nvm comes first": {
			`[{"name":"Amplify CLI","pkg":"@aws-amplify/cli","type":"npm","version":"latest"},{"name":"Node.js version","pkg":"node","type":"nvm","version":"16"}]`,
			want{updates: []LiveUpdate{node, cli}},
		},
		"a number, and no package": {`[{"type":"nvm","version":16.1}]`, want{updates: []LiveUpdate{{Pkg: "node", Type: "nvm", Version: "16.1"}}}},
		"the console's packages": {
			`[{"pkg":"hugo","type":"hugo","version":"0.120.0"},{"pkg":"yarn","type":"yarn","version":" 1 "}]`,
			want{updates: []LiveUpdate{{Pkg: "hugo", Type: "hugo", Version: "0.120.0"}, {Pkg: "yarn", Type: "yarn", Version: "1"}}},
		},
		"ranges":  {`[{"pkg":"npm","type":"npm","version":">=9 <11 || ^12"}]`, want{updates: []LiveUpdate{{Pkg: "npm", Type: "npm", Version: ">=9 <11 || ^12"}}}},
		"Next 11": {`[{"name":"Next.js version","pkg":"next-version","type":"internal","version":"11"}]`, want{notices: []string{"next-version 11 is about"}}},
		"no JSON": {`[{"pkg":"node",}]`, want{warnings: []string{"it is no JSON at character 16"}}},
		"cut":     {`[{"pkg":"node"`, want{warnings: []string{"it is no JSON at character 14"}}},
		"no list": {`{"pkg":"node","type":"nvm","version":"16"}`, want{warnings: []string{"it is one object and not a list"}}},
		"one bad entry leaves the others": {
			`[{"pkg":"a","version":"1"},"b",{"pkg":"c","type":"rvm","version":"1"},{"pkg":"d","type":"npm"},{"type":"npm","version":"1"},` +
				`{"pkg":"../e","type":"npm","version":"1"},{"pkg":"f","type":"npm","version":"--tag"},{"pkg":"npm","type":"nvm","version":"1"},` +
				`{"pkg":["g"],"type":"npm","version":"1"},{"pkg":"h","type":"npm","version":"1\n2"},{"pkg":"ok","type":"npm","version":"1"}]`,
			want{updates: []LiveUpdate{{Pkg: "ok", Type: "npm", Version: "1"}}, warnings: []string{
				"entry 1 is left out: it has no type", "entry 2 is left out: it is no object", `entry 3 is left out: the type "rvm" is not known`,
				"entry 4 is left out: d has no version", "entry 5 is left out: it names no package", `entry 6 is left out: "../e" is no name`,
				`entry 7 is left out: "--tag" is no version`, `entry 8 is left out: nvm installs node, not "npm"`,
				"entry 9 is left out: its pkg is no text", `entry 10 is left out: "1\n2" is no version`,
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := compile(t, single, Job{Env: []engine.Var{{Name: "_LIVE_UPDATES", Value: tc.value}}})
			if diff := cmp.Diff(tc.want.updates, p.LiveUpdates); diff != "" {
				t.Errorf("updates (-want +got):\n%s", diff)
			}
			contain(t, "warnings", p.Warnings, tc.want.warnings)
			contain(t, "notices", p.Notices, tc.want.notices)
		})
	}
}

// contain compares sentences with a part of each.
func contain(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %q, want %q", what, got, want)
		return
	}
	for i, part := range want {
		if !strings.Contains(got[i], part) {
			t.Errorf("%s %d: %q, want %q in it", what, i, got[i], part)
		}
	}
}

func TestLiveCommand(t *testing.T) {
	for want, u := range map[string]LiveUpdate{
		"nvm install '17' && nvm alias default '17' && nvm use '17'":                   {Pkg: "node", Type: "nvm", Version: "17"},
		"nvm install 'node' && nvm alias default 'node' && nvm use 'node'":             {Pkg: "node", Type: "nvm", Version: "latest"},
		"npm install --global --force --no-audit --no-fund '@aws-amplify/cli@12.10.1'": {Pkg: "@aws-amplify/cli", Type: "npm", Version: "12.10.1"},
		"npm install --global --force --no-audit --no-fund 'hugo-extended@0.120.0'":    {Pkg: "hugo", Type: "hugo", Version: "0.120.0"},
		`npm install --global --force --no-audit --no-fund 'x@1'\''; rm -rf / #'`:      {Pkg: "x", Type: "npm", Version: "1'; rm -rf / #"},
		"npm install --global --force --no-audit --no-fund 'pnpm@latest'":              {Pkg: "pnpm", Type: "pnpm", Version: "latest"},
	} {
		if got := liveCommand(u); got != want {
			t.Errorf("%+v: %s, want %s", u, got, want)
		}
	}
}

func FuzzLiveUpdates(f *testing.F) {
	f.Add(`[{"pkg":"node","type":"nvm","version":16}]`)
	f.Add(`[{"pkg":"x","type":"npm","version":"-g"},null,[]]`)
	f.Fuzz(func(t *testing.T, value string) {
		p := &Plan{}
		p.liveUpdates(&Job{Env: []engine.Var{{Name: "_LIVE_UPDATES", Value: value}}})
		for _, u := range p.LiveUpdates {
			_, npm := npmPackages[u.Type]
			if !npm && u.Type != "nvm" || !npmName().MatchString(u.Pkg) || strings.HasPrefix(u.Version, "-") || strings.ContainsAny(u.Version, "\x00\n") {
				t.Errorf("%+v was let through", u)
			}
		}
	})
}
