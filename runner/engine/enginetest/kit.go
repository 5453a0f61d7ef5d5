package enginetest

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/runner/engine"
)

// kitOf is a kit with a program and a folder for data, and one file in that.
func kitOf(spec *engine.Spec) {
	spec.Kit = []engine.KitFile{
		{Name: "bin", Mode: fs.ModeDir | 0o755},
		{Name: "bin/hello", Mode: 0o755, Data: []byte("#!/bin/sh\necho \"hello $1\"\n")},
		{Name: "data", Mode: fs.ModeDir | 0o777},
		{Name: "data/given", Mode: 0o644, Data: []byte(strings.Repeat("it's \"q\"\n\x00\xff", 1<<17))},
	}
}

var kitLimits = engine.KitLimits{Files: 10, Bytes: 4 << 20}

func testKit(t *testing.T, s Subject) {
	t.Run("in and out", func(t *testing.T) {
		t.Parallel()
		c, spec := start(t, s, kitOf)
		kit := s.Engine.KitDir(spec)
		if rel := strings.TrimPrefix(kit, s.Engine.Dir(spec)+"/"); rel != kit || !strings.HasPrefix(kit, "/") {
			t.Errorf("the kit is at %s, the workspace at %s", kit, s.Engine.Dir(spec))
		}
		runSteps(t, c, []step{
			{kit + "/bin/hello you", "hello you\n", 0},
			{"cd " + kit + " && find bin/hello data | sort | tr '\\n' ' '", "bin/hello data data/given ", 0}, // beside what the image may hold
			{"stat -c %a data bin/hello data/given | tr '\\n' ' '", "777 755 644 ", 0},
			{"echo made > data/made; printf 'no newline' > data/.hidden; echo x > data/gone; rm data/gone; mkdir data/folder; echo x > data/folder/x", "", 0},
			{"ln -s made data/link; ln -s /etc/passwd data/passwd; mkfifo data/pipe", "", 0},
		})
		must(t, c.Stop(t.Context()))
		expectKit(t, c, map[string]string{"given": string(spec.Kit[3].Data), "made": "made\n", ".hidden": "no newline"})
		must(t, c.Fetch(t.Context(), "."))
		entries, err := os.ReadDir(spec.Workspace)
		must(t, err)
		if len(entries) > 0 {
			t.Errorf("the workspace holds %v", entries)
		}
		if _, err := c.ReadKit(t.Context(), "no/such/folder", kitLimits); err == nil {
			t.Error("read a folder that does not exist")
		}
	})
	for name, command := range map[string]string{
		"exit": "exit 3", "a killed shell": "kill -9 $$", "everything killed": "kill -9 0",
	} {
		t.Run("after "+name, func(t *testing.T) {
			t.Parallel()
			c, spec := start(t, s, kitOf)
			if exit, _ := run(t, c, "echo made > "+s.Engine.KitDir(spec)+"/data/made; "+command); !exit.Ended {
				t.Fatalf("exit %+v, want ended", exit)
			}
			must(t, c.Stop(t.Context()))
			expectKit(t, c, map[string]string{"given": string(spec.Kit[3].Data), "made": "made\n"})
		})
	}
	t.Run("hostile", func(t *testing.T) { testHostileKit(t, s) })
}

// testHostileKit lets builds leave more than is read of them, or something else.
func testHostileKit(t *testing.T, s Subject) {
	for name, tc := range map[string]struct {
		command string
		tooBig  bool
	}{
		"a large file":         {"head -c 8388608 /dev/zero > data/big", true},
		"a file full of holes": {"truncate -s 1T data/big", true},
		"many files":           {"for i in 1 2 3 4 5 6 7 8 9 10; do : > data/f$i; done", true},
		"a link to a folder":   {"rm -r data; ln -s /etc data", false},
		"a pipe":               {"rm -r data; mkfifo data", false},
		"nothing":              {"rm -r data", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, spec := start(t, s, kitOf)
			runSteps(t, c, []step{{"cd " + s.Engine.KitDir(spec) + " && " + tc.command, "", 0}})
			must(t, c.Stop(t.Context()))
			got, err := c.ReadKit(t.Context(), "data", kitLimits)
			if err == nil || errors.Is(err, engine.ErrKitTooLarge) != tc.tooBig {
				t.Errorf("%d files, %v; want an error, of its size: %t", len(got), err, tc.tooBig)
			}
		})
	}
}

func expectKit(t *testing.T, c engine.Container, want map[string]string) {
	t.Helper()
	got, err := c.ReadKit(t.Context(), "data", kitLimits)
	must(t, err)
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Errorf("the kit's data is %v, want %v", g, w)
	}
	for name, data := range want {
		if string(got[name]) != data {
			t.Errorf("%s holds %.80q, want %.80q", name, got[name], data)
		}
	}
}
