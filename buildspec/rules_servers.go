package buildspec

import (
	"slices"
	"strings"
)

// serverWords are programs that serve until they are stopped, with the arguments by which they do so; "" stands for none.
var serverWords = map[string][]string{
	"next": {"start", "dev"}, "vite": {"", "dev", "serve", "preview"}, "nuxt": {"", "dev", "start", "preview"},
	"nuxi": {"dev", "start", "preview"}, "astro": {"dev", "preview"}, "gatsby": {"develop", "serve"}, "ng": {"serve"},
	"vue-cli-service": {"serve"}, "react-scripts": {"start"}, "hugo": {"server", "serve"}, "jekyll": {"serve", "server"},
	"flask": {"run"}, "eleventy": {"--serve"}, "webpack": {"serve"}, "remix": {"dev"}, "expo": {"start"}, "ember": {"serve"},
}

// servers are programs that do nothing but serve.
var servers = []string{
	"serve", "http-server", "live-server", "json-server", "nodemon", "gunicorn", "uvicorn", "webpack-dev-server", "remix-serve",
}

// checkServers checks commands that start servers.
func (l *linter) checkServers(s *script) {
	l.foreground(s)
	l.unwaited(s)
}

// serves reports whether a call starts a server. package.json says what a script does; without it nothing is known.
func (l *linter) serves(c *call, depth int) bool {
	name, args := c.program()
	if c.has("--help", "--version") {
		return false
	}
	if slices.Contains(servers, name) {
		return true
	}
	first := ""
	if len(args) > 0 {
		first = args[0].text
	}
	if slices.Contains(serverWords[name], first) && (c.name == name || c.name == "npx" || c.name == "bunx") {
		return true
	}
	if (name == "python" || name == "python3") && first == "-m" && len(args) > 1 && args[1].text == "http.server" {
		return true
	}
	if name == "bundle" {
		return c.has("jekyll") && c.has("serve", "server")
	}
	return l.scriptServes(c, depth)
}

// scriptServes reports whether a call runs a script of package.json that starts a server.
func (l *linter) scriptServes(c *call, depth int) bool {
	if l.repo == nil || depth == 0 || !c.dirKnown {
		return false
	}
	script := c.scriptName()
	if script == "" {
		return false
	}
	m := l.repo.manifest(c.dir)
	if m == nil {
		return false
	}
	key := scriptKey{c.dir, script, depth}
	serves, known := l.served[key]
	if text := m.Scripts[script]; !known && l.budget >= len(text) {
		l.budget -= len(text)
		serves = slices.ContainsFunc(parseScript(text, c), func(inner *call) bool {
			return inner.certain() && l.serves(inner, depth-1)
		})
		l.served[key] = serves
	}
	return serves
}

type scriptKey struct {
	dir, script string
	depth       int
}

// maxScripts is the number of scripts of package.json that are followed from one to the next.
const maxScripts = 3

func (l *linter) foreground(s *script) {
	for _, c := range s.calls {
		if c.background || c.sub || c.function || c.cond || !l.serves(c, maxScripts) {
			continue
		}
		l.add(Diagnostic{
			Rule: ruleForeground, Severity: Warning, Span: l.place(c),
			Message: "this starts a server, which does not end, so that the build goes on until its time is over",
			Help:    "run the command that writes the site, such as npm run build; for tests, end the line with & and wait for the server",
		})
		return
	}
}

// unwaited reports a server in the background of preTest that nothing waits for before the tests begin.
func (l *linter) unwaited(s *script) {
	var server *call
	for _, c := range s.commands {
		if c.section != "test" {
			continue
		}
		if waits(c.Value) {
			return
		}
		for _, call := range s.calls[c.calls:s.callsEnd(c)] {
			if server != nil && c.phase == "test" && isTestRun(call) {
				l.add(Diagnostic{
					Rule: ruleNotWaited, Severity: Warning, Span: l.place(server),
					Message: "nothing waits for this server, so that the tests may begin before it answers",
					Help:    "wait in preTest, as in: npx wait-on http://localhost:3000",
					Related: []Related{{Span: l.place(call), Message: "the tests"}},
				})
				return
			}
			if c.phase != "postTest" && (call.background || isPM2(call)) && (isPM2(call) || l.serves(call, maxScripts) || startsServer(call)) {
				server = call
			}
		}
	}
}

// callsEnd returns the number of the call after a command's last.
func (s *script) callsEnd(c *command) int {
	if c.index+1 < len(s.commands) {
		return s.commands[c.index+1].calls
	}
	return len(s.calls)
}

func isPM2(c *call) bool {
	name, args := c.program()
	return name == "pm2" && len(args) > 0 && args[0].text == "start"
}

// startsServer reports whether a script is one that starts a server by its name.
func startsServer(c *call) bool {
	return slices.Contains([]string{"start", "dev", "serve", "server", "preview", "start:ci", "start:test"}, c.scriptName())
}

func isTestRun(c *call) bool {
	if name, _ := c.program(); slices.Contains([]string{"cypress", "playwright", "jest", "vitest", "wdio", "nightwatch", "testcafe"}, name) {
		return true
	}
	script := c.scriptName()
	return strings.Contains(script, "test") || strings.Contains(script, "e2e") || strings.Contains(script, "cy")
}

// waits reports whether a command waits for something.
func waits(text string) bool {
	for _, sign := range []string{"wait", "sleep", "until ", "while ", "curl", "nc ", "start-server-and-test", "timeout"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}
