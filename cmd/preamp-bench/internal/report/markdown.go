package report

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/stat"
)

// Document is what the Markdown says around the table.
type Document struct {
	// Axes are the names of the axes in order, with what they are about.
	Axes []Section
	// Plot is the name of the file with the plot; "" without one.
	Plot string
	// Whole is false when only some of the axes were run.
	Whole bool
}

// Section is the heading of an axis, and how it is measured.
type Section struct{ Name, About string }

const intro = `# Performance

This page is generated: ` + "`make bench`" + ` runs every row and writes it. Do not edit it.

`

const method = `## How it is measured

- The sides of a row take turns within each round, and the order is reversed from round to round. A ratio is that of one round:
  what slows down a whole round counts on both sides. The table has medians, and the lowest and the highest ratio. Ratios can be
  trusted; seconds depend on the machine and on its load.
- Before each measurement everything is written to the disk, so that nobody waits for what another one wrote. Nothing is removed
  between rounds, and every round has new folders apart from the old ones: ext4 makes files many times more slowly where others
  were removed a moment ago.
- "preamp" is the program itself, run as a user does. "package" is a process of the bench that calls the package that the program
  uses for it; what it is compared with is a whole process, too.
- The trees are made by the bench, always the same. 40,000 files have 440 MB: half of them about 1 KB or less, a tenth 10 KB or more,
  one of a thousand some megabytes. They are made after a node_modules of 40,341 files (513 MiB; median 956 B), and pack in a
  similar way: gzip -6 makes 25 % of them (28 % there), zstd -3 makes 90 % of what gzip does (90 %), zstd -1 103 % (106 %). The site
  has 5,000 files of 152 MB, of which two thirds are images. The repository has 2,800 files and 3,000 commits, and a server on this
  machine.
- A row that could not be run says why. It does not count as met.

`

// WriteMarkdown writes the page.
func (r Report) WriteMarkdown(out io.Writer, d Document) error {
	w := bufio.NewWriter(out)
	fmt.Fprint(w, intro)
	r.circumstances(w, d)
	if d.Plot != "" {
		fmt.Fprintf(w, "![Time against the number of files, to restore and to save a cache](%s)\n\n", d.Plot)
	}
	for _, a := range d.Axes {
		r.axis(w, a)
	}
	fmt.Fprint(w, method)
	return w.Flush()
}

func (r Report) circumstances(w io.Writer, d Document) {
	fmt.Fprintf(w, "**%d goals met, %d missed, %d not run.**", r.Count(Met), r.Count(Missed), r.Count(NotRun))
	if !d.Whole {
		fmt.Fprint(w, " Only some of the axes were run.")
	}
	if r.Scale != 1 {
		fmt.Fprintf(w, " The inputs had %s of their size, for which the goals are not meant.", number(r.Scale))
	}
	m := r.Machine
	fmt.Fprintf(w, "\n\n%s, preamp %s, %s in %s. %d × %s, %s, %s, %s; %s.\n", r.Started.UTC().Format("2 January 2006, 15:04 MST"),
		r.Preamp, rounds(r.Rounds), r.Took.Round(time.Second), m.CPUs, m.CPU, Format(Bytes, float64(m.Memory)), m.System, m.Disk, m.Engine)
	fmt.Fprintf(w, "Load averages before %s, after %s", r.LoadBefore, r.LoadAfter)
	if m.CPUs > 0 && r.busy() {
		fmt.Fprint(w, ": the machine had other work meanwhile, so the seconds are too many, and the ratios uncertain")
	}
	fmt.Fprint(w, ".\n")
	if len(r.Installed) > 0 {
		fmt.Fprintf(w, "The bench has installed %s.\n", strings.Join(r.Installed, ", "))
	}
	fmt.Fprintln(w)
}

func rounds(n int) string {
	if n == 1 {
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", n)
}

// busy says whether the machine had other work when the bench began. Its own load is that of the rounds.
func (r Report) busy() bool {
	first, _, _ := strings.Cut(r.LoadBefore, " ")
	load, err := strconv.ParseFloat(first, 64)
	return err == nil && load > float64(r.Machine.CPUs)/2
}

func (r Report) axis(w io.Writer, a Section) {
	var notes []string
	begun := false
	for _, row := range r.Rows {
		if row.Axis != a.Name {
			continue
		}
		if !begun {
			fmt.Fprintf(w, "## %s\n\n%s\n\n", a.Name, a.About)
			fmt.Fprint(w, "| preamp | median | against | median | ratio (lowest–highest) | goal | | load |\n|---|---|---|---|---|---|---|---|\n")
			begun = true
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(row.cells(), " | "))
		if row.Note != "" {
			notes = append(notes, fmt.Sprintf("%s: %s.", row.What, row.Note))
		}
	}
	if begun {
		fmt.Fprintln(w)
	}
	for _, n := range notes {
		fmt.Fprintf(w, "- %s\n", n)
	}
	if len(notes) > 0 {
		fmt.Fprintln(w)
	}
}

func (r Row) cells() []string {
	what, against := cell(r.What), cell(r.Against)
	if r.Verdict() == NotRun {
		why := r.Why
		if why == "" {
			why = "nothing was measured"
		}
		return []string{what, "–", orDash(against), "–", "–", orDash(r.GoalText()), "**not run**: " + cell(why), "–"}
	}
	ratio, theirs := "–", "–"
	if len(r.Ratios) > 0 {
		s := stat.Of(r.Ratios)
		ratio = fmt.Sprintf("%s× (%s–%s)", number(s.Median), number(s.Min), number(s.Max))
		theirs = Format(r.Unit, stat.Median(r.Theirs))
	}
	verdict := map[Verdict]string{Met: "met", Missed: "**missed**", Info: ""}[r.Verdict()]
	return []string{what, Format(r.Unit, stat.Median(r.Ours)), orDash(against), theirs, ratio, orDash(r.GoalText()), verdict, strconv.FormatFloat(r.Load, 'f', 1, 64)}
}

// GoalText is the goal in words such as "≤ 1.15×"; "" for none.
func (r Row) GoalText() string {
	if r.Goal == nil {
		return ""
	}
	sign := "≤ "
	if r.Goal.Below {
		sign = "< "
	}
	if r.Against != "" {
		return sign + strconv.FormatFloat(r.Goal.Limit, 'f', -1, 64) + "×"
	}
	return sign + Format(r.Unit, r.Goal.Limit)
}

// Line says in one line how the row did.
func (r Row) Line() string {
	c := r.cells()
	text := fmt.Sprintf("%s/%s: %s", r.Axis, r.ID, r.Verdict())
	if r.Verdict() == NotRun {
		return strings.ReplaceAll(text+": "+r.Why, "\n", " ")
	}
	text += ": " + r.What + " " + c[1]
	if r.Against != "" {
		text += fmt.Sprintf(", %s %s, %s", r.Against, c[3], c[4])
	}
	if r.Goal != nil {
		text += ", goal " + c[5]
	}
	return text
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}

// Format writes a value with its unit, to three digits.
func Format(u Unit, v float64) string {
	switch u {
	case Seconds:
		if v < 1 {
			return number(v*1000) + " ms"
		}
		return number(v) + " s"
	case Bytes:
		switch {
		case v >= 1<<30:
			return number(v/(1<<30)) + " GiB"
		case v >= 1<<20:
			return number(v/(1<<20)) + " MiB"
		case v >= 1<<10:
			return number(v/(1<<10)) + " KiB"
		}
		return number(v) + " B"
	}
	return number(v)
}

// number has three significant digits, but never fewer than the integer part.
func number(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', min(max(digits, 0), 6), 64)
}
