package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Key says for which builds an entry is of use. Every part but DefaultBranch has to be equal. Parts may hold any bytes
// and have any length.
type Key struct {
	App    string // the application
	Branch string // the branch that is built
	// DefaultBranch is the branch whose entry is used while Branch has none; "" for no such fallback. It is not part of
	// an entry's identity.
	DefaultBranch string
	Image         string   // the build image, its digest if known, otherwise its name
	Arch          string   // the architecture in Go's words, such as amd64
	Paths         []string // the cache patterns as written; their order and repetitions do not matter
	Dir           string   // the project root relative to the root of the repository
}

// Canonical is the form of the key that its ID is made from: a first line naming the format, then one line for each
// part in the order app, branch, image, arch, dir and, sorted and without repetitions, the paths. A line is
//
//	name SP length-in-bytes ":" value LF
//
// so that no value, whatever it holds, can be mistaken for another line.
func (k Key) Canonical() string {
	var b strings.Builder
	b.WriteString("preamp cache key 1\n")
	line := func(name, value string) { fmt.Fprintf(&b, "%s %d:%s\n", name, len(value), value) }
	line("app", k.App)
	line("branch", k.Branch)
	line("image", k.Image)
	line("arch", k.Arch)
	line("dir", cleanDir(k.Dir))
	for _, p := range sortedSet(k.Paths) {
		line("path", p)
	}
	return b.String()
}

// ID is the SHA-256 of the canonical form in lower-case hexadecimal: two keys have the same ID exactly if they stand
// for the same entry.
func (k Key) ID() string {
	sum := sha256.Sum256([]byte(k.Canonical()))
	return hex.EncodeToString(sum[:])
}

// on is the key of the same build on another branch.
func (k Key) on(branch string) Key {
	k.Branch = branch
	return k
}

// branches are the branches whose entries serve this build, the best one first.
func (k Key) branches() []string {
	if k.DefaultBranch == "" || k.DefaultBranch == k.Branch {
		return []string{k.Branch}
	}
	return []string{k.Branch, k.DefaultBranch}
}

// differences says in words why an entry saved under the key old does not serve a build with the key k.
func (k Key) differences(old Key) string {
	var d []string
	if old.Image != k.Image {
		d = append(d, fmt.Sprintf("cached with image %q, this build uses %q", old.Image, k.Image))
	}
	if old.Arch != k.Arch {
		d = append(d, fmt.Sprintf("cached on %q, this build runs on %q", old.Arch, k.Arch))
	}
	if o, n := cleanDir(old.Dir), cleanDir(k.Dir); o != n {
		d = append(d, fmt.Sprintf("cached for the project root %q, this build uses %q", "/"+o, "/"+n))
	}
	if c := changedPaths(sortedSet(old.Paths), sortedSet(k.Paths)); c != "" {
		d = append(d, "cache paths changed: "+c)
	}
	return strings.Join(d, "; ")
}

func changedPaths(before, now []string) string {
	var c []string
	for _, p := range now {
		if !slices.Contains(before, p) {
			c = append(c, fmt.Sprintf("%q added", p))
		}
	}
	for _, p := range before {
		if !slices.Contains(now, p) {
			c = append(c, fmt.Sprintf("%q removed", p))
		}
	}
	return strings.Join(c, ", ")
}

func sortedSet(list []string) []string {
	s := slices.Clone(list)
	slices.Sort(s)
	return slices.Compact(s)
}
