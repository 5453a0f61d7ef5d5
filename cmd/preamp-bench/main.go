// Command preamp-bench measures preamp against the programs and the other runners that it is compared with, side by side on
// one machine, and writes what it has found as docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
)

// The exit codes, besides 0. A bench that could not do its work ends with exitMissed, too: it has not shown that goals are met.
const (
	exitMissed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(Main())
}

// Main is main with an exit code, so that tests can run the command in their own process.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 3 && os.Args[1] == work.Command {
		if err := work.Main(ctx, os.Args[2], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "preamp-bench:", err)
			return exitMissed
		}
		return 0
	}
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// errUsage is a command line that makes no sense.
var errUsage = errors.New("see preamp-bench -help")

// run executes one command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err == nil:
		var ok bool
		if ok, err = o.run(ctx, stdout, stderr); err == nil && !ok {
			return exitMissed
		}
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "preamp-bench:", err)
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitMissed
}
