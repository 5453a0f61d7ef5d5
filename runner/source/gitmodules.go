package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// maxModulesFile bounds .gitmodules, in bytes.
const maxModulesFile = 1 << 20

// module is one section of .gitmodules.
type module struct {
	Name, Path, URL, Update string
	Line                    int // of the section, from 1
}

// modules are the sections of .gitmodules, in order.
type modules []module

// readModules reads the .gitmodules of the destination. One that is missing has no sections.
func (j *job) readModules() (modules, error) {
	info, err := j.dest.root.Lstat(".gitmodules")
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxModulesFile {
		j.notice(".gitmodules is larger than %d bytes and is not read", maxModulesFile)
		return nil, nil
	}
	text, err := j.dest.root.ReadFile(".gitmodules")
	if err != nil {
		return nil, err
	}
	mods, err := parseModules(string(text))
	if err != nil {
		j.notice(".gitmodules cannot be read: %v", err)
	}
	return mods, nil
}

// parseModules reads the sections. They are anybody's words still: at decides which of them can be used.
func parseModules(text string) (modules, error) {
	sections, err := parseConfig(text)
	if err != nil {
		return nil, err
	}
	var out modules
	for _, s := range sections {
		if s.name == "submodule" && s.sub != "" {
			v := s.values
			out = append(out, module{Name: s.sub, Path: path.Clean(v["path"]), URL: v["url"], Update: v["update"], Line: s.line})
		}
	}
	return out, nil
}

// at returns the section for the submodule at a path of the tree. The tree alone decides where submodules are; the
// section only gives it a name, which becomes a folder's, and a URL.
func (l modules) at(place string) (module, error) {
	var found []module
	for _, m := range l {
		if m.Path == place {
			found = append(found, m)
		}
	}
	refuse := func(m module, format string, args ...any) (module, error) {
		return m, &Error{Kind: KindOther, Message: fmt.Sprintf(format, args...), Hint: "Correct .gitmodules and commit it."}
	}
	shown := oneLine(place)
	switch {
	case len(found) == 0:
		return refuse(module{}, ".gitmodules has no section for the submodule %s", shown)
	case len(found) > 1:
		return refuse(found[0], ".gitmodules has %d sections for the submodule %s, from line %d on", len(found), shown, found[0].Line)
	}
	m := found[0]
	if !validModuleName(m.Name) {
		return refuse(m, "the submodule %s has a name in .gitmodules that cannot be that of a folder: %s", shown, oneLine(m.Name))
	}
	for _, other := range l {
		a, b := strings.ToLower(m.Name), strings.ToLower(other.Name)
		if m.Name != other.Name && (within(a, b) || within(b, a)) {
			return refuse(m, "the names %s and %s in .gitmodules are folders in each other, so that one repository would be inside of the other",
				oneLine(m.Name), oneLine(other.Name))
		}
	}
	if m.URL == "" || strings.HasPrefix(m.URL, "-") || strings.HasPrefix(place, "-") {
		return refuse(m, "the submodule %s has no usable path and URL in .gitmodules (line %d)", shown, m.Line)
	}
	return m, nil
}

// validModuleName tells whether a name can be a path below .git/modules.
func validModuleName(name string) bool {
	if name == "" || len(name) > 255 || strings.ContainsAny(name, "\x00\\\n\r") || os.IsPathSeparator(name[0]) {
		return false
	}
	return !slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return part == "" || part == "." || part == ".." || strings.HasPrefix(part, "-") || isDotGit(part, ".git")
	})
}

// resolve returns the submodule's remote, and those of the clone's credentials that may go there.
func (m module) resolve(up upstream) (remote, Auth, error) {
	raw := m.URL
	if strings.HasPrefix(raw, "./") || strings.HasPrefix(raw, "../") {
		var ok bool
		if raw, ok = relativeURL(up.remote.clean, raw); !ok {
			return remote{}, Auth{}, &Error{
				Kind:    KindNotRepository,
				Message: fmt.Sprintf("the URL %s of the submodule %s leads nowhere from %s (.gitmodules, line %d)", oneLine(m.URL), oneLine(m.Path), up.remote.clean, m.Line),
				Hint:    "Write the whole URL in .gitmodules.",
			}
		}
	}
	r, inURL, err := parseRemote(raw)
	var known *Error
	if errors.As(err, &known) {
		return remote{}, Auth{}, &Error{
			Kind: known.Kind, Err: known, Hint: known.Hint,
			Message: fmt.Sprintf("the URL of the submodule %s cannot be used (.gitmodules, line %d): %s", oneLine(m.Path), m.Line, known.Message),
		}
	}
	if err != nil {
		return remote{}, Auth{}, err
	}
	if r.scheme == "file" {
		return remote{}, Auth{}, &Error{
			Kind:    KindNotRepository,
			Message: fmt.Sprintf("the submodule %s has a path on this machine as its URL (.gitmodules, line %d), which is never followed", oneLine(m.Path), m.Line),
			Hint:    "A repository could so take files of this machine into its build. Use https:// or ssh://.",
		}
	}
	r = up.insteadOf(r)
	return r, up.authFor(r).or(inURL), nil
}

// relativeURL appends a relative path to a URL as git does: each ../ removes one part of the path, never the host.
func relativeURL(base, relative string) (string, bool) {
	base = strings.TrimRight(base, "/")
	start, scp := 0, false
	if i := strings.Index(base, "://"); i >= 0 {
		slash := strings.IndexByte(base[i+3:], '/')
		if slash < 0 {
			return "", false
		}
		start = i + 3 + slash
	} else if host, _, ok := cutHost(base); ok && !strings.Contains(host, "/") {
		start, scp = len(host)+1, true
	}
	for {
		switch rest, up := strings.CutPrefix(relative, "../"); {
		case up:
			i := strings.LastIndexByte(base, '/')
			switch {
			case len(base) <= start:
				return "", false
			case i >= start:
				base = base[:i]
			case scp:
				base = base[:start]
			default:
				return "", false
			}
			relative = rest
		case strings.HasPrefix(relative, "./"):
			relative = relative[2:]
		case scp && len(base) == start:
			return base + relative, relative != ""
		default:
			return base + "/" + relative, relative != ""
		}
	}
}

// insteadOf turns git@host:path into the https URL when the clone is from the same host with a token: there is no key
// for it then, and hosts serve the same repositories both ways.
func (up upstream) insteadOf(r remote) remote {
	web := up.remote.scheme == "https" || up.remote.scheme == "http"
	_, _, token := up.auth.basic(up.remote.host)
	if r.scheme != "ssh" || !web || !token || !strings.EqualFold(r.host, up.remote.host) || (r.port != 0 && r.port != 22) || r.user != "git" {
		return r
	}
	address := strings.TrimSuffix(up.remote.clean[strings.Index(up.remote.clean, "://")+3:], "/")
	address, _, _ = strings.Cut(address, "/")
	other, _, err := parseRemote(up.remote.scheme + "://" + address + "/" + strings.TrimPrefix(r.path, "/"))
	if err != nil {
		return r
	}
	return other
}

// authFor returns the clone's credentials if the other remote is the very same server: scheme, host and port, and with
// ssh the user, too. Which host keys to trust is no secret and goes along always.
func (up upstream) authFor(r remote) Auth {
	user := func(r remote) string {
		if r.scheme != "ssh" {
			return ""
		}
		return firstOf(r.user, up.auth.Username, "git")
	}
	same := up.remote.scheme == r.scheme && strings.EqualFold(up.remote.host, r.host) &&
		up.remote.address() == (remote{scheme: r.scheme, host: up.remote.host, port: r.port}).address() && user(up.remote) == user(r)
	if same {
		return up.auth
	}
	return Auth{KnownHosts: up.auth.KnownHosts}
}
