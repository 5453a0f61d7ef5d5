package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/config"
)

// ignoreRules are the patterns in force in one folder: its own and those from above, the strongest last. It is
// immutable; going down a folder makes a new one.
type ignoreRules struct {
	above *ignoreRules
	rules []ignoreRule
	dir   string // the folder that anchored patterns are relative to, "" for the top
}

// ignoreRule is one line of a .gitignore.
type ignoreRule struct {
	prefix   string   // literal beginning of an anchored pattern
	segments []string // of what follows it, or a single one that is compared with the name alone
	anchored bool
	dirOnly  bool
	negated  bool
}

// with adds the lines of an ignore file that lies in dir.
func (i *ignoreRules) with(dir, text string) *ignoreRules {
	out := &ignoreRules{above: i, dir: dir}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if rule, ok := parseIgnore(line); ok {
			out.rules = append(out.rules, rule)
		}
	}
	if len(out.rules) == 0 {
		return i
	}
	return out
}

func parseIgnore(line string) (ignoreRule, bool) {
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if strings.HasPrefix(line, "#") {
		return ignoreRule{}, false
	}
	line = trimSpaces(line)
	var r ignoreRule
	if rest, ok := strings.CutPrefix(line, "!"); ok {
		r.negated, line = true, rest
	}
	if rest, ok := strings.CutSuffix(line, "/"); ok {
		r.dirOnly, line = true, rest
	}
	if line == "" {
		return ignoreRule{}, false
	}
	if r.anchored = strings.Contains(line, "/"); r.anchored {
		// git compares the literal beginning apart, and so takes the rest of a**/b for **/b. We follow.
		line = strings.TrimPrefix(line, "/")
		if special := strings.IndexAny(line, `*?[\`); special >= 0 {
			r.prefix, line = line[:special], line[special:]
		} else {
			r.prefix, line = line, ""
		}
		r.segments = splitPattern(line)
	} else {
		r.segments = []string{line}
	}
	return r, true
}

// trimSpaces drops the spaces at the end, except one that a backslash keeps.
func trimSpaces(line string) string {
	end := len(line)
	for end > 0 && line[end-1] == ' ' {
		end--
	}
	slashes := 0
	for slashes < end && line[end-1-slashes] == '\\' {
		slashes++
	}
	if slashes%2 == 1 && end < len(line) {
		end++
	}
	return line[:end]
}

// ignored tells whether the rules exclude the path, which is relative to the top. It looks at this path only: below an
// excluded folder everything is excluded, and the caller does not ask.
func (i *ignoreRules) ignored(path string, isDir bool) bool {
	for level := i; level != nil; level = level.above {
		relative := path
		if level.dir != "" {
			relative = strings.TrimPrefix(path, level.dir+"/")
		}
		for n := len(level.rules) - 1; n >= 0; n-- {
			if level.rules[n].matches(relative, isDir) {
				return !level.rules[n].negated
			}
		}
	}
	return false
}

func (r ignoreRule) matches(path string, isDir bool) bool {
	if r.dirOnly && !isDir {
		return false
	}
	if !r.anchored {
		return matchGlob(r.segments[0], path[strings.LastIndexByte(path, '/')+1:])
	}
	rest, ok := strings.CutPrefix(path, r.prefix)
	return ok && matchSegments(r.segments, strings.Split(rest, "/"))
}

// matchSegments compares folder by folder. A ** stands for any number of folders, at the end for at least one name.
// Its cost is bounded by the product of the lengths, whatever the pattern.
func matchSegments(pattern, path []string) bool {
	// reach[j] says whether the pattern so far can have consumed j segments of the path.
	reach := make([]bool, len(path)+1)
	reach[0] = true
	for n, p := range pattern {
		next := make([]bool, len(path)+1)
		for j := range path {
			switch {
			case p != "**":
				next[j+1] = reach[j] && matchGlob(p, path[j])
			default:
				next[j+1] = reach[j] || next[j]
			}
		}
		if p == "**" && n < len(pattern)-1 {
			for j := range next {
				next[j] = next[j] || reach[j]
			}
		}
		reach = next
	}
	return reach[len(path)]
}

// maxIgnoreFile bounds what is read of an ignore file.
const maxIgnoreFile = 4 << 20

// readIgnore reads an ignore file inside root; a link or anything else than a file counts as none, as for git.
func readIgnore(root *os.Root, name string) (string, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, maxIgnoreFile))
	return string(b), err
}

// baseRules are those that apply from the top of a repository: the user's own, then .git/info/exclude. An unreadable
// file is an error: taking files that were meant to stay out could leak them.
func (r *repository) baseRules() (*ignoreRules, error) {
	var rules *ignoreRules
	for _, file := range []string{r.excludesFile(), filepath.Join(r.commonDir, "info", "exclude")} {
		if file == "" {
			continue
		}
		text, err := readSmall(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the ignore patterns: %w", err)
		}
		rules = rules.with("", text)
	}
	return rules, nil
}

// excludesFile is core.excludesFile: of the repository, the user or the system, or its default.
func (r *repository) excludesFile() string {
	file := r.config("core")("excludesfile")
	configs, usual := []string{homeFile(".gitconfig")}, ""
	if xdg := firstOf(os.Getenv("XDG_CONFIG_HOME"), homeFile(".config")); xdg != "" {
		configs = append(configs, filepath.Join(xdg, "git", "config"))
		usual = filepath.Join(xdg, "git", "ignore")
	}
	for _, config := range append(configs, "/etc/gitconfig") {
		if file == "" && config != "" {
			file = excludesIn(config)
		}
	}
	if file == "" {
		return usual
	}
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		return homeFile(rest)
	}
	if !filepath.IsAbs(file) {
		return filepath.Join(r.workTree, file)
	}
	return file
}

// excludesIn reads core.excludesFile from one configuration file; one that cannot be parsed has none.
func excludesIn(file string) string {
	text, err := readSmall(file)
	if err != nil {
		return ""
	}
	cfg, err := config.ReadConfig(strings.NewReader(text))
	if err != nil || cfg.Raw == nil {
		return ""
	}
	return cfg.Raw.Section("core").Options.Get("excludesfile")
}
