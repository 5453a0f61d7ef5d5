package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
)

const (
	serverFiles = "required-server-files.json"
	maxPackage  = 1 << 20 // bytes of a package.json
)

// next checks the output of Next.js for a server. All of it is checked, where the service stops at the first.
func (c *checker) next() {
	c.nextVersion()
	c.node()
	switch {
	case !c.exists(c.in(serverFiles)):
		c.add(buildspec.Diagnostic{
			Rule: ruleNoServerFiles, Amplify: serviceServerFiles,
			Message: fmt.Sprintf("%q has no %s, so it is not what Next.js writes for a server", c.written, serverFiles), Help: c.nextHelp(),
		})
		return
	case !c.isDir(c.in("server")):
		c.add(buildspec.Diagnostic{
			Rule: ruleNoServer, Amplify: fmt.Sprintf(serviceNoServer, "amplify-compute-bundle-output/compute/.next/server"),
			Message: fmt.Sprintf("%q has no folder server: the build did not end, or something removed it", c.written),
			Help:    "look at the commands behind next build",
		})
	}
	if !c.isDir(c.in("standalone")) {
		c.add(buildspec.Diagnostic{
			Rule: ruleNoStandalone, Amplify: fmt.Sprintf(serviceStandalone, c.base),
			Message: fmt.Sprintf("%q has no folder standalone, which the server is made of", c.written),
			Help:    `set output: "standalone" in the configuration of Next.js, or NEXT_PRIVATE_STANDALONE=true in the environment, and do not remove the folder after the build`,
		})
	}
}

// nextHelp looks for the folder that was meant.
func (c *checker) nextHelp() string {
	for _, dir := range []string{".", c.o.Project, c.o.AppRoot, c.base} {
		dir = path.Join(dir, ".next")
		if c.exists(path.Join(dir, serverFiles)) {
			return fmt.Sprintf("it is in %s: set baseDirectory to that folder", dir)
		}
	}
	if c.exists(c.in("index.html")) {
		return `this looks like a static export (output: "export"), which is deployed with the platform WEB`
	}
	return "set baseDirectory to Next.js's distDir, usually .next; with output: \"export\" the platform is WEB and the folder usually out"
}

// digits are in what the service can make a version of.
var digits = regexp.MustCompile(`^[\s~^=<>v]*\d`)

// nextVersion checks that the version can be read from package.json.
func (c *checker) nextVersion() {
	name := path.Join(c.o.AppRoot, "package.json")
	src, err := c.read(name, maxPackage)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	var pkg struct {
		Dependencies, DevDependencies map[string]any
	}
	d := buildspec.Diagnostic{Rule: ruleNextVersion, File: name, Amplify: serviceNext}
	switch {
	case err != nil:
		d.Message, d.Help = "there is no package.json in the application's folder", "set AMPLIFY_MONOREPO_APP_ROOT to the folder that has it"
		c.add(d)
		return
	case json.Unmarshal([]byte(strings.TrimPrefix(string(src), "\xef\xbb\xbf")), &pkg) != nil:
		d.Message, d.Help = "this package.json cannot be read", "mend its syntax"
		c.add(d)
		return
	}
	version, ok := pkg.Dependencies["next"].(string)
	if !ok {
		version, ok = pkg.DevDependencies["next"].(string)
	}
	switch {
	case !ok:
		d.Message = "this package.json does not depend on next"
		d.Help = "add it to its dependencies, or set AMPLIFY_MONOREPO_APP_ROOT to the folder of the application that does"
	case strings.HasPrefix(version, "catalog:"), strings.HasPrefix(version, "workspace:"):
		d.Message = fmt.Sprintf("the version of next is %q, which the service cannot read", version)
		d.Help = "write the version itself, such as ^15.1.0; references to a catalog or a workspace are not resolved"
	case !digits.MatchString(version):
		d.Severity, d.Amplify = buildspec.Warning, ""
		d.Message = fmt.Sprintf("the version of next is %q, and whether the service can read that is not known", version)
		d.Help = "write a version with numbers, such as ^15.1.0"
	default:
		return
	}
	c.add(d)
}

// node checks the version that the build ran with: the server will run with the same.
func (c *checker) node() {
	version := strings.TrimPrefix(strings.TrimSpace(c.o.Node), "v")
	major, _, _ := strings.Cut(version, ".")
	if version == "" || slices.Contains(nodeVersions, major) {
		return
	}
	c.add(buildspec.Diagnostic{
		Rule: ruleNode, Amplify: fmt.Sprintf(serviceNode, "v"+version),
		Message: fmt.Sprintf("the build ran with Node.js %s, and servers are run with %s only", version, strings.Join(nodeVersions, " and ")),
		Help:    "choose one of them in the build: nvm use 22, a .nvmrc, or the package override of Node.js",
	})
}
