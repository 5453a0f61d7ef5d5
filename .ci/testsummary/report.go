package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is one line of `go test -json`, as `go doc test2json` and `go help buildjson` describe it.
type event struct {
	Action      string
	Package     string
	ImportPath  string // in place of Package, in what the compiler says
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string // ImportPath of what could not be compiled
}

// report is what is known so far.
type report struct {
	out      io.Writer
	packages map[string]*pkg
	builds   map[string]*strings.Builder // what the compiler said, by ImportPath
	skips    []skip

	passed, failed, skipped int
}

// pkg is a package that has begun and not ended.
type pkg struct {
	output strings.Builder // outside of tests
	order  []string
	tests  map[string]*test
}

type test struct {
	output   strings.Builder
	action   string // pass, fail or skip; "" while it runs
	children []string
}

type skip struct{ pkg, test, reason string }

func newReport(out io.Writer) *report {
	return &report{out: out, packages: map[string]*pkg{}, builds: map[string]*strings.Builder{}}
}

// read takes in all events. Lines that are none, such as the go tool's own messages, are passed on.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprintf(r.out, "%s\n", bytes.TrimRight(line, "\r\n"))
			} else {
				r.add(e)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) add(e event) {
	switch {
	case e.Action == "build-output":
		b := r.builds[e.ImportPath]
		if b == nil {
			b = &strings.Builder{}
			r.builds[e.ImportPath] = b
		}
		b.WriteString(e.Output)
	case e.Package == "":
	case e.Test != "":
		t := r.pkg(e.Package).test(e.Test)
		switch e.Action {
		case "output":
			t.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			t.action = e.Action
		}
	case e.Action == "output":
		r.pkg(e.Package).output.WriteString(e.Output)
	case e.Action == "pass", e.Action == "fail", e.Action == "skip":
		r.end(e)
	}
}

func (r *report) pkg(name string) *pkg {
	p := r.packages[name]
	if p == nil {
		p = &pkg{tests: map[string]*test{}}
		r.packages[name] = p
	}
	return p
}

func (p *pkg) test(name string) *test {
	t := p.tests[name]
	if t == nil {
		t = &test{}
		p.tests[name] = t
		p.order = append(p.order, name)
		// A subtest's name may hold slashes of its own, so its parent is the longest prefix that is a test.
		for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
			if parent := p.tests[name[:i]]; parent != nil {
				parent.children = append(parent.children, name)
				break
			}
		}
	}
	return t
}

// end counts a package's tests and prints its line, and its failures in full.
func (r *report) end(e event) {
	p := r.pkg(e.Package)
	delete(r.packages, e.Package)
	failed := 0
	var skips []skip
	for _, name := range p.order {
		t := p.tests[name]
		switch {
		case t.action == "skip":
			skips = append(skips, skip{shorten(e.Package), name, reason(t.output.String())})
		case t.action == "pass" && len(t.children) == 0:
			r.passed++
		case t.action != "pass" && !p.failedBelow(t):
			failed++
		}
	}
	if e.Action == "fail" && failed == 0 {
		failed = 1 // did not compile, or failed outside of its tests
	}
	r.failed += failed
	r.skipped += len(skips)
	r.skips = append(r.skips, skips...)
	if len(p.order) == 0 && failed == 0 {
		return // no tests
	}
	r.line(e, len(p.order), failed, len(skips))
	if e.Action == "fail" {
		r.details(e, p)
	}
}

// failedBelow says whether a failure of t is its subtests' and counts there.
func (p *pkg) failedBelow(t *test) bool {
	return slices.ContainsFunc(t.children, func(name string) bool { return p.tests[name].action == "fail" })
}

func (r *report) line(e event, tests, failed, skipped int) {
	word := "ok  "
	if e.Action == "fail" {
		word = "FAIL"
	}
	fmt.Fprintf(r.out, "%s  %6.1fs  %s", word, e.Elapsed, shorten(e.Package))
	switch {
	case e.FailedBuild != "":
		fmt.Fprint(r.out, ": does not compile")
	case failed > 0:
		fmt.Fprintf(r.out, ": %d failed", failed)
	case tests > 0 && tests == skipped:
		fmt.Fprint(r.out, ": all skipped")
	case skipped > 0:
		fmt.Fprintf(r.out, ": %d skipped", skipped)
	}
	fmt.Fprintln(r.out)
}

// details prints everything that failed tests, the compiler and the package itself have said.
func (r *report) details(e event, p *pkg) {
	if b := r.builds[e.FailedBuild]; b != nil {
		r.indented(b.String())
	}
	for _, name := range p.order {
		if t := p.tests[name]; t.action == "fail" || t.action == "" {
			r.indented(t.output.String())
		}
	}
	r.indented(p.output.String())
}

// noise are the lines that only frame what a test prints.
var noise = regexp.MustCompile(`^\s*(=== (RUN|PAUSE|CONT|NAME) |PASS$|FAIL$|FAIL\t)`)

func (r *report) indented(text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && !noise.MatchString(line) {
			fmt.Fprintf(r.out, "    %s\n", line)
		}
	}
}

// unfinished ends the packages whose end was never told: the run was killed.
func (r *report) unfinished() {
	for _, name := range slices.Sorted(maps.Keys(r.packages)) {
		r.pkg(name).output.WriteString("The run ended before this package did.\n")
		r.end(event{Action: "fail", Package: name})
	}
}

// place is the "file.go:12: " in front of what a test logs.
var place = regexp.MustCompile(`^\s*[^\s:]+\.go:\d+: `)

// reason is what t.Skip said: what the test has printed, on one line, without the frame.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if noise.MatchString(line) || strings.HasPrefix(strings.TrimSpace(line), "--- SKIP: ") {
			continue
		}
		if line = strings.TrimSpace(place.ReplaceAllString(line, "")); line != "" {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
