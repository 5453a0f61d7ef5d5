package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// liveUpdates reads _LIVE_UPDATES: a JSON list of packages that are brought to a version before the build. Like the
// service, it only warns of what is wrong with it. Node.js comes first, because packages belong to one version of it.
func (p *Plan) liveUpdates(job *Job) {
	raw, ok := job.env("_LIVE_UPDATES")
	if !ok || strings.TrimSpace(raw) == "" {
		return
	}
	var entries []json.RawMessage
	if err := json.Unmarshal([]byte(raw), &entries); err != nil {
		p.Warnings = append(p.Warnings, fmt.Sprintf(`_LIVE_UPDATES is not read: %s; it is a JSON list such as [{"pkg":"node","type":"nvm","version":"22"}]`, jsonProblem(err)))
		return
	}
	for i, e := range entries {
		u, err := parseLiveUpdate(e)
		if err == nil && u.Type == "internal" {
			p.Notices = append(p.Notices, fmt.Sprintf("_LIVE_UPDATES: %s %s is about the service's old way to run Next.js 11; it has no effect", u.Pkg, u.Version))
			continue
		}
		if err != nil {
			p.Warnings = append(p.Warnings, fmt.Sprintf("_LIVE_UPDATES: entry %d is left out: %v", i+1, err))
			continue
		}
		p.LiveUpdates = append(p.LiveUpdates, u)
	}
	slices.SortStableFunc(p.LiveUpdates, func(a, b LiveUpdate) int { return nvmFirst(a) - nvmFirst(b) })
}

func nvmFirst(u LiveUpdate) int {
	if u.Type == "nvm" {
		return 0
	}
	return 1
}

func jsonProblem(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON at character %d: %v", syntax.Offset, err)
	case errors.As(err, &kind):
		return fmt.Sprintf("it is one %s and not a list", kind.Value)
	}
	return err.Error()
}

// npmPackages are the types that npm installs, each with the package that it stands for; "" is the one that the entry
// names. The console's Hugo is the package hugo-extended, as AWS documents.
var npmPackages = map[string]string{"npm": "", "yarn": "", "pnpm": "", "hugo": "hugo-extended"}

var (
	npmName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(@[A-Za-z0-9~][A-Za-z0-9~._-]*/)?[A-Za-z0-9~][A-Za-z0-9~._-]*$`)
	})
	someText   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^-\s][^\x00-\x1f]*$`) }) // nothing that a program would take for an option
	fieldNames = []string{"name", "pkg", "type", "version"}
)

func parseLiveUpdate(raw json.RawMessage) (u LiveUpdate, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return u, errors.New("it is no object with pkg, type and version")
	}
	for i, field := range []*string{&u.Name, &u.Pkg, &u.Type, &u.Version} {
		if *field, err = looseText(fields[fieldNames[i]]); err != nil {
			return u, fmt.Errorf("its %s is no text", fieldNames[i])
		}
	}
	if u.Type == "nvm" && u.Pkg == "" {
		u.Pkg = "node"
	}
	_, npm := npmPackages[u.Type]
	switch {
	case u.Type == "":
		return u, errors.New(`it has no type, such as "npm" or "nvm"`)
	case u.Type == "internal":
		return u, nil
	case !npm && u.Type != "nvm":
		return u, fmt.Errorf("the type %q is not known; there are npm, nvm, yarn, pnpm and hugo", u.Type)
	case u.Type == "nvm" && u.Pkg != "node":
		return u, fmt.Errorf("nvm installs node, not %q", u.Pkg)
	case u.Pkg == "":
		return u, errors.New("it names no package (pkg)")
	case !npmName().MatchString(u.Pkg):
		return u, fmt.Errorf("%q is no name of a package", u.Pkg)
	case u.Version == "":
		return u, fmt.Errorf(`%s has no version, such as "latest"`, u.Pkg)
	case !someText().MatchString(u.Version):
		return u, fmt.Errorf("%q is no version", u.Version)
	}
	return u, nil
}

// looseText takes a string, or a number as it is written: people write "version": 22.
func looseText(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	if raw[0] != '"' {
		var n json.Number
		err := json.Unmarshal(raw, &n)
		return n.String(), err
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return strings.TrimSpace(s), err
}
