package buildspec

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
)

const (
	// maxLookups bounds how often one check asks the repository: a hostile file can name any number of folders.
	maxLookups = 500
	// maxManifest is the size in bytes up to which a package.json is read.
	maxManifest = 1 << 20
)

// repo answers questions about the files of a repository. What cannot be answered, for want of the file system, because
// of an error or because there were too many questions, is answered with "unknown", on which no rule reports anything.
type repo struct {
	fsys      fs.FS
	left      int
	kinds     map[string]fileKind
	manifests map[string]*manifest
}

type fileKind int

const (
	unknown fileKind = iota
	missing
	folder
	regular
	other
)

// manifest is what rules need of a package.json.
type manifest struct {
	Scripts         map[string]string          `json:"scripts"`
	DevDependencies map[string]json.RawMessage `json:"devDependencies"`
}

// newRepo returns nil without a file system; the methods of a nil repo answer that they don't know.
func newRepo(fsys fs.FS) *repo {
	if fsys == nil {
		return nil
	}
	return &repo{fsys: fsys, left: maxLookups, kinds: map[string]fileKind{}, manifests: map[string]*manifest{}}
}

// kind says what stands at a clean path, "" being the root.
func (r *repo) kind(name string) fileKind {
	if r == nil {
		return unknown
	}
	if name == "" {
		return folder
	}
	if k, ok := r.kinds[name]; ok {
		return k
	}
	if r.left <= 0 || !fs.ValidPath(name) {
		return unknown
	}
	r.left--
	k := r.look(name)
	r.kinds[name] = k
	return k
}

func (r *repo) look(name string) fileKind {
	info, err := fs.Stat(r.fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing
	case err != nil:
		return unknown
	case info.IsDir():
		return folder
	case info.Mode().IsRegular():
		return regular
	}
	return other
}

// manifest returns the package.json of a folder, or nil when there is none that can be read.
func (r *repo) manifest(dir string) *manifest {
	name := path.Join(dir, "package.json")
	if r.kind(name) != regular {
		return nil
	}
	if m, ok := r.manifests[name]; ok {
		return m
	}
	m := r.readManifest(name)
	r.manifests[name] = m
	return m
}

func (r *repo) readManifest(name string) *manifest {
	data, ok := r.read(name)
	m := new(manifest)
	if !ok || json.Unmarshal(data, m) != nil {
		return nil
	}
	return m
}

// read returns a regular file that is not too large.
func (r *repo) read(name string) ([]byte, bool) {
	f, err := r.fsys.Open(name)
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	return data, err == nil && len(data) <= maxManifest
}

// upwards calls f with a folder and all above it, the root last, until f returns true.
func upwards(dir string, f func(dir string) bool) {
	for {
		if f(dir) || dir == "" {
			return
		}
		if dir = path.Dir(dir); dir == "." {
			dir = ""
		}
	}
}

// configs are the files in which frameworks are told where to write.
var configs = []string{
	"vite.config.js", "vite.config.ts", "vite.config.mjs", "vite.config.mts", "next.config.js", "next.config.mjs", "next.config.ts",
	"astro.config.mjs", "astro.config.ts", "angular.json", "vue.config.js", "svelte.config.js", "nuxt.config.ts", "nuxt.config.js",
	"webpack.config.js", "gatsby-config.js", "eleventy.config.js", ".eleventy.js", "hugo.toml", "config.toml", "_config.yml", ".env",
	"project.json", "turbo.json", "config-overrides.js", "craco.config.js", "rsbuild.config.ts",
}

// configLeaves reports whether a configuration file of a folder names a place above it, or cannot be read.
func (r *repo) configLeaves(dir string) bool {
	for _, name := range configs {
		file := path.Join(dir, name)
		switch r.kind(file) {
		case missing:
			continue
		case regular:
			data, ok := r.read(file)
			if ok && !bytes.Contains(data, []byte("..")) {
				continue
			}
		}
		return true
	}
	return false
}
