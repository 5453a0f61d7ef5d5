package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/testdata/need"
)

func TestHostSourcesFilters(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, program, in, want string }{
		{
			name: "deb822 keeps the suite and its updates", program: "debian/deb822.awk",
			in: `# a comment
Types: deb
URIs: http://mirror.example/debian
# another
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /k.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
`,
			want: `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /k.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

`,
		},
		{
			name: "deb822 drops other suites, components and disabled stanzas", program: "debian/deb822.awk",
			in: `Types: deb
URIs: http://third.example
Suites: nodistro
Components: main

Types: deb
URIs: http://third.example/debian
Suites: bookworm
Components: stable

Types: deb
URIs: http://third.example/debian
Suites: cloud-sdk-bookworm bookworm-pgdg
Components: main

Enabled: no
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
`,
			want: "",
		},
		{
			name: "one-line style", program: "debian/onelist.awk",
			in: `deb http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm-updates main contrib # note
deb	http://mirror.example/security bookworm-security main
deb-src http://mirror.example/debian bookworm main
# deb http://mirror.example/debian bookworm main
deb http://third.example/apt cloud-sdk-bookworm main
deb http://third.example/docker bookworm stable
deb http://third.example/x bookworm stable # main
deb http://old.example/debian bullseye main
`,
			want: `deb http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm-updates main contrib # note
deb	http://mirror.example/security bookworm-security main
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, code := run(t, tt.in, "awk", "-v", "suite=bookworm", "-f", tt.program)
			if code != 0 {
				t.Fatalf("awk: exit code %d", code)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// nvmShell runs a script in a bash that has read our nvm, with two installed
// versions of "Node" that print who they are.
func nvmShell(t *testing.T, dir, script string) (string, int) {
	t.Helper()
	nvm := filepath.Join(dir, ".nvm")
	for _, v := range []string{"22.23.3", "22.9.0", "16.20.2"} {
		bin := filepath.Join(nvm, "versions/node/v"+v+"/bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string]string{"node": "echo v" + v + ` "$@"`, "npm": "echo 10.9.9"} {
			if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(nvm, "nvm.sh"), []byte(debianNvm), 0o644); err != nil {
		t.Fatal(err)
	}
	prologue := `set -eu
export NVM_DIR=` + nvm + ` PATH=/usr/bin:/bin
export VERSION_NODE_DEFAULT=22.23.3 VERSION_NODE_18=18.20.8 VERSION_NODE_20=20.20.2 VERSION_NODE_22=22.23.3
cd ` + dir + "\n" + debianBashrc
	return run(t, prologue+script, "bash")
}

func TestNvm(t *testing.T) {
	t.Parallel()
	need.Program(t, "bash")
	tests := []struct{ name, script, want string }{
		{"use picks the newest of a prefix", "nvm use 22; node", "Now using node v22.23.3 (npm v10.9.9)\nv22.23.3\n"},
		{"use takes a full version", "nvm use v22.9.0 --silent; node", "v22.9.0\n"},
		{"use replaces the earlier one", "nvm use --silent 16; nvm use --silent 22; echo ${PATH#$NVM_DIR/}", "versions/node/v22.23.3/bin:/usr/bin:/bin\n"},
		{"default", "nvm use --silent default; nvm current", "v22.23.3 -v\n"},
		{"codename", "nvm use --silent lts/gallium; node", "v16.20.2\n"},
		{"x ranges", "nvm use --silent 22.9.x; node", "v22.9.0\n"},
		{"install of what is there", "nvm install 16", "Now using node v16.20.2 (npm v10.9.9)\n"},
		{".nvmrc of a parent folder", "printf v16 > .nvmrc; mkdir -p a/b; cd a/b; nvm use --silent; node", "v16.20.2\n"},
		{"exec and run leave the shell alone", "nvm use --silent 22; nvm exec 16 node -p 1; nvm run 16 x; node", "v16.20.2 -p 1\nv16.20.2 x\nv22.23.3\n"},
		{"which", "nvm which 16 | sed 's|.*/versions||'", "/node/v16.20.2/bin/node\n"},
		{"ls", "nvm ls", "v16.20.2\nv22.9.0\nv22.23.3\n"},
		{"alias is harmless", "nvm alias default 16; echo $?", "0\n"},
		{"unknown version", "nvm use 14 || echo $?", "3\n"},
		{"nonsense", "nvm use '../../x' || echo $?", "3\n"},
		{"no version at all", "nvm use || echo $?", "127\n"},
		{"unknown command", "nvm frobnicate || echo $?", "127\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, code := nvmShell(t, t.TempDir(), tt.script)
			if code != 0 {
				t.Errorf("exit code %d", code)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if out, _ := nvmShell(t, t.TempDir(), "true"); strings.TrimSpace(out) != "" {
		t.Errorf(".bashrc is not silent: %q", out)
	}
}
