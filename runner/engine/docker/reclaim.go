package docker

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	apicontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/system"

	"github.com/preamp-build/preamp/runner/engine"
)

// labelUser says to whom ("uid:gid") the files belong that the container writes as another user. Reap gives them back
// when the process that should have done it is dead, whoever runs it.
const labelUser = "preamp.user"

func ourUser() string { return fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()) }

// writesForeign reports whether files that a build writes into a mounted folder belong to another user than ours: root's,
// when the engine runs as root and we do not. A rootless engine's root is we. Engines of a Mac run in a virtual machine
// that shares folders with everything in them belonging to their user.
func writesForeign(host system.Info) bool {
	return runtime.GOOS == "linux" && os.Geteuid() != 0 && !hasOption(host, "rootless")
}

// reclaimTimeout is how long it may take to give a tree back; it grows with the number of files.
const reclaimTimeout = 2 * time.Minute

// reclaimScript gives a tree to a user. Links are not followed; what their owner could not read or enter he can.
const reclaimScript = `chown -R -h "$1" "$2" && chmod -R u+rX "$2"`

// reclaim gives all files in folder to user ("uid:gid"), who could neither read nor remove them otherwise. It takes a
// container of its own, from the image that is there already: the build's has ended, and what it holds now is the
// build's work, programs included.
func (e *Engine) reclaim(ctx context.Context, build, image, folder, user string) error {
	ctx, cancel := context.WithTimeout(ctx, reclaimTimeout)
	defer cancel()
	const target = "/workspace"
	config := &apicontainer.Config{
		Image: image, User: "0:0", WorkingDir: "/", Labels: engine.NewOwner(build).Labels(),
		Entrypoint: []string{"sh", "-c", reclaimScript, "sh", user, target},
	}
	host := &apicontainer.HostConfig{
		NetworkMode: "none", CapDrop: []string{"ALL"}, CapAdd: []string{"CHOWN", "FOWNER", "DAC_OVERRIDE"},
		SecurityOpt: []string{"no-new-privileges"}, ReadonlyRootfs: true,
		Mounts: []mount.Mount{{Type: mount.TypeBind, Source: folder, Target: target}},
	}
	res, err := e.once(ctx, config, host)
	if err == nil && res.code != 0 {
		err = fmt.Errorf("exit code %d: %s", res.code, res.stderr)
	}
	if err != nil {
		return &engine.Error{
			Message: "take over the files that the build wrote as root in " + folder,
			Hint:    fmt.Sprintf("sudo chown -R %s %s", user, folder), Err: err,
		}
	}
	return nil
}
