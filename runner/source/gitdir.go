package source

import (
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// initGitDir makes the skeleton of a repository: no hooks, no reflog, no template of the user's.
func (j *job) initGitDir() error {
	if err := j.dest.makeGit(); err != nil {
		return err
	}
	return j.skeleton()
}

// skeleton fills an empty folder of a repository.
func (j *job) skeleton() error {
	for _, dir := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		if err := j.dest.git.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	// Even the git programs that this package runs want a HEAD and a configuration.
	if err := j.writeGitFile("HEAD", "ref: refs/heads/main\n"); err != nil {
		return err
	}
	return j.writeConfig(gitConfig{})
}

func (j *job) writeGitFile(name, text string) error {
	if err := j.dest.git.WriteFile(name, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing .git/%s: %w", name, err)
	}
	return nil
}

// gitConfig is what the new repository's configuration says.
type gitConfig struct {
	url        string // of origin, clean; "" for none
	branch     string // that tracks origin's; "" for none
	fetch      string // refspec of origin
	ignoreMode bool   // the source is on a file system without exec bits
	submodules []submoduleConfig
}

// submoduleConfig marks a submodule as one that is checked out.
type submoduleConfig struct {
	name, url string // the URL is clean; "" when it is not known
}

// writeConfig writes .git/config, and keeps what it says for when more is to be added.
func (j *job) writeConfig(c gitConfig) error {
	j.config = c
	return j.writeGitFile("config", configText(c, j.dest.workTreeFromGit()))
}

// configText writes the configuration. A submodule's repository lies apart from its work tree and has to name it.
func configText(c gitConfig, workTree string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[core]\n\trepositoryformatversion = 0\n\tfilemode = %t\n\tbare = false\n\tlogallrefupdates = true\n", !c.ignoreMode)
	// A workspace is moved into volumes and containers, where inode, owner and change time differ. Without this, every
	// git status there would read all files again.
	b.WriteString("\tcheckStat = minimal\n")
	if workTree != "" {
		fmt.Fprintf(&b, "\tworktree = %s\n", configQuote(workTree))
	}
	if runtime.GOOS == "darwin" {
		b.WriteString("\tignorecase = true\n\tprecomposeunicode = true\n")
	}
	if c.url != "" {
		fmt.Fprintf(&b, "[remote \"origin\"]\n\turl = %s\n\tfetch = %s\n", configQuote(c.url), configQuote(c.fetch))
	}
	if c.url != "" && c.branch != "" {
		fmt.Fprintf(&b, "[branch %s]\n\tremote = origin\n\tmerge = %s\n", configQuote(c.branch), configQuote("refs/heads/"+c.branch))
	}
	for _, m := range c.submodules {
		fmt.Fprintf(&b, "[submodule %s]\n\tactive = true\n", configQuote(m.name))
		if m.url != "" {
			fmt.Fprintf(&b, "\turl = %s\n", configQuote(m.url))
		}
	}
	return b.String()
}

// configQuote makes any text one value, or subsection name, of a git configuration.
func configQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", "", "\r", "", "\x00", "").Replace(s) + `"`
}

// tagRefs gives tags their full names.
func tagRefs(tags map[string]plumbing.Hash) map[string]plumbing.Hash {
	out := make(map[string]plumbing.Hash, len(tags))
	for name, h := range tags {
		out["refs/tags/"+name] = h
	}
	return out
}

// writePackedRefs writes all references into one file. As files of their own, names that differ only in case would
// collide on some file systems, and hostile ones could do worse.
func (j *job) writePackedRefs(refs map[string]plumbing.Hash) error {
	if len(refs) == 0 {
		err := j.dest.git.Remove("packed-refs")
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	lines := make([]string, 0, len(refs))
	for name, h := range refs {
		lines = append(lines, fmt.Sprintf("%s %s\n", h, name))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[41:], b[41:]) })
	return j.writeGitFile("packed-refs", "# pack-refs with: sorted \n"+strings.Join(lines, ""))
}

// writeShallow says where the history ends; an empty list means nowhere.
func (j *job) writeShallow(commits []plumbing.Hash) error {
	if len(commits) == 0 {
		err := j.dest.git.Remove("shallow")
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	var b strings.Builder
	for _, h := range commits {
		fmt.Fprintln(&b, h)
	}
	return j.writeGitFile("shallow", b.String())
}

// layout is how the new repository is to look.
type layout struct {
	commit plumbing.Hash // zero: none yet
	branch string        // that HEAD is on; "" for a detached HEAD
	refs   map[string]plumbing.Hash
	symref map[string]string // file below .git → reference it stands for
	config gitConfig
}

// writeLayout writes everything in .git that is not objects or the index. Of the offered tags those are kept whose
// object came along.
func (j *job) writeLayout(s *store, offer *refList, l layout) error {
	refs := map[string]plumbing.Hash{}
	for name, h := range l.refs {
		refs[name] = h
	}
	for name, h := range tagRefs(offer.tags) {
		if s.HasEncodedObject(h) == nil {
			refs[name] = h
		}
	}
	head := l.commit.String() + "\n"
	if l.branch != "" {
		head = "ref: refs/heads/" + l.branch + "\n"
		if !l.commit.IsZero() {
			refs["refs/heads/"+l.branch] = l.commit
		}
	}
	if err := j.writePackedRefs(refs); err != nil {
		return err
	}
	shallow := slices.DeleteFunc(slices.Clone(offer.shallow), func(h plumbing.Hash) bool { return s.HasEncodedObject(h) != nil })
	if err := j.writeShallow(shallow); err != nil {
		return err
	}
	for file, target := range l.symref {
		if err := j.dest.git.MkdirAll(path.Dir(file), 0o755); err != nil {
			return err
		}
		if err := j.writeGitFile(file, "ref: "+target+"\n"); err != nil {
			return err
		}
	}
	if err := j.writeConfig(l.config); err != nil {
		return err
	}
	return j.writeGitFile("HEAD", head)
}
