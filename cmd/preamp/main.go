// Command preamp builds what AWS Amplify Hosting would build, anywhere: it reads a repository's amplify.yml, runs its
// phases in a container and leaves the artifacts.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/preamp-build/preamp/runner"
)

func main() {
	if os.Getenv("GOGC") == "" {
		tuneMemory()
	}
	os.Exit(Main())
}

// tuneMemory decides when the heap is collected. The large buffers for caches take 40 MiB, and by default the heap may grow to
// twice what is in use: collecting earlier costs little where there are few pointers. But a build without a cache hardly
// needs more than what the first collection waits for, and so does none at all.
func tuneMemory() {
	debug.SetGCPercent(firstCollection * 100 / smallestHeap)
	first := new([32]byte) // larger than what the allocator puts together with other things
	runtime.AddCleanup(first, func(percent int) { debug.SetGCPercent(percent) }, 50)
}

const (
	firstCollection = 8 // MiB
	smallestHeap    = 4 // MiB that the runtime lets a heap have before it is collected, at 100 percent
)

// Main is main with an exit code, so that tests can run the command in their own process.
func Main() int {
	// A reader that goes away must not kill us before the container is gone: the failed write cancels the build instead.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	stop := cancelOnSignal(cancel)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// run executes one command line and says how it ended.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var code exitCode
	if errors.As(err, &code) { // what there is to say has been said
		return int(code)
	}
	fmt.Fprintln(stderr, "preamp:", err)
	var f *runner.Failure
	if errors.As(err, &f) {
		return f.ExitCode()
	}
	return int(runner.ClassUsage)
}

// exitCode ends the program with a code and without a message.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// cancelOnSignal cancels the work on the first signal and leaves at once on the second; what is left then is removed by
// the next start.
func cancelOnSignal(cancel context.CancelCauseFunc) (stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		first, ok := <-signals
		if !ok {
			return
		}
		number, _ := first.(syscall.Signal)
		fmt.Fprintf(os.Stderr, "\npreamp: %s: stopping the build and cleaning up (again to leave at once)\n", unix.SignalName(number))
		cancel(runner.Interrupted{Signal: unix.SignalName(number), Code: 128 + int(number)})
		if _, ok := <-signals; ok {
			os.Exit(128 + int(number))
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
