package images

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const completeProbe = `probe=begin
sh=/usr/bin/sh
bash=GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)
curl=curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.22 zlib/1.2.13 brotli/1.0.9
git=git version 2.39.5
ssh=OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.22 25 Aug 2026
tar=tar (GNU tar) 1.34
wget=GNU Wget 1.21.3 built on linux-gnu.
python3=Python 3.11.2
git-lfs=git-lfs/3.3.0 (GitHub; linux amd64; go 1.19.8)
node=v22.23.3
npm=10.9.9
yarn=1.22.22
nvm=0.40.6
libc=glibc 2.36
arch=x86_64
uid=0
user=root
home=/root
ca=/etc/ssl/certs/ca-certificates.crt
os=Debian GNU/Linux 12 (bookworm)
probe=end
`

// busyboxProbe is what an image with nothing but busybox printed.
const busyboxProbe = `probe=begin
sh=sh
tar=tar (busybox) 1.35.0
wget=BusyBox v1.35.0 (Debian 1:1.35.0-4+b5) multi-call binary.
arch=x86_64
uid=0
user=0
home=/
probe=end
`

func without(probe, key string) string {
	var out strings.Builder
	for line := range strings.Lines(probe) {
		if !strings.HasPrefix(line, key+"=") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func with(probe, key, value string) string {
	return strings.Replace(without(probe, key), "probe=end", key+"="+value+"\nprobe=end", 1)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, probe string
		want        Want
		findings    map[string]Level // those that are not ok
	}{
		{"complete", completeProbe, Want{NeedNode: true}, nil},
		{"noise around the probe", "Welcome!\nbash=\n" + completeProbe + "git=\nbye", Want{}, nil},
		{"carriage returns", strings.ReplaceAll(completeProbe, "\n", "\r\n"), Want{}, nil},
		{"no bash", without(completeProbe, "bash"), Want{}, map[string]Level{"bash": LevelError}},
		{"no curl", without(completeProbe, "curl"), Want{}, map[string]Level{"curl": LevelError}},
		{"no git", without(completeProbe, "git"), Want{}, map[string]Level{"git": LevelError}},
		{"no ssh", without(completeProbe, "ssh"), Want{}, map[string]Level{"ssh": LevelError}},
		{"no node, not needed", without(completeProbe, "node"), Want{}, map[string]Level{"node": LevelWarning}},
		{"no node, needed", without(completeProbe, "node"), Want{NeedNode: true}, map[string]Level{"node": LevelError}},
		{"no npm, needed", without(completeProbe, "npm"), Want{NeedNode: true}, map[string]Level{"npm": LevelError}},
		{"no recommended tools", without(without(without(completeProbe, "nvm"), "tar"), "wget"), Want{}, map[string]Level{"nvm": LevelWarning, "tar": LevelWarning, "wget": LevelWarning}},
		{"no CA bundle", without(completeProbe, "ca"), Want{}, map[string]Level{"ca": LevelWarning}},
		{"git-lfs, yarn and python are optional", without(without(without(completeProbe, "git-lfs"), "yarn"), "python3"), Want{}, nil},
		{"musl", with(completeProbe, "libc", "musl 1.2.5"), Want{}, map[string]Level{"libc": LevelError}},
		{"old glibc", with(completeProbe, "libc", "glibc 2.26"), Want{}, map[string]Level{"libc": LevelWarning}},
		{"newest glibc that is too old", with(completeProbe, "libc", "glibc 2.27"), Want{}, map[string]Level{"libc": LevelWarning}},
		{"oldest glibc that will do", with(completeProbe, "libc", "glibc 2.28"), Want{}, nil},
		{"glibc of unknown version", with(completeProbe, "libc", "glibc"), Want{}, nil},
		{"no known libc", without(completeProbe, "libc"), Want{}, map[string]Level{"libc": LevelWarning}},
		{"arm64 image on the default platform", with(completeProbe, "arch", "aarch64"), Want{}, map[string]Level{"arch": LevelError}},
		{"arm64 image as wanted", with(completeProbe, "arch", "aarch64"), Want{Platform: "linux/arm64/v8"}, nil},
		{"amd64 image, arm64 wanted", completeProbe, Want{Platform: "linux/arm64"}, map[string]Level{"arch": LevelError}},
		{"exotic machine", with(completeProbe, "arch", "riscv64"), Want{Platform: "linux/riscv64"}, nil},
		{"not root", with(completeProbe, "uid", "1000"), Want{}, map[string]Level{"user": LevelWarning}},
		{"other home", with(completeProbe, "home", "/home/node"), Want{}, map[string]Level{"home": LevelWarning}},
		{"cut off", strings.TrimSuffix(completeProbe, "probe=end\n"), Want{}, map[string]Level{"probe": LevelError}},
		{"second values are ignored", strings.Replace(completeProbe, "probe=end", "libc=musl\nprobe=end", 1), Want{}, nil},
		{
			"busybox only", busyboxProbe,
			Want{NeedNode: true},
			map[string]Level{
				"bash": LevelError, "curl": LevelError, "git": LevelError, "ssh": LevelError, "node": LevelError, "npm": LevelError,
				"nvm": LevelWarning, "ca": LevelWarning, "libc": LevelWarning, "home": LevelWarning,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rep := Check([]byte(tt.probe), tt.want)
			got, wantOK := map[string]Level{}, true
			for _, f := range rep.Findings {
				if (f.Level == LevelOK) != (f.Fix == "") {
					t.Errorf("%s is %s with the fix %q", f.Subject, f.Level, f.Fix)
				}
				if f.Level != LevelOK {
					got[f.Subject] = f.Level
				}
				wantOK = wantOK && f.Level != LevelError
			}
			if tt.findings == nil {
				tt.findings = map[string]Level{}
			}
			if diff := cmp.Diff(tt.findings, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if rep.OK != wantOK {
				t.Errorf("OK is %v", rep.OK)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestReportForms(t *testing.T) {
	t.Parallel()
	reports := map[string]Report{
		"complete": Check([]byte(completeProbe), Want{NeedNode: true}),
		"busybox":  Check([]byte(busyboxProbe), Want{NeedNode: true}),
		"noshell":  CheckFailed(errors.New("exec: \"sh\": executable file not found in $PATH:\n\x1b[31munknown")),
	}
	for name, rep := range reports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			if err := rep.Render(&text); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", text.Bytes())
			js, err := json.MarshalIndent(rep, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", append(js, '\n'))
		})
	}
}

type failingWriter struct{}

var errFull = errors.New("disk full")

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

func TestRenderReportsWriteErrors(t *testing.T) {
	t.Parallel()
	if err := Check(nil, Want{}).Render(failingWriter{}); !errors.Is(err, errFull) {
		t.Errorf("Render to a full disk: %v", err)
	}
}

// The probe must run to its end in whatever shells this machine has, and know
// at least what must be here for the test itself to run.
func TestProbeScriptRuns(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"sh", "bash", "dash", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			args := []string{"-c", ProbeScript}
			if shell == "busybox" {
				args = append([]string{"sh"}, args...)
			}
			out, code := run(t, "", shell, args...)
			facts, complete := parseProbe([]byte(out))
			if code != 0 || !complete {
				t.Fatalf("exit code %d, complete %v:\n%s", code, complete, out)
			}
			for _, key := range []string{"arch", "uid", "sh"} {
				if facts[key] == "" {
					t.Errorf("no %s in\n%s", key, out)
				}
			}
		})
	}
}

// Every key that the script prints must be known to Check, and the reverse.
func TestProbeKeys(t *testing.T) {
	t.Parallel()
	for _, key := range factKeys {
		found := false
		for _, verb := range []string{"say ", "tool ", "late "} {
			found = found || strings.Contains(ProbeScript, verb+key+" ") || strings.Contains(ProbeScript, verb+key+"\n")
		}
		if !found {
			t.Errorf("the probe never prints %s", key)
		}
		if !strings.Contains(completeProbe, "\n"+key+"=") {
			t.Errorf("the tests' complete probe has no %s", key)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(completeProbe))
	f.Add([]byte(busyboxProbe))
	f.Add([]byte("probe=begin\nbash=\x1b[2J\xff\u202e\nprobe=end\n"))
	f.Fuzz(func(t *testing.T, probe []byte) {
		rep := Check(probe, Want{})
		var out bytes.Buffer
		if err := rep.Render(&out); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.String() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("the report would send %q to a terminal", r)
			}
		}
		if _, err := json.Marshal(rep); err != nil {
			t.Fatal(err)
		}
	})
}
