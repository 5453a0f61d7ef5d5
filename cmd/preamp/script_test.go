package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/testdata/need"
)

var update = flag.Bool("update", false, "rewrite the expected files of the scripts")

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "preamp" { // not the command that a script runs
		for _, name := range []string{"GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_STEP_SUMMARY"} {
			_ = os.Unsetenv(name) // the CI that runs the tests is none of theirs
		}
	}
	testscript.Main(m, map[string]func(){"preamp": main})
}

// The scripts are the manual of the command. Each runs on every engine that is there; a script that is about one engine
// says so with a condition.
func TestScripts(t *testing.T) {
	need.Program(t, "git")
	t.Run("host", func(t *testing.T) { runScripts(t, "host", "") })
	t.Run("docker", func(t *testing.T) {
		e := dockertest.Engine(t, docker.Options{})
		runScripts(t, "docker", dockertest.Image(t, e))
	})
}

func runScripts(t *testing.T, kind, image string) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "docker", "host":
				return cond == kind, nil
			case "room":
				return hasRoom("."), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PREAMP_ENGINE", kind)
			env.Setenv("PREAMP_HOME", filepath.Join(env.WorkDir, ".state"))
			env.Setenv("IMAGE", image)
			env.Setenv("HOME", filepath.Join(env.WorkDir, ".home"))
			for _, name := range []string{"DOCKER_HOST", "DOCKER_CONFIG"} {
				env.Setenv(name, os.Getenv(name))
			}
			for name, value := range gitEnv() {
				env.Setenv(name, value)
			}
			return os.Mkdir(filepath.Join(env.WorkDir, ".home"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"repo": cmdRepo, "jsonfield": cmdJSONField, "nothing-left": cmdNothingLeft, "amplify-log": cmdAmplifyLog,
			"trash": cmdTrash,
		},
	})
}

func gitEnv() map[string]string {
	return map[string]string{
		"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
		"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z", "GIT_CONFIG_NOSYSTEM": "1",
	}
}

// repo DIR [MESSAGE] makes a git repository of a folder, or commits what has changed in one.
func cmdRepo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: repo DIR [MESSAGE]")
	}
	dir, message := ts.MkAbs(args[0]), "First"
	if len(args) == 2 {
		message = args[1]
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		ts.Check(ts.Exec("git", "-C", dir, "init", "-q", "-b", "main"))
	}
	ts.Check(ts.Exec("git", "-C", dir, "add", "-A"))
	ts.Check(ts.Exec("git", "-C", dir, "commit", "-q", "--allow-empty", "-m", message))
}

// jsonfield FILE PATH VALUE compares one field of a JSON file; PATH has dots, and numbers for places in lists.
func cmdJSONField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: [!] jsonfield FILE PATH VALUE")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for key := range strings.SplitSeq(args[1], ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(x) {
				ts.Fatalf("%s: no element %s in a list of %d", args[1], key, len(x))
			}
			v = x[i]
		default:
			v = nil
		}
	}
	got := "none"
	if s, ok := v.(string); ok {
		got = s
	} else if v != nil {
		raw, err := json.Marshal(v)
		ts.Check(err)
		got = string(raw)
	}
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %q", args[1], got)
	}
}

// nothing-left fails when a workspace, a process or a container of this script's builds is still there. In the trash there may be
// what is to be removed later.
func cmdNothingLeft(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: nothing-left")
	}
	state := ts.Getenv("PREAMP_HOME")
	left, err := leftInState(state)
	ts.Check(err)
	if len(left) > 0 {
		ts.Fatalf("left behind: %v", left)
	}
	if ts.Getenv("PREAMP_ENGINE") != "docker" {
		return
	}
	e, err := docker.New(docker.Options{})
	ts.Check(err)
	// Every preamp of this script has ended, so what belongs to a dead process was left behind; those of the scripts that
	// run beside it live.
	var errs []error
	_, err = e.Reap(context.Background(), func(o engine.Owner) bool {
		if o.Dead() {
			errs = append(errs, fmt.Errorf("the container of %s is still there", o))
		}
		return false
	})
	ts.Check(errors.Join(append(errs, err, e.Close())...))
}

// amplify-log WANT compares standard output with a log in the service's format. Times, and what differs from build to
// build, are left out of the comparison; a line "..." stands for any number of lines.
func cmdAmplifyLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: amplify-log FILE")
	}
	got := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	want := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	for i, line := range got {
		if len(line) > 25 && line[4] == '-' && line[10] == 'T' && line[23] == 'Z' {
			got[i] = line[25:]
		}
		got[i] = strings.TrimSpace(got[i])
	}
	if !matchLines(got, want) {
		ts.Fatalf("the log is\n%s\nand not as in %s", strings.Join(got, "\n"), args[0])
	}
}

func matchLines(got, want []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "..." {
		for i := 0; i <= len(got); i++ {
			if matchLines(got[i:], want[1:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && got[0] == strings.TrimSpace(want[0]) && matchLines(got[1:], want[1:])
}

// trash N fails unless so many trees are there to be removed later.
func cmdTrash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: trash N")
	}
	there, err := filepath.Glob(filepath.Join(ts.Getenv("PREAMP_HOME"), "layers/t/*"))
	ts.Check(err)
	if strconv.Itoa(len(there)) != args[0] {
		ts.Fatalf("in the trash: %v", there)
	}
}
