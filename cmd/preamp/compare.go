package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/preamp-build/preamp/cmd/preamp/internal/buildlog"
	"github.com/preamp-build/preamp/cmd/preamp/internal/compare"
	"github.com/preamp-build/preamp/runner"
)

func newCompare() *cobra.Command {
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "compare CLOUD.log [BUILD]",
		Short: "Find where a build of preamp and one of the cloud really part",
		Long: `Lay a log that was copied or downloaded from the Amplify console beside a build, and point at the first real difference.

CLOUD.log is the log under Build in the console, of today's runner or of earlier ones, with or without its times; - is
standard input. BUILD is an output folder of preamp build (default: preamp-out), a log of preamp in any form, or another
log of the cloud. Times, hashes, ids, sizes and the noise of package managers are not compared.

Exit codes: 0 the builds are equal, 1 they differ, 2 one of the files is not the log of a build.`,
		Example: `  preamp compare cloud.log
  preamp compare cloud.log preamp-out --all
  preamp compare good.log bad.log --json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			other := "preamp-out"
			if len(args) > 1 {
				other = args[1]
			}
			if args[0] == "-" && other == "-" {
				return usage(errors.New("only one of the logs can be standard input"))
			}
			cloud, errCloud := openLog(cmd.InOrStdin(), args[0])
			build, errBuild := openLog(cmd.InOrStdin(), other)
			if err := errors.Join(errCloud, errBuild); err != nil {
				return logFailure(err)
			}
			report := compare.Compare(cloud, build)
			write := func(w io.Writer) error { return report.Text(w, compare.Options{All: all}) }
			if asJSON {
				write = report.JSON
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("write the comparison: %w", err)
			}
			if !report.Equal {
				return exitCode(1)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "show every difference with its lines, not only the first")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the comparison as JSON")
	return cmd
}

func openLog(stdin io.Reader, name string) (*buildlog.Log, error) {
	if name != "-" {
		return buildlog.Open(name)
	}
	raw, err := buildlog.ReadAll("standard input", stdin)
	if err != nil {
		return nil, err
	}
	return buildlog.Parse("standard input", raw)
}

// logFailure gives errors of both logs at once; the hint is that of the first.
func logFailure(err error) error {
	f := &runner.Failure{Class: runner.ClassUsage, Message: err.Error()}
	var no *buildlog.NotALogError
	if as(err, &no) {
		f.Hint = no.Hint
	}
	return f
}
