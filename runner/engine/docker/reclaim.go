package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	apicontainer "github.com/docker/docker/api/types/container"

	"github.com/preamp-build/preamp/runner/engine"
)

// labelUser says to whom the files in a container's workspace go in the end. Reap gives them back when the process that
// should have done it is dead, whoever runs it.
const labelUser = "preamp.user"

// rootless is how a container of a rootless engine sees the user who runs the engine.
const rootless = "0:0"

func ourUser() string { return fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()) }

// reclaimTimeout is how long it may take to give a tree back; it grows with the number of files.
const reclaimTimeout = 2 * time.Minute

// reclaimScript gives a tree to a user. Links are not followed; what their owner could not read or enter he can. What is the
// user's already is not touched: a cache is saved without reading the files in which nothing has changed, not even the
// owner. Changing it takes special bits away, too.
const reclaimScript = `if command -v find >/dev/null; then
	find "$2" \( ! -user "${1%:*}" -o ! -group "${1#*:}" -o ! -type d \( -perm -4000 -o -perm -2000 \) \) -exec chown -h "$1" {} + &&
	find "$2" ! -type l \( ! -perm -400 -o -type d ! -perm -500 \) -exec chmod u+rX {} +
else
	chown -R -h "$1" "$2" && chmod -R u+rX "$2"
fi`

// reclaim gives all files in folder to user (see filesGoTo), who could neither read nor remove them otherwise. It takes a
// container of its own, from the image that is there already: the build's has ended, and what it holds now is the
// build's work, programs included.
func (e *Engine) reclaim(ctx context.Context, build, image, folder, user string) error {
	ctx, cancel := context.WithTimeout(ctx, reclaimTimeout)
	defer cancel()
	if err := e.chown(ctx, build, image, folder, user); err != nil {
		if user == rootless {
			user = ourUser()
		}
		return &engine.Error{
			Message: "take over the files that the build wrote as another user in " + folder,
			Hint:    fmt.Sprintf("sudo chown -R %s %s", user, folder), Err: err,
		}
	}
	return nil
}

// chown runs that container.
func (e *Engine) chown(ctx context.Context, build, image, folder, user string) error {
	const target = "/workspace"
	info, err := e.info(ctx)
	if err != nil {
		return err
	}
	host := &apicontainer.HostConfig{
		NetworkMode: "none", CapDrop: []string{"ALL"}, CapAdd: []string{"CHOWN", "FOWNER", "DAC_OVERRIDE"},
		SecurityOpt: []string{"no-new-privileges"}, ReadonlyRootfs: true,
	}
	if !mountFolder(host, folder, target, e.mountTraits(ctx, folder, info)) {
		return errors.New("this engine cannot mount a folder of that name")
	}
	res, err := e.once(ctx, &apicontainer.Config{
		Image: image, User: "0:0", WorkingDir: "/", Labels: engine.NewOwner(build).Labels(),
		Entrypoint: []string{"sh", "-c", reclaimScript, "sh", user, target},
	}, host)
	if err == nil && res.code != 0 {
		err = fmt.Errorf("exit code %d: %s", res.code, res.stderr)
	}
	return err
}
