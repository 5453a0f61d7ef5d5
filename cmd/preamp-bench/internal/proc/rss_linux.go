package proc

import (
	"os"
	"runtime/debug"
)

// rssUnit is in what the kernel counts resident memory.
const rssUnit = 1 << 10

// forget gives back what this process does not need, and has the kernel forget how much that was: it counts the most that a
// process has ever had resident as its child's, too. Where it cannot, figures of small children are too high.
func forget() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}
