package runner_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine/host"
)

// A program that builds: it chooses an engine and a store of caches, gives a job, and gets events and a result. To build in
// containers, make the engine with docker.New, and give the Runner an Images with it.
func Example() {
	dir, err := os.MkdirTemp("", "preamp-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	app, err := repository(filepath.Join(dir, "site"), "../testdata/apps/html")
	if err != nil {
		log.Print(err)
		return
	}

	state := filepath.Join(dir, "state")
	store, err := cache.NewLocal(filepath.Join(state, "cache"), cache.Options{})
	if err != nil {
		log.Print(err)
		return
	}
	r := &runner.Runner{Engine: host.New(filepath.Join(state, "home")), Cache: store, State: state, Version: "example"}
	job := runner.Job{Path: app, Branch: "main", Out: filepath.Join(dir, "out"), Timeout: 5 * time.Minute}
	if err := runner.PrepareOutput(job.Out); err != nil {
		log.Print(err)
		return
	}

	// Events come one at a time and in order. Here only two kinds of them are of interest.
	sink := func(e runner.Stamped) {
		switch e := e.Event.(type) {
		case runner.SectionStarted:
			fmt.Println("section", e.Section)
		case runner.ArtifactsReady:
			fmt.Println("artifacts:", e.Files, "files from", e.Base)
		}
	}
	res := r.Run(context.Background(), job, sink)
	fmt.Println(res.Status, "with exit code", res.ExitCode)

	// A build that fails is a result, not an error: why is in it, for people and for programs.
	job.Commit = "no-such-commit"
	res = r.Run(context.Background(), job, nil)
	fmt.Println(res.Status, "because of the", res.Failure.Class)

	// Output:
	// section backend
	// section frontend
	// artifacts: 9 files from /
	// succeeded with exit code 0
	// failed because of the source
}

// repository makes a git repository of a copy of a folder.
func repository(dir, from string) (string, error) {
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		return "", err
	}
	var errs []error
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"add", "-A"},
		{"-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "First"},
	} {
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
		if err != nil {
			errs = append(errs, fmt.Errorf("git %v: %w: %s", args, err, out))
		}
	}
	return dir, errors.Join(errs...)
}
