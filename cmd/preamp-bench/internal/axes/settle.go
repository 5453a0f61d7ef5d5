package axes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	probes     = 4   // folders, each in another place of the disk
	probeFiles = 500 // in each
	// slowFile is what making an empty file takes on no disk but one that has just removed many: some 20 µs are usual, and some
	// 500 then.
	slowFile = 200 * time.Microsecond
	patience = 6 * time.Minute // ext4 itself has forgotten after that
)

// Settle waits until files can be made as fast as usual. For some minutes after many were removed, by an earlier run of the bench
// for example, ext4 makes new ones up to thirty times more slowly, and every figure about files would be about that.
func (b *Bench) Settle(ctx context.Context) error {
	for began := time.Now(); ; {
		took, err := b.probe()
		if err != nil || took < slowFile {
			return err
		}
		if time.Since(began) > patience {
			b.Say("making a file takes %v: this disk is slow, or busy", took)
			return nil
		}
		b.Say("making a file takes %v: waiting until the disk has forgotten what was removed", took)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(15 * time.Second):
		}
	}
}

// probe is how long making a file takes in the slowest of some new folders.
func (b *Bench) probe() (slowest time.Duration, err error) {
	for range probes {
		dir, err := b.Folder("probe")
		if err != nil {
			return 0, err
		}
		began := time.Now()
		for i := range probeFiles {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600); err != nil {
				return 0, err
			}
		}
		slowest = max(slowest, time.Since(began)/probeFiles)
	}
	return slowest, nil
}
