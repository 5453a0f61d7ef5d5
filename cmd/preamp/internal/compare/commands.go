package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp/internal/buildlog"
)

// pair is a command of each log; one may be missing.
type pair struct{ a, b *buildlog.Command }

// commands walks through both builds command by command.
func (c *comparison) commands() {
	for i, pairs := 0, c.align(); i < len(pairs); i++ {
		p := pairs[i]
		switch {
		case p.a == nil:
			c.missing(pairs, i, c.build, c.cloud)
		case p.b == nil:
			c.missing(pairs, i, c.cloud, c.build)
		default:
			c.report.Compared++
			if c.key(p.a) != c.key(p.b) || p.a.Where() != p.b.Where() && p.a.Section != "" && p.b.Section != "" {
				c.add(c.changed(p))
			}
			if c.key(p.a) == c.key(p.b) { // another command prints other things
				c.pair(p)
			}
		}
	}
}

func (c *comparison) key(x *buildlog.Command) string {
	return commandKey(x.Text, c.cloud.Old != c.build.Old)
}

// The costs of aligning two commands, in halves: to leave one out on one side, to take one for another.
const (
	leaveOut  = 2
	elsewhere = 1 // the same command in another phase
	similar   = 2
	unlike    = 5 // more than leaving out both
)

// align puts the commands of both builds beside each other at the least cost.
func (c *comparison) align() []pair {
	a, b := limited(c.cloud.Commands), limited(c.build.Commands)
	cost := make([][]int, len(a)+1)
	for i := range cost {
		cost[i] = make([]int, len(b)+1)
	}
	for i := len(a); i >= 0; i-- {
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a):
				cost[i][j] = leaveOut * (len(b) - j)
			case j == len(b):
				cost[i][j] = leaveOut * (len(a) - i)
			default:
				cost[i][j] = min(leaveOut+cost[i+1][j], leaveOut+cost[i][j+1], c.distance(&a[i], &b[j])+cost[i+1][j+1])
			}
		}
	}
	var pairs []pair
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && cost[i][j] == c.distance(&a[i], &b[j])+cost[i+1][j+1]:
			pairs = append(pairs, pair{&a[i], &b[j]})
			i, j = i+1, j+1
		case i < len(a) && cost[i][j] == leaveOut+cost[i+1][j]:
			pairs = append(pairs, pair{a: &a[i]})
			i++
		default:
			pairs = append(pairs, pair{b: &b[j]})
			j++
		}
	}
	return pairs
}

// maxCommands bounds the work for a log that was made to be slow. No build has so many.
const maxCommands = 1500

func limited(cs []buildlog.Command) []buildlog.Command { return cs[:min(len(cs), maxCommands)] }

func (c *comparison) distance(a, b *buildlog.Command) int {
	same := c.key(a) == c.key(b)
	near := a.Where() == b.Where() || a.Section == "" || b.Section == ""
	switch {
	case same && near:
		return 0
	case same:
		return elsewhere
	case near && alike(a.Text, b.Text):
		return similar
	}
	return unlike
}

// alike tells whether two commands share most of their words, or at least their program.
func alike(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) == 0 || len(y) == 0 {
		return false
	}
	common := 0
	for _, w := range x[:min(len(x), 100)] {
		if slices.Contains(y[:min(len(y), 100)], w) {
			common++
		}
	}
	return x[0] == y[0] || common*2 >= max(len(x), len(y))
}

// missing is about a command of one log that the other does not have. It is none where the other did not get so far.
func (c *comparison) missing(pairs []pair, i int, has, lacks *buildlog.Log) {
	if !c.gotSoFar(pairs, i, lacks) {
		return
	}
	x := pairs[i].a
	if x == nil {
		x = pairs[i].b
	}
	d := Difference{
		Class: Command, Where: x.Where(), Command: x.Text,
		Advice: "is the build specification that of the same commit, and does the console hold another one?",
	}
	here, there := spot(has, x.At), spot(lacks, c.neighbour(pairs, i, lacks))
	if has == c.cloud {
		d.Message, d.Cloud, d.Build = fmt.Sprintf("only the cloud runs `%s`", x.Text), here, there
	} else {
		d.Message, d.Cloud, d.Build = fmt.Sprintf("only this build runs `%s`", x.Text), there, here
	}
	// A section that was skipped has been told of.
	if _, skipped := lacks.Skips[x.Section]; !skipped {
		c.add(d)
	}
}

// side is a pair's command of one log.
func (c *comparison) side(p pair, l *buildlog.Log) *buildlog.Command {
	if l == c.cloud {
		return p.a
	}
	return p.b
}

// gotSoFar tells whether a log would have to show the command at place i if its build had had it.
func (c *comparison) gotSoFar(pairs []pair, i int, l *buildlog.Log) bool {
	before, after, failed := false, false, false
	for j, p := range pairs {
		x := c.side(p, l)
		switch {
		case x == nil:
		case j < i:
			before, failed = true, x.Outcome != buildlog.OK
		default:
			after = true
		}
	}
	if l.Cut && !before {
		return false
	}
	if after {
		return true
	}
	// After the last command of a log: it is missing only where the build went on without it.
	if failed || early(l) != nil || l.Failed && len(l.Failures) == 0 {
		return false
	}
	return l.Ended || len(l.Failures) > 0 || l.Files.Known() || l.Headers.Known()
}

// neighbour is the line of the other log where the command would be.
func (c *comparison) neighbour(pairs []pair, i int, l *buildlog.Log) int {
	for j := i + 1; j < len(pairs); j++ {
		if x := c.side(pairs[j], l); x != nil {
			return x.At
		}
	}
	for j := i - 1; j >= 0; j-- {
		if x := c.side(pairs[j], l); x != nil {
			return x.At
		}
	}
	return buildlog.None
}

func (c *comparison) changed(p pair) Difference {
	d := Difference{
		Class: Command, Where: p.b.Where(), Command: p.b.Text, Cloud: spot(c.cloud, p.a.At), Build: spot(c.build, p.b.At),
		Message: fmt.Sprintf("the cloud runs `%s`, this build `%s`", p.a.Text, p.b.Text),
		Advice:  "is the build specification that of the same commit, and does the console hold another one?",
	}
	if c.key(p.a) == c.key(p.b) {
		d.Message = fmt.Sprintf("the cloud runs `%s` in %s, this build in %s", p.a.Text, p.a.Where(), p.b.Where())
	}
	return d
}

// pair compares how a command ended and what it printed.
func (c *comparison) pair(p pair) {
	out := c.outputs(p)
	c.findVersions(p, &out)
	if !sameOutcome(p.a, p.b) {
		c.add(c.ended(p, &out))
		return
	}
	if c.findVariables(p, &out) {
		return
	}
	if d, ok := c.printed(p, &out); ok {
		c.add(d)
	}
}

// sameOutcome takes an exit code that is not told for any but 0.
func sameOutcome(a, b *buildlog.Command) bool {
	if a.Outcome != b.Outcome {
		return false
	}
	return a.Outcome != buildlog.Failed || a.Code == b.Code || a.Code == buildlog.Unknown || b.Code == buildlog.Unknown
}

func outcomeText(x *buildlog.Command) string {
	switch {
	case x.Outcome == buildlog.OK:
		return "succeeds"
	case x.Outcome == buildlog.Stopped:
		return "does not end"
	case x.Code == buildlog.Unknown:
		return "fails"
	}
	return fmt.Sprintf("fails with exit code %d", x.Code)
}
