package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/axes"
)

const usage = `preamp-bench measures preamp against its peers, in turns on this machine, and writes a page with what it has found.

    preamp-bench [-rounds N] [-only AXIS,AXIS] [-o FILE]
    preamp-bench -check [-rounds N] [-only AXIS,AXIS] [-allow-missing]
    preamp-bench -list

All rows are run, and written with a plot beside it to docs/performance.md. With -only, -check or -json no file is written,
unless -o names one. It takes about half an hour and 45 GB of disk. Nothing else should run on the machine.

-check exits with 1 when a row misses its goal, and says which. A row that could not be run counts as missed, because nobody
knows; with -allow-missing it does not.

What is missing is installed: restic, zip, zstd and rsync by root from Debian, act by go, gitlab-ci-local by npm. The rows that
need packages of npm use the registry that npm is configured for. Everything else stays on this machine.

`

// options are a command line.
type options struct {
	rounds       int
	only         []string
	out          string
	check        bool
	allowMissing bool
	list         bool
	json         bool

	dir, preamp, image string
	scale              float64
	chosen             []axes.Axis
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("preamp-bench", flag.ContinueOnError)
	f.SetOutput(io.Discard) // errors are told once, by main
	var only string
	f.IntVar(&o.rounds, "rounds", 5, "how often everything is measured; medians of fewer than 5 say little")
	f.StringVar(&only, "only", "", "only these axes, with commas between them")
	f.StringVar(&o.out, "o", "", "write the page to this `FILE`, and the plot beside it (default docs/performance.md)")
	f.BoolVar(&o.check, "check", false, "exit with 1 when a goal is missed")
	f.BoolVar(&o.allowMissing, "allow-missing", false, "with -check: rows that could not be run are no failure")
	f.BoolVar(&o.list, "list", false, "list the axes and their rows")
	f.BoolVar(&o.json, "json", false, "write everything that was measured to standard output, as JSON")
	f.StringVar(&o.dir, "dir", os.TempDir(), "make the trees in a new folder below this one: the file system is measured, too")
	f.StringVar(&o.preamp, "preamp", "", "the program to measure (default: built from the sources here, or the one on the PATH)")
	f.StringVar(&o.image, "image", orDefault(os.Getenv("PREAMP_TEST_IMAGE"), "preamp/debian:latest"), "the build image, which the engine has to have")
	f.Float64Var(&o.scale, "scale", 1, "multiply the sizes of the inputs, to try things out")
	err := f.Parse(args)
	switch {
	case err == flag.ErrHelp: //nolint:errorlint // the package returns it as it is
		fmt.Fprint(stderr, usage)
		f.SetOutput(stderr)
		f.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", err, errUsage)
	case f.NArg() > 0:
		return nil, fmt.Errorf("what is %q? (%w)", f.Arg(0), errUsage)
	case o.rounds < 1 || o.scale <= 0:
		return nil, fmt.Errorf("rounds and scale are numbers above 0 (%w)", errUsage)
	case o.allowMissing && !o.check:
		return nil, fmt.Errorf("-allow-missing goes with -check (%w)", errUsage)
	}
	for name := range strings.SplitSeq(only, ",") {
		if name = strings.TrimSpace(name); name != "" {
			o.only = append(o.only, name)
		}
	}
	if o.chosen, err = axes.Choose(axes.All(), o.only); err != nil {
		return nil, fmt.Errorf("%w (%w)", err, errUsage)
	}
	if o.out == "" && !o.check && !o.json && len(o.only) == 0 {
		o.out = filepath.Join("docs", "performance.md")
	}
	return o, nil
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
