package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/docker/docker/api/types/mount"

	"github.com/preamp-build/preamp/runner/engine"
)

// overlays is what is known of composing workspaces with this engine.
type overlays struct {
	mu    sync.Mutex
	tried map[string]error // by folder
	// sync makes an overlay without the option volatile, which kernels before 5.10 do not have.
	sync bool
	// failed is why the engine itself could not mount one: it is not asked again.
	failed error
}

// Composes implements engine.Composer. The engine makes the mount, through its volume driver "local", so it has to see our
// folders under our paths. We have to read what overlays leave in the upper folder, which takes root.
func (e *Engine) Composes(ctx context.Context, dir string) error {
	e.overlays.mu.Lock()
	defer e.overlays.mu.Unlock()
	if e.overlays.failed != nil {
		return e.overlays.failed
	}
	if err, ok := e.overlays.tried[dir]; ok {
		return err
	}
	err := e.tryComposing(ctx, dir)
	if ctx.Err() != nil {
		return err // says nothing about the engine
	}
	if e.overlays.tried == nil {
		e.overlays.tried = map[string]error{}
	}
	e.overlays.tried[dir] = err
	return err
}

func (e *Engine) tryComposing(ctx context.Context, dir string) error {
	switch {
	case e.copy:
		return errors.New("the engine does not see this machine's folders")
	case os.Geteuid() != 0:
		return errors.New("only root can read what an overlay leaves")
	case strings.ContainsAny(dir, stackSpecial):
		return fmt.Errorf("the path %q has characters that mean something in mount options", dir)
	}
	info, err := e.info(ctx)
	if err != nil {
		return err
	}
	kernel, err := kernelRelease()
	switch {
	case err != nil:
		return err
	case info.KernelVersion != kernel:
		return fmt.Errorf("the engine runs on another kernel (%s) than preamp (%s)", info.KernelVersion, kernel)
	case !e.sharesUsers(info) || hasOption(info, "rootless"):
		return errors.New("the engine's root is another user than ours")
	case hasOption(info, "selinux"):
		return errors.New("SELinux keeps containers out of folders that have no label for them")
	case e.isPodman(ctx):
		return errors.New("it was never tried with Podman") // whose volumes are mounted by a program with rules of its own
	}
	e.overlays.sync = false
	err = tryOverlay(dir, e.overlays.options())
	if err != nil {
		e.overlays.sync = true
		err = tryOverlay(dir, e.overlays.options())
	}
	return err
}

// Characters with a meaning in mount options, some of which the engine interprets itself and cannot be told to leave alone.
const stackSpecial = ":,\\\"\n"

// options are those of a build's overlay.
//
//   - redirect_dir: a folder that lies below can be renamed, as anywhere else. Without it the build is told EXDEV; npm then
//     copies, and mv does, but not every program knows how to.
//   - index and metacopy off, whatever this kernel does by default: both make the upper folder depend on these very folders
//     below it, and what is kept of it is to be put above others.
//   - volatile: nothing is waited for until it is on the disk. Unmounting would otherwise write out the whole file system. A
//     build that does not survive a power failure begins anew.
func (o *overlays) options() string {
	s := "redirect_dir=on,index=off,metacopy=off"
	if !o.sync {
		s += ",volatile"
	}
	return s
}

// maxOptions is how many bytes the kernel takes, one page, less what the engine may add.
const maxOptions = 4096 - 128

// stackMount mounts a stack by the engine. The volume has no name of ours, so it goes when its container is removed.
func (e *Engine) stackMount(spec engine.Spec) ([]mount.Mount, error) {
	s := spec.Stack
	e.overlays.mu.Lock()
	options := e.overlays.options()
	e.overlays.mu.Unlock()
	options = fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,%s", strings.Join(s.Lower, ":"), s.Upper, s.Work, options)
	var why string
	switch {
	case len(options) > maxOptions:
		why = fmt.Sprintf("%d folders are too many", len(s.Lower))
	case len(s.Lower) == 0:
		why = "there is nothing to compose it of"
	case strings.ContainsAny(strings.Join(s.Lower, "")+s.Upper+s.Work, stackSpecial):
		why = "the path of a folder has characters that mean something in mount options"
	}
	if why != "" {
		return nil, &engine.Error{Kind: engine.KindNotComposed, Message: "the workspace cannot be composed", Err: errors.New(why)}
	}
	return []mount.Mount{{
		Type: mount.TypeVolume, Target: spec.Dir,
		VolumeOptions: &mount.VolumeOptions{
			NoCopy: true, Labels: spec.Owner.Labels(),
			DriverConfig: &mount.Driver{Name: "local", Options: map[string]string{"type": "overlay", "device": "overlay", "o": options}},
		},
	}}, nil
}

// stackError recognises the failure of a mount, which the engine makes when it starts the container or puts something into it.
func (c *buildContainer) stackError(err error) error {
	if err == nil || c.spec.Stack == nil || !mountFailed(err) {
		return err
	}
	failed := &engine.Error{Kind: engine.KindNotComposed, Message: "the engine cannot compose the workspace", Err: err}
	c.e.overlays.mu.Lock()
	defer c.e.overlays.mu.Unlock()
	c.e.overlays.failed = failed
	return failed
}

func mountFailed(err error) bool {
	text := err.Error()
	return strings.Contains(text, "error while mounting volume") || strings.Contains(text, "failed to mount local volume") ||
		strings.Contains(text, "error evaluating symlinks from mount source")
}

// settleStack makes an overlay that is not mounted any more fit to be mounted again. A volatile one forbids it, because
// after a crash nobody would know what of it is on the disk; here the kernel is still the one that wrote it.
func (c *buildContainer) settleStack() error {
	if c.spec.Stack == nil {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(c.spec.Stack.Work, "work", "incompat")); err != nil {
		return &engine.Error{Message: "settle the composed workspace", Err: err}
	}
	return nil
}

// showStack mounts what the build sees at Spec.Workspace, read-only. While the build runs, what it changes later may not
// be seen there, so that every call mounts anew.
func (c *buildContainer) showStack() error {
	if err := c.hideStack(); err != nil {
		return err
	}
	s := c.spec.Stack
	options := fmt.Sprintf("lowerdir=%s:%s,redirect_dir=follow,index=off,metacopy=off", s.Upper, strings.Join(s.Lower, ":"))
	if err := mountOverlay(c.spec.Workspace, options, true); err != nil {
		return &engine.Error{Message: "look at what the build left", Err: err}
	}
	c.merged = true
	return nil
}

func (c *buildContainer) hideStack() error {
	if !c.merged {
		return nil
	}
	if err := engine.Unmount(c.spec.Workspace); err != nil {
		return &engine.Error{Message: "let go of what the build left", Err: err}
	}
	c.merged = false
	return nil
}
