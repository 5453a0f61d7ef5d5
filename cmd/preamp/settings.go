package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/cmd/preamp/internal/settings"
	"github.com/preamp-build/preamp/runner"
)

// readSettings reads what --config names, or the preamp.yml of the work tree that is built. A repository that is cloned
// has no say in it.
func (b buildFlags) readSettings(path string) (*settings.Settings, error) {
	file := b.config
	if file == "" && path != "" {
		file = findSettings(path)
	}
	if file == "" {
		return &settings.Settings{}, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	s, found := settings.Parse(file, raw)
	if found.HasErrors() {
		var text strings.Builder
		if err := buildspec.Render(&text, found, raw); err != nil {
			return nil, err
		}
		return nil, errors.New(strings.TrimSpace(text.String()))
	}
	return s, nil
}

// findSettings looks for the file in a folder and those above it, up to the repository's root.
func findSettings(dir string) string {
	for {
		file := filepath.Join(dir, settings.FileName)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
		_, err := os.Lstat(filepath.Join(dir, ".git"))
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return ""
		}
		dir = parent
	}
}

// apply fills in what the flags leave open.
func (b buildFlags) apply(j *runner.Job, s *settings.Settings) error {
	appRoot := j.AppRoot
	for _, v := range j.Env {
		if v.Name == "AMPLIFY_MONOREPO_APP_ROOT" && appRoot == "" {
			appRoot = v.Value
		}
	}
	a := s.For(appRoot)
	j.Console = a.Console
	for _, f := range []struct {
		to   *string
		from string
	}{{&j.AppID, a.AppID}, {&j.Image, a.Image}, {&j.DefaultBranch, a.DefaultBranch}} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	if j.Timeout == 0 {
		j.Timeout = a.Timeout
	}
	if len(j.WatchPaths) == 0 {
		j.WatchPaths = a.WatchPaths
	}
	size := b.size
	if size == "" {
		size = a.Size
	}
	if size == "" {
		return nil
	}
	limits, ok := runner.Sizes[size]
	if !ok {
		return fmt.Errorf("--size %s: there are standard, large and xlarge", size)
	}
	j.Limits, j.Size = limits, size
	return nil
}
