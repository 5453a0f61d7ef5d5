package contract

import (
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/source"
)

// checker finds what the types of the fields do not say.
type checker struct {
	*reader
	root *node
}

// at adds a problem of the field with that path, names and indexes below the document. Where the field is not there, it is
// shown at the innermost object that is.
func (c *checker) at(keys []any, format string, args ...any) {
	n, path := c.root, "$"
	for _, key := range keys {
		var next *node
		switch key := key.(type) {
		case string:
			path = field(path, key)
			if n != nil {
				next = n.get(key)
			}
		case int:
			path += "[" + strconv.Itoa(key) + "]"
			if n != nil && key < len(n.items) {
				next = n.items[key]
			}
		}
		if next != nil {
			n = next
		}
	}
	c.add(n.offset, path, format, args...)
}

func at(keys ...any) []any { return keys }

func (c *checker) job(j *Job) {
	c.repository(&j.Repository)
	c.oneOf(at("trigger"), j.Trigger, string(runner.TriggerManual), string(runner.TriggerPush))
	if j.App != nil {
		c.oneOf(at("app", "platform"), j.App.Platform, "WEB", "WEB_COMPUTE")
		c.text(at("app", "id"), j.App.ID)
		c.text(at("app", "root"), j.App.Root)
		c.text(at("app", "defaultBranch"), j.App.DefaultBranch)
	}
	c.variables(at("secrets"), j.Secrets)
	if e := j.Environment; e != nil {
		c.environment(e)
	}
	if i := j.Image; i != nil {
		c.image(i)
	}
	if l := j.Limits; l != nil {
		c.limits(l)
	}
	if j.Cache != nil && j.Cache.Off && j.Cache.Folder != "" {
		c.at(at("cache", "folder"), "a cache that is off has no folder")
	}
	if j.Diff != nil && j.Diff.Base != "" && !fullID().MatchString(j.Diff.Base) {
		c.at(at("diff", "base"), "%s is no full id of a commit", shown(j.Diff.Base))
	}
	for i, glob := range j.WatchPaths {
		if !doublestar.ValidatePattern(glob) {
			c.at(at("watchPaths", i), "%s is no glob", shown(glob))
		}
	}
	if j.PullRequest != nil && (j.PullRequest.ID <= 0 || j.PullRequest.ID > 1<<31-1) {
		c.at(at("pullRequest", "id"), "this must be a pull request's number, from 1")
	}
	if j.CACertificates != "" && !hasCertificate(j.CACertificates) {
		c.at(at("caCertificates"), "there is no PEM certificate in it")
	}
}

var fullID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`) })

func hasCertificate(text string) bool {
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return true
		}
	}
	return false
}

func (c *checker) repository(r *Repository) {
	switch {
	case r.URL == "" && r.Path == "":
		c.at(at("repository"), "it needs a url or a path")
	case r.URL != "" && r.Path != "":
		c.at(at("repository", "path"), "there is a url, too; a repository has one of the two")
	}
	if r.URL != "" {
		var wrong *source.Error
		if _, _, err := source.Clean(r.URL); errors.As(err, &wrong) {
			c.at(at("repository", "url"), "%s", strings.TrimSpace(wrong.Message+" "+wrong.Hint))
		}
	}
	for name, value := range map[string]string{"path": r.Path, "branch": r.Branch, "commit": r.Commit} {
		c.text(at("repository", name), value)
	}
	c.oneOf(at("repository", "submodules"), r.Submodules, "all", "none")
	c.oneOf(at("repository", "lfs"), r.LFS, "all", "none")
	switch {
	case r.Depth < 0:
		c.at(at("repository", "depth"), "it is a number of commits, or 0 for all")
	case r.Depth > 0 && r.URL == "" && r.Path != "":
		c.at(at("repository", "depth"), "it is for a url; of a path, the history costs nothing")
	}
	a := r.Credentials
	if a == nil {
		return
	}
	if r.Path != "" && r.URL == "" {
		c.at(at("repository", "credentials"), "they are for a url; a path needs none")
	}
	if a.SSHKey != "" && a.SSHKeyFile != "" {
		c.at(at("repository", "credentials", "sshKeyFile"), "there is an sshKey, too; give one of the two")
	}
	if a.Token != "" && a.Password != "" {
		c.at(at("repository", "credentials", "password"), "there is a token, too; give one of the two")
	}
}

func (c *checker) environment(e *Environment) {
	c.variables(at("environment", "variables"), e.Variables)
	if e.Console == nil {
		return
	}
	c.variables(at("environment", "console", "variables"), e.Console.Variables)
	for i, b := range e.Console.Branches {
		if b.Pattern == "" || !doublestar.ValidatePattern(b.Pattern) {
			c.at(at("environment", "console", "branches", i, "pattern"), "%s is no name and no pattern of branches", shown(b.Pattern))
		}
		c.variables(at("environment", "console", "branches", i, "variables"), b.Variables)
	}
}

func (c *checker) variables(path []any, vars map[string]Secret) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			c.at(append(slices.Clone(path), name), "a variable cannot have this name")
		case strings.Contains(string(vars[name]), "\x00"):
			c.at(append(slices.Clone(path), name), "a variable cannot hold a NUL")
		}
	}
}

func (c *checker) image(i *Image) {
	c.text(at("image", "name"), i.Name)
	c.oneOf(at("image", "pull"), i.Pull, string(engine.PullMissing), string(engine.PullAlways), string(engine.PullNever))
	if l := i.Login; l != nil {
		switch {
		case l.Token != "" && (l.Username != "" || l.Password != ""):
			c.at(at("image", "login", "token"), "there is a username or a password, too; a login has one or the other")
		case l.Token == "" && (l.Username == "" || l.Password == ""):
			c.at(at("image", "login"), "it needs a username and a password, or a token")
		}
	}
}

// maxTimeout is a hundred days, in seconds.
const maxTimeout = 100 * 24 * 3600

func (c *checker) limits(l *Limits) {
	sizes := slices.Sorted(maps.Keys(runner.Sizes))
	c.oneOf(at("limits", "size"), l.Size, sizes...)
	if l.Size != "" && (l.Memory != 0 || l.CPUs != 0 || l.Processes != 0) {
		c.at(at("limits", "size"), "there are memory, cpus or processes, too; give a size or numbers")
	}
	if l.Memory < 0 || l.Memory > 0 && l.Memory < 4<<20 {
		c.at(at("limits", "memory"), "this must be bytes, at least 4 MiB")
	}
	if l.CPUs < 0 || l.CPUs > 0 && l.CPUs < 0.01 || l.CPUs > 4096 {
		c.at(at("limits", "cpus"), "this must be a number of processors from 0.01 to 4096")
	}
	if l.Processes < 0 {
		c.at(at("limits", "processes"), "this must be more than 0")
	}
	if l.Timeout < 0 || l.Timeout > maxTimeout || l.Timeout > 0 && l.Timeout < 1 {
		c.at(at("limits", "timeout"), "this must be seconds, from 1 to %d", maxTimeout)
	}
}

// text is what ends up in addresses, paths and single lines.
func (c *checker) text(path []any, s string) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.at(path, "there is a control character in it")
	}
}

func (c *checker) oneOf(path []any, s string, words ...string) {
	if s != "" && !slices.Contains(words, s) {
		c.at(path, "%s is none of %s", shown(s), fmt.Sprint(strings.Join(words, ", ")))
	}
}
