package advice

import (
	"strings"
	"time"

	"github.com/preamp-build/preamp/cache"
)

// Facts are the numbers of a build. What is not known is left out, and nothing is said about it.
type Facts struct {
	Commands []Command // those that were run, in order
	Paths    []Path    // cache.paths that can select something, without exclusions
	// CleanInstall is an npm ci that was run although node_modules is cached.
	CleanInstall *CleanInstall
	Restore      *Restore
	Save         *Save
	Without      *Past  // the last build of the same application and branch that had no cache
	Saves        []Size // of the builds before this one, the oldest first, with the same cache paths
	Memory       Memory
}

// Place is where something is written.
type Place struct {
	File         string
	Line, Column int // from 1; 0: unknown
}

// Command is a command that was run to its end.
type Command struct {
	// Key is the same for the same command under the same circumstances in another build.
	Key  string
	Text string
	Place
	Code int
	OOM  bool // the kernel killed a process of it for want of memory
	Took time.Duration
}

// Path is an entry of cache.paths.
type Path struct {
	Pattern string
	Place
}

// CleanInstall is a command that deletes node_modules before it installs.
type CleanInstall struct {
	Command Command
	Place          // of the call in it
	Rule    string // of preamp validate
}

// Restore is what was put back, and Save what was kept.
type (
	Restore struct {
		Files  int
		Bytes  int64
		Stored int64 // packed, in bytes; 0 where nothing is packed
		Took   time.Duration
		Parts  []cache.Part
	}
	// Save is nil in Facts where nothing was kept.
	Save struct {
		Files  int
		Bytes  int64
		Packed int64 // in bytes; 0 where nothing is packed
		Took   time.Duration
		Parts  []cache.Part
	}
)

// Past is what is remembered of a build.
type Past struct {
	Ended    time.Time
	Commands map[string]time.Duration // by Key; those that succeeded
}

// Size is how large a cache was.
type Size struct {
	Bytes int64
	Roots map[string]int64 // by the folders that Roots names
}

// Memory is what the build used, and what there was.
type Memory struct {
	Peak  int64 // 0: unknown
	Limit int64 // that was in force; 0: none
	// Partly is true where the peak is that of one process only, so that the build has used at least as much.
	Partly bool
	// Instance is the service's that was played; empty: a limit of the user's own. Instances are all of them, by memory.
	Instance  string
	Instances []Instance
}

// Instance is a size that the service has.
type Instance struct {
	Name   string
	Memory int64
	CPUs   float64
}

// Roots adds up parts by the folders that people put into cache.paths: each node_modules, otherwise the part itself.
func Roots(parts []cache.Part) map[string]cache.Part {
	roots := map[string]cache.Part{}
	for _, p := range parts {
		name := rootOf(p.Path)
		r := roots[name]
		r.Path = name
		r.Files += p.Files
		r.Bytes += p.Bytes
		r.Replaced += p.Replaced
		r.Kept += p.Kept
		roots[name] = r
	}
	return roots
}

const modules = "node_modules"

func rootOf(path string) string {
	if i := strings.Index("/"+path+"/", "/"+modules+"/"); i >= 0 {
		return path[:i+len(modules)]
	}
	return path
}

func isModules(root string) bool { return root == modules || strings.HasSuffix(root, "/"+modules) }
