package buildspec

import (
	"slices"
	"strings"
)

// runners are package managers and the words after which they run a program of the project.
var runners = map[string][]string{
	"npx": {""}, "bunx": {""}, "pnpx": {""}, "npm": {"exec", "x"}, "pnpm": {"exec", "dlx", ""}, "yarn": {"exec", "dlx", ""}, "bun": {"x"},
}

// program returns what a call runs in the end, without npx and its like, and the arguments after it.
func (c *call) program() (name string, args []arg) {
	words, ok := runners[c.name]
	if !ok {
		return baseName(c.name), c.args
	}
	rest := c.args
	for len(rest) > 0 && strings.HasPrefix(rest[0].text, "-") {
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0].text != "" && slices.Contains(words, rest[0].text) {
		rest = rest[1:]
	} else if !slices.Contains(words, "") {
		return c.name, c.args
	}
	for len(rest) > 0 && strings.HasPrefix(rest[0].text, "-") {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return c.name, c.args
	}
	return withoutVersion(rest[0].text), rest[1:]
}

func baseName(program string) string { return program[strings.LastIndexByte(program, '/')+1:] }

// withoutVersion cuts the version off a package's name: cypress@13 is cypress, @x/y@1 is @x/y.
func withoutVersion(pkg string) string {
	if i := strings.LastIndexByte(pkg, '@'); i > 0 {
		return pkg[:i]
	}
	return pkg
}

// scriptName returns the script of package.json that a call runs, "" if it runs none or has options that say in which
// folder.
func (c *call) scriptName() string {
	args := c.args
	for len(args) > 0 && (args[0].text == "--silent" || args[0].text == "-s") {
		args = args[1:]
	}
	if len(args) == 0 || !args[0].constant {
		return ""
	}
	name := ""
	switch verb := args[0].text; {
	case !slices.Contains([]string{"npm", "pnpm", "yarn", "bun"}, c.name):
		return ""
	case verb == "run", verb == "run-script" && c.name == "npm":
		if len(args) < 2 || !args[1].constant {
			return ""
		}
		name = args[1].text
	case c.name == "npm" && (verb == "start" || verb == "test"):
		name = verb
	case c.name != "npm" && (verb == "start" || verb == "dev" || verb == "serve"):
		name = verb
	}
	if strings.HasPrefix(name, "-") {
		return ""
	}
	for _, a := range args {
		if a.text == "--" {
			break
		}
		for _, elsewhere := range []string{"--prefix", "-C", "--cwd", "--dir", "-w", "--workspace", "-r", "--recursive", "--filter", "-F", "--if-present"} {
			if a.text == elsewhere || strings.HasPrefix(a.text, elsewhere+"=") {
				return ""
			}
		}
	}
	return name
}

// install says which package manager a call runs to install the project's packages.
type install struct {
	manager string
	// clean says that node_modules is removed first, and the lockfile needed.
	clean bool
}

// installs reports whether a call installs what package.json and the lockfile name.
func (c *call) installs() (install, bool) {
	verb := ""
	if operands := c.operands(); len(operands) > 0 {
		verb = operands[0]
	}
	i := install{manager: c.name}
	switch c.name {
	case "npm":
		i.clean = slices.Contains([]string{"ci", "clean-install", "install-clean", "ic"}, verb)
		if !i.clean && verb != "install" && verb != "i" {
			return i, false
		}
	case "yarn":
		if verb != "" && verb != "install" || verb == "" && c.has("--version", "-v", "--help") {
			return i, false
		}
	case "pnpm", "bun":
		if verb != "install" && verb != "i" {
			return i, false
		}
	default:
		return i, false
	}
	return i, !c.elsewhere() && (i.clean || len(c.operands()) < 2)
}

// elsewhere reports whether a package manager is told to work in another place than the current folder.
func (c *call) elsewhere() bool {
	for _, a := range c.args {
		name, _, _ := strings.Cut(a.text, "=")
		switch name {
		case "-g", "--global", "--prefix", "-C", "--cwd", "--dir", "--location", "-w", "--workspace":
			return true
		}
	}
	return false
}

// builds reports whether a call is one by which a project writes its site.
func (c *call) builds() bool {
	verb := c.arg(0)
	switch c.name {
	case "npm", "pnpm", "yarn", "bun":
		if verb == "run" || verb == "run-script" {
			verb = c.arg(1)
		}
		if verb == "build" || verb == "generate" || verb == "export" || strings.HasPrefix(verb, "build:") {
			return true
		}
	}
	name, args := c.program()
	switch name {
	case "hugo", "eleventy", "@11ty/eleventy":
		return len(args) == 0 || args[0].text != "server"
	case "next", "vite", "ng", "nuxt", "nuxi", "gatsby", "astro", "react-scripts", "vue-cli-service", "jekyll", "vitepress", "vuepress":
		return len(args) > 0 && (args[0].text == "build" || args[0].text == "generate")
	case "bundle":
		return c.has("jekyll") && c.has("build")
	}
	return false
}
