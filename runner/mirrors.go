package runner

import (
	"context"
	"path/filepath"
	"time"

	"github.com/preamp-build/preamp/runner/source"
)

// mirrorLimits bound what is kept of repositories that are cloned.
var mirrorLimits = source.MirrorLimits{Bytes: 10 << 30, Age: 30 * 24 * time.Hour}

// mirrors is where what was cloned is kept from build to build.
func (r *Runner) mirrors() string { return filepath.Join(r.State, "mirrors") }

// PruneMirrors removes what was kept of repositories that no build has used for a month and, when all of it takes more than
// 10 GiB, what was not used for longest. What running builds are using stays. It returns what it removed, also with an
// error.
func (r *Runner) PruneMirrors(ctx context.Context) ([]source.Pruned, error) {
	return source.PruneMirrors(ctx, r.mirrors(), mirrorLimits, time.Now())
}
