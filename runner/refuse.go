package runner

import (
	"context"
	"time"

	"github.com/preamp-build/preamp/runner/redact"
)

// Refuse is Run for a job that cannot be begun, because it could not be read or its engine could not be chosen: who waits
// for a result gets one. err says why; the cause of ctx comes first when that has ended. version is preamp's own. out is
// the job's output folder; empty: it has none, and no file is written. emit gets the last two events; it may be nil.
func Refuse(ctx context.Context, version, out string, err error, emit func(Stamped)) *Result {
	if emit == nil {
		emit = func(Stamped) {}
	}
	b := &build{
		r: &Runner{Version: version}, job: Job{Out: out}, emit: emit, redactor: redact.New(),
		result: &Result{Version: ResultVersion, Preamp: version, Started: time.Now().UTC()},
	}
	return b.finish(ctx, err)
}
