package testreport

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/preamp-build/preamp/artifacts"
)

// Options say where to look for reports.
type Options struct {
	// Root is the repository's folder on this machine. It is trusted, its content is not.
	Root string
	// Base is the folder that patterns are relative to: the base directory of the test section's artifacts, relative to Root
	// and with slashes. "" is Root itself.
	Base string
	// Config is the test section's configFilePath, a pattern; "" when there is none.
	Config string
	// Dir is Root as the build saw it, absolute. Names of files in reports are made relative to it. Default: they stay
	// as they are.
	Dir string
	// Since is when the tests began. A file that was written before is not their report; two seconds are allowed for
	// clocks and file systems that are less exact. Default, also for builds on a machine with another clock: no limit.
	Since time.Time
}

// usual are the names that tools give their reports. JUnit's has none of its own.
var (
	usualMochawesome = []string{"**/mochawesome*.json"}
	usualJUnit       = []string{
		"**/*[jJ][uU]nit*.xml", "**/TEST-*.xml", "**/*test-results*.xml", "**/*test-report*.xml", "**/*test_results*.xml",
		"**/*test_report*.xml", "**/test-results/**/*.xml", "**/test-reports/**/*.xml", "**/report.xml", "**/results.xml",
	}
)

// Read finds the reports of a run of tests and adds them up. The Summary is nil when there is none with a test in it. The
// problems are worth a warning each; they never hide results that could be read. It ends early, with a problem that says so, when ctx
// does.
//
// The reports are streamed: Read keeps some megabytes whatever their size.
func Read(ctx context.Context, o Options) (*Summary, []Problem) {
	r := &reader{o: o}
	root, err := os.OpenRoot(o.Root)
	if err != nil {
		return nil, []Problem{{Message: fmt.Sprintf("test reports: open the repository: %v", err)}}
	}
	defer root.Close() //nolint:errcheck // it was only read
	r.root = root
	if o.Config != "" {
		if s := r.configured(ctx); s != nil || ctx.Err() != nil {
			return s, r.problems
		}
	}
	for _, usual := range [][]string{usualMochawesome, usualJUnit} {
		if s := r.read(ctx, r.find(ctx, usual), false); s != nil || ctx.Err() != nil {
			return s, r.problems
		}
	}
	return nil, r.problems
}

// reader is one call of Read.
type reader struct {
	o        Options
	root     *os.Root
	problems []Problem
	total    int64 // bytes that were read
}

func (r *reader) problem(file, format string, args ...any) {
	switch p := (Problem{File: file, Message: fmt.Sprintf(format, args...)}); {
	case len(r.problems) < maxProblems:
		r.problems = append(r.problems, p)
	case len(r.problems) == maxProblems:
		r.problems = append(r.problems, Problem{Message: "there are more problems with test reports"})
	}
}

// configured reads what configFilePath names.
func (r *reader) configured(ctx context.Context) *Summary {
	files := r.find(ctx, []string{r.o.Config})
	if len(files) == 0 {
		if ctx.Err() == nil {
			r.problem("", "configFilePath %q matches no report of this run in %q", r.o.Config, cmp.Or(r.o.Base, "."))
		}
		return nil
	}
	return r.read(ctx, files, true)
}

// find lists the files that match, sorted by path.
func (r *reader) find(ctx context.Context, patterns []string) []artifacts.File {
	if !strings.Contains(strings.Join(patterns, " "), "node_modules") {
		patterns = append(patterns[:len(patterns):len(patterns)], "!**/node_modules/**")
	}
	found, err := artifacts.Select(ctx, artifacts.Options{Root: r.o.Root, Base: r.o.Base, Files: patterns})
	if err != nil {
		r.problem("", "test reports: %v", err)
		return nil
	}
	var files []artifacts.File
	for _, f := range found.Files {
		if f.Link == "" && r.current(f) {
			files = append(files, f)
		}
	}
	if len(files) > MaxFiles {
		r.problem("", "there are %d test reports; only the first %d are read", len(files), MaxFiles)
		files = files[:MaxFiles]
	}
	return files
}

// current reports whether a file was written by this run. One that is gone will be noticed when it is opened.
func (r *reader) current(f artifacts.File) bool {
	if r.o.Since.IsZero() {
		return true
	}
	info, err := r.root.Lstat(f.Source)
	return err != nil || !info.ModTime().Before(r.o.Since.Add(-2*time.Second))
}

// read adds up the files. named says that somebody named them as reports; otherwise those that are none are passed over.
func (r *reader) read(ctx context.Context, files []artifacts.File, named bool) *Summary {
	books := map[string]*book{Mochawesome: newBook(r.o.Dir), JUnit: newBook(r.o.Dir)}
	for _, f := range files {
		err := r.one(ctx, f, books)
		if ctx.Err() != nil {
			r.problem("", "the reading of test reports was stopped: %v", context.Cause(ctx))
			break
		}
		var why *errReport
		switch {
		case err == nil, errors.Is(err, errOther) && !named:
		case errors.Is(err, errOther):
			r.problem(f.Source, "this is neither a report of mochawesome nor one in JUnit's format")
		case errors.As(err, &why):
			r.problem(f.Source, "%s", why.reason)
		default:
			r.problem(f.Source, "%v", err)
		}
	}
	for _, format := range []string{Mochawesome, JUnit} {
		if s := &books[format].summary; s.Total() > 0 {
			return s
		}
	}
	return nil
}

// one reads one file into the book of its format.
func (r *reader) one(ctx context.Context, f artifacts.File, books map[string]*book) error {
	if f.Size > MaxFileSize || r.total+f.Size > maxTotal {
		return notThis("the report has %d bytes: at most %d in one file, and %d in all, are read", f.Size, MaxFileSize, int64(maxTotal))
	}
	r.total += f.Size
	file, err := artifacts.OpenRegular(r.root, f.Source)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	in := decoded(&contextReader{ctx: ctx, r: io.LimitReader(file, f.Size)})
	format, parse := JUnit, readJUnit
	switch first := firstByte(in); first {
	case '<':
	case '{', '[':
		format, parse = Mochawesome, readMochawesome
	default:
		return errOther
	}
	b := books[format]
	b.begin(f.Source, format)
	err = parse(in, b)
	if !errors.Is(err, errOther) {
		b.end()
	}
	return err
}

// firstByte returns the first one that is not white space, without taking it; 0 if there is none near the beginning.
func firstByte(in *bufio.Reader) byte {
	for n := 1; n <= 1024; n++ {
		head, err := in.Peek(n)
		if err != nil {
			return 0
		}
		if c := head[n-1]; !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c
		}
	}
	return 0
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // io.Reader has no place for it, and it lives for one call
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
