// Package advice says what would make the next build cheaper, from the numbers of this one. It is a pure function: what is
// not among the numbers is not said, and where everything is fine nothing is.
//
//	advice.go    what a piece of advice is
//	facts.go     the numbers
//	cache.go     what the cache cost, saved and holds
//	memory.go    memory against the service's instances
//	catalog.go   what every id means, for preamp explain and the manual
package advice

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Advice is one thing worth knowing about a build.
type Advice struct {
	ID      string `json:"id"`             // stable, kebab-case; see Catalog
	Message string `json:"message"`        // one sentence without a final full stop
	Help    string `json:"help,omitempty"` // what to do; empty: nothing needs to be done
	// File, Line and Column are where it is about; absent where it is about the build as a whole.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Rule is the rule of preamp validate that says the same before the build, without its numbers.
	Rule string `json:"rule,omitempty"`
	// Numbers are those of the message, for programs: seconds, bytes and counts, as their names say.
	Numbers map[string]float64 `json:"numbers,omitempty"`
}

// Max is how many pieces of advice a build gets; the most important ones come first.
const Max = 5

// Of gives the advice for a build, the most important first.
func Of(f Facts) []Advice {
	var list []Advice
	for _, rule := range []func(*Facts) *Advice{
		heapExhausted, memoryNearLimit,
		npmCi, modulesReplaced, cacheCosts, cacheNearLimit, pathsEmpty, cacheGrows, cacheLarge,
		sizeTooLarge, cacheSaves,
	} {
		if a := rule(&f); a != nil && len(list) < Max {
			list = append(list, *a)
		}
	}
	return list
}

// at gives a piece of advice its place.
func (a *Advice) at(p Place) *Advice {
	if p.Line > 0 {
		a.File, a.Line, a.Column = p.File, p.Line, p.Column
	}
	return a
}

func bytesOf(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

func memoryOf(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// Took is a duration as people read it, exact enough to be compared with others: "14ms", "1.2s", "18.3s", "2m05s".
func Took(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Took(-d)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond).Milliseconds())
	case d < time.Minute-50*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

// commandName is a command in a sentence: its first line, cut.
func commandName(text string) string {
	const most = 60
	line, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	r := []rune(strings.TrimSpace(line))
	if len(r) > most {
		return "`" + string(r[:most]) + "…`"
	}
	if strings.TrimSpace(rest) != "" {
		return "`" + string(r) + " …`"
	}
	return "`" + string(r) + "`"
}
