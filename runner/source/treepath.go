package source

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Bounds on what a commit may unfold to. A tree of a few kilobytes can name the same subtree again and again and so
// stand for more files than any disk holds.
const (
	maxTreeDepth   = 256
	maxTreeEntries = 4 << 20
	maxLinkTarget  = 4096
)

// checkTree refuses a tree with entries that could end up anywhere but in their own folder, or in .git. A tree written
// by git has none of them.
func checkTree(dir string, t *object.Tree) error {
	seen := make(map[string]bool, len(t.Entries))
	for _, e := range t.Entries {
		if err := checkEntry(e); err != nil {
			return hostile(dir, e.Name, err.Error())
		}
		if seen[e.Name] {
			return hostile(dir, e.Name, "the name occurs twice in its folder")
		}
		seen[e.Name] = true
	}
	return nil
}

func checkEntry(e object.TreeEntry) error {
	switch {
	case e.Name == "" || e.Name == "." || e.Name == "..":
		return fmt.Errorf("a file cannot have this name")
	case strings.ContainsAny(e.Name, "/\x00"):
		return fmt.Errorf("the name has a separator in it")
	case isDotGit(e.Name, ".git") || strings.EqualFold(e.Name, "git~1"):
		return fmt.Errorf("the name is reserved for git's own folder")
	case e.Mode == filemode.Symlink && isDotGit(e.Name, ".gitmodules"):
		return fmt.Errorf("this file must not be a link")
	}
	return nil
}

// isDotGit tells whether some file system takes the name for .git (or .gitmodules): without regard to case, with
// characters that macOS ignores, or with an ending that Windows drops.
func isDotGit(name, reserved string) bool {
	if !utf8.ValidString(name) {
		return false
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name)
	name, _, _ = strings.Cut(name, ":")
	return strings.EqualFold(strings.TrimRight(name, " ."), reserved)
}

// hostile is the error for a commit that must not be checked out.
func hostile(dir, name, why string) *Error {
	return &Error{
		Kind:    KindOther,
		Message: fmt.Sprintf("the commit is not checked out: it has an invalid path %q: %s", joinPath(dir, name), why),
		Hint:    "git does not make such commits. Treat the repository with suspicion.",
	}
}

func joinPath(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// within tells whether the path is the folder or in it.
func within(path, dir string) bool {
	return dir == "" || path == dir || (strings.HasPrefix(path, dir) && path[len(dir)] == '/')
}
