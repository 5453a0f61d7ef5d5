package compare

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/preamp-build/preamp/cmd/preamp/internal/buildlog"
)

// text is a line of output that counts.
type text struct {
	at     int
	normal string
	gap    bool // no line, but a place where somebody has cut some out
	soft   bool // the other log may have lost it in such a gap
}

// outputs are the lines that only one of two outputs has, in their order.
type outputs struct {
	a, b []text
}

// outputs compares what a command printed in both builds.
func (c *comparison) outputs(p pair) outputs {
	rest := p.a.Rest
	if len(p.b.Rest) > 0 {
		rest = p.b.Rest
	}
	a, b := lines(c.cloud, p.a, rest), lines(c.build, p.b, rest)
	soften(a, b)
	soften(b, a)
	o := outputs{without(a, b), without(b, a)}
	// A command that was stopped has not printed all that it would have.
	if p.a.Outcome == buildlog.Stopped {
		o.b = nil
	}
	if p.b.Outcome == buildlog.Stopped {
		o.a = nil
	}
	return o
}

// lines are the lines of a command's output that count. rest are the further lines of the command itself, which the
// service's form does not tell from output.
func lines(l *buildlog.Log, x *buildlog.Command, rest []string) []text {
	var out []text
	dir := l.Dir.Value
	for _, at := range x.Output {
		s := strings.TrimSpace(l.Lines[at].Text)
		if len(rest) > 0 && strings.Join(strings.Fields(s), " ") == strings.Join(strings.Fields(rest[0]), " ") {
			rest = rest[1:]
			continue
		}
		if elision().MatchString(s) {
			out = append(out, text{at: at, gap: true})
			continue
		}
		if len(dir) > 3 {
			s = strings.ReplaceAll(s, dir, "<repo>")
		}
		if n := normal(s); !isNoise(n) {
			out = append(out, text{at: at, normal: n})
		}
	}
	return out
}

// reach is how many lines around a gap are looked at for one that both logs have.
const reach = 1000

// soften marks the lines of b that a may have lost where it was cut: those between the last line before the gap and the
// first one after it that both have.
func soften(a, b []text) {
	place := map[string]int{}
	for i, t := range b {
		if !t.gap {
			place[t.normal] = i
		}
	}
	begins := make([]int, len(b)+1) // gaps that begin less those that end before a line
	for g := range a {
		if !a[g].gap || g > 0 && a[g-1].gap {
			continue
		}
		from, to := -1, len(b)
		for i := g - 1; i >= max(0, g-reach) && from < 0; i-- {
			if n, there := place[a[i].normal]; there {
				from = n
			}
		}
		for i := g + 1; i < min(len(a), g+reach) && to == len(b); i++ {
			if n, there := place[a[i].normal]; there && n > from {
				to = n
			}
		}
		begins[from+1]++
		begins[to]--
	}
	open := 0
	for i := range b {
		open += begins[i]
		b[i].soft = open > 0
	}
}

// without are the lines of a that b does not have at all. How often a line comes is chance where things run at once.
func without(a, b []text) []text {
	have := map[string]bool{}
	for _, t := range b {
		have[t.normal] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(t text) bool { return t.gap || have[t.normal] })
}

// hard are the lines that the other log cannot just have lost.
func hard(list []text) []text {
	return slices.DeleteFunc(slices.Clone(list), func(t text) bool { return t.soft })
}

// difference is one about a pair of commands, at a line of each.
func (c *comparison) difference(class Class, p pair, a, b int, message string) Difference {
	if a == buildlog.None {
		a = p.a.At
	}
	if b == buildlog.None {
		b = p.b.At
	}
	return Difference{
		Class: class, Where: p.b.Where(), Command: p.b.Text, Message: message, Advice: advice(class, c.build),
		Cloud: spot(c.cloud, a), Build: spot(c.build, b),
	}
}

// findVersions takes the lines that differ only in a version out of the outputs.
func (c *comparison) findVersions(p pair, o *outputs) {
	for i := 0; i < len(o.a); i++ {
		s := skeleton(o.a[i].normal)
		if s == o.a[i].normal {
			continue
		}
		j := slices.IndexFunc(o.b, func(t text) bool { return skeleton(t.normal) == s })
		if j < 0 {
			continue
		}
		x, y := o.a[i], o.b[j]
		tool, from, to := versionOf(p.b.Text, x.normal, y.normal)
		c.add(c.difference(Version, p, x.at, y.at, fmt.Sprintf("%s is %s in the cloud and %s here", tool, from, to)))
		o.a, o.b = slices.Delete(o.a, i, i+1), slices.Delete(o.b, j, j+1)
		i--
	}
}

var beforeVersion = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`([@\w./-]*[A-Za-z][\w./-]*)(?:\s+version)?[\s:'"@({]*$`)
})

var asksVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+)\s+(?:--version|-v|-V|version)$`) })

// versionOf names the tool whose version differs, and both versions.
func versionOf(command, a, b string) (tool, from, to string) {
	x, y := versions().FindAllStringSubmatchIndex(a, -1), versions().FindAllStringSubmatchIndex(b, -1)
	for i := range min(len(x), len(y)) {
		from, to = a[x[i][2]:x[i][3]], b[y[i][2]:y[i][3]]
		if from == to {
			continue
		}
		if m := beforeVersion().FindStringSubmatch(a[:x[i][0]]); m != nil {
			return m[1], from, to
		}
		if m := asksVersion().FindStringSubmatch(command); m != nil {
			return m[1], from, to
		}
		return "a version", from, to
	}
	return "a version", from, to
}

// findVariables looks for lines that only one output has and that tell of a variable. Each variable is told of once.
func (c *comparison) findVariables(p pair, o *outputs) bool {
	found := false
	told := map[string]bool{}
	for _, x := range o.a {
		if name, in := assignment(x.normal); name != "" && !told[name] {
			if j := slices.IndexFunc(o.b, func(t text) bool { other, _ := assignment(t.normal); return other == name }); j >= 0 {
				_, here := assignment(o.b[j].normal)
				told[name], found = true, true
				c.add(c.variable(p, name, in == "", x.at, o.b[j].at, valueMessage(name, in, here)))
			}
		}
	}
	for _, side := range []struct {
		list []text
		ours bool
	}{{hard(o.b), true}, {hard(o.a), false}} {
		for _, x := range side.list {
			name := missingVariable(x.normal)
			if name == "" || told[name] {
				continue
			}
			told[name], found = true, true
			a, b, who := x.at, buildlog.None, "in the cloud"
			if side.ours {
				a, b, who = buildlog.None, x.at, "here"
			}
			c.add(c.variable(p, name, !side.ours, a, b, fmt.Sprintf("the variable %s is missing %s: %s", name, who, x.normal)))
		}
	}
	return found
}

func valueMessage(name, cloud, here string) string {
	switch {
	case here == "":
		return fmt.Sprintf("the variable %s has a value in the cloud and none here", name)
	case cloud == "":
		return fmt.Sprintf("the variable %s has a value here and none in the cloud", name)
	}
	return fmt.Sprintf("the variable %s has one value in the cloud and another here", name)
}

// variable is about a variable that one of the builds lacks, or that has another value there.
func (c *comparison) variable(p pair, name string, cloudLacks bool, a, b int, message string) Difference {
	d := c.difference(Variable, p, a, b, message)
	switch {
	case cloudLacks:
		d.Advice = "set it in the console, under Environment variables, for this branch too"
	case slices.Contains(c.build.EnvNames, name):
		d.Advice = fmt.Sprintf("this build has a variable %s; compare its value with the console's", name)
	default:
		d.Advice = fmt.Sprintf("look for it in the console and pass it on: --env %s=…, or --env-file", name)
	}
	return d
}

// ended is about a command that ended differently. What only the output of the worse one says is the likely reason.
func (c *comparison) ended(p pair, o *outputs) Difference {
	worse, log, list, ours := p.a, c.cloud, o.a, false
	a, b := lastLine(p.a), place(o.b, p.b)
	if rank(p.b) > rank(p.a) {
		worse, log, list, ours = p.b, c.build, o.b, true
		a, b = place(o.a, p.a), lastLine(p.b)
	}
	at, class, more := reason(worse, log, list)
	message := fmt.Sprintf("`%s` %s in the cloud and %s here", p.b.Text, outcomeText(p.a), outcomeText(p.b))
	if more != "" {
		message += ": " + more
	}
	if at != buildlog.None && ours {
		b = at
	} else if at != buildlog.None {
		a = at
	}
	if class == Variable {
		return c.variable(p, missingVariable(normal(log.Lines[at].Text)), !ours, a, b, message)
	}
	d := c.difference(class, p, a, b, message)
	if class == Memory && c.cloud.Memory > 0 && c.build.Memory > 0 {
		d.Advice = fmt.Sprintf("the cloud has %.4g GiB, this build %.4g GiB: %s", c.cloud.Memory, c.build.Memory, d.Advice)
	}
	return d
}

func rank(x *buildlog.Command) int {
	switch x.Outcome {
	case buildlog.OK:
		return 0
	case buildlog.Stopped:
		return 1
	}
	return 2
}

// place is where the better of two outputs parts from the worse one.
func place(only []text, x *buildlog.Command) int {
	if list := hard(only); len(list) > 0 {
		return list[0].at
	}
	return lastLine(x)
}

func lastLine(x *buildlog.Command) int {
	if n := len(x.Output); n > 0 {
		return x.Output[n-1]
	}
	return x.At
}

var (
	outOfMemory = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)heap out of memory|out of memory|cannot allocate memory|\bENOMEM\b|^Killed$|\bOOMKilled\b|signal: killed|SIGKILL`)
	})
	notFound = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`([\w./@+-]+): (?:command )?not found\b`) })
)

// reason looks for why a command did not succeed: at which line, of what kind, in which words.
func reason(x *buildlog.Command, l *buildlog.Log, only []text) (at int, class Class, words string) {
	if x.Outcome == buildlog.Stopped {
		return lastLine(x), Timeout, "its log stops there, as after a timeout"
	}
	for _, t := range only {
		if outOfMemory().MatchString(t.normal) {
			return t.at, Memory, l.Lines[t.at].Text
		}
	}
	if x.OOM || x.Code == 137 {
		return lastLine(x), Memory, "it was killed, which is what happens when memory runs out"
	}
	for _, t := range only {
		if missingVariable(t.normal) != "" {
			return t.at, Variable, l.Lines[t.at].Text
		}
		if m := notFound().FindStringSubmatch(t.normal); m != nil {
			return t.at, Tool, m[1] + " is not there"
		}
	}
	if len(only) > 0 {
		t := only[0]
		if i := slices.IndexFunc(only, func(t text) bool { return strings.Contains(strings.ToLower(t.normal), "error") }); i >= 0 {
			t = only[i]
		}
		return t.at, Result, l.Lines[t.at].Text
	}
	return buildlog.None, Result, ""
}

// printed is about a command that ended the same and printed something else.
func (c *comparison) printed(p pair, o *outputs) (Difference, bool) {
	var a, b int
	o = &outputs{hard(o.a), hard(o.b)}
	var message string
	switch {
	case len(o.a) == 0 && len(o.b) == 0:
		return Difference{}, false
	case len(o.b) == 0:
		a, b = o.a[0].at, lastLine(p.b)
		message = fmt.Sprintf("only in the cloud `%s` prints %q", p.b.Text, c.cloud.Lines[a].Text)
	case len(o.a) == 0:
		a, b = lastLine(p.a), o.b[0].at
		message = fmt.Sprintf("only here `%s` prints %q", p.b.Text, c.build.Lines[b].Text)
	default:
		a, b = o.a[0].at, o.b[0].at
		message = fmt.Sprintf("`%s` prints %q in the cloud and %q here", p.b.Text, c.cloud.Lines[a].Text, c.build.Lines[b].Text)
	}
	d := c.difference(Output, p, a, b, message)
	d.More = max(len(o.a), len(o.b)) - 1
	return d, true
}
