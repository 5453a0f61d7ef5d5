// Command testsummary reads what `go test -json` prints and says what a person has to know: a line for each package as it
// ends, failures in full, then every skipped test with its reason, and at last
//
//	N passed, N failed, N skipped
//
// It exits with 1 when anything failed, or nothing was run at all, and with -require-docker also when a test was skipped
// for want of a container engine or its image. A test with subtests counts as its subtests. The exit code of `go test`
// itself is lost in a pipe: run it under pipefail.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	requireDocker := flag.Bool("require-docker", false, "fail when a test was skipped for want of a container engine or its image")
	flag.Parse()
	ok, err := run(os.Stdin, os.Stdout, *requireDocker)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run summarises the events of in on out and says whether all is well. The error is one of reading.
func run(in io.Reader, out io.Writer, requireDocker bool) (ok bool, err error) {
	report := newReport(out)
	if err := report.read(in); err != nil {
		return false, err
	}
	report.unfinished()
	return report.close(requireDocker), nil
}

// ofDocker finds the skip reasons that a working container engine would have removed.
var ofDocker = regexp.MustCompile(`(?i)\b(dockerd?|engine|image)\b`)

// close prints the skips and the closing line.
func (r *report) close(requireDocker bool) (ok bool) {
	docker := 0
	if len(r.skips) > 0 {
		fmt.Fprintln(r.out, "\nSkipped:")
	}
	for _, s := range r.skips {
		mark := ""
		if ofDocker.MatchString(s.reason) {
			docker++
			if requireDocker {
				mark = "  <- not allowed here"
			}
		}
		fmt.Fprintf(r.out, "  %s %s: %s%s\n", s.pkg, s.test, s.reason, mark)
	}
	fmt.Fprintln(r.out)
	if requireDocker && docker > 0 {
		fmt.Fprintf(r.out, "%d of the skipped tests need a container engine or its image, and they must run here.\n", docker)
		r.failed, r.skipped = r.failed+docker, r.skipped-docker
	}
	if r.passed+r.failed+r.skipped == 0 {
		fmt.Fprintln(r.out, "No test was run.")
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return r.failed == 0 && r.passed+r.skipped > 0
}

// shorten takes the common part off a package's import path.
func shorten(pkg string) string {
	pkg = strings.TrimPrefix(pkg, "github.com/preamp-build/preamp")
	if pkg = strings.TrimPrefix(pkg, "/"); pkg == "" {
		return "."
	}
	return pkg
}
