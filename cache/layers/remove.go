package layers

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// errLater says that the time for a removal is over. What is left is removed by the next.
var errLater = errors.New("later")

// removeDepth is how deep a removal goes down before it moves what is deeper up: builds may leave folders without end, and
// each takes a file descriptor.
const removeDepth = 64

// remover removes trees in the folder top.
type remover struct {
	ctx  context.Context //nolint:containedctx // a remover is one call
	top  *dir
	late func() bool // nil: there is no hurry
}

// remove removes name in d with all that is in it. Somebody else may be doing the same.
func (r *remover) remove(d *dir, name string, depth int) error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	if r.late != nil && r.late() {
		return errLater
	}
	err := unix.Unlinkat(d.fd(), name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return d.fail("remove", name, err)
	}
	if depth > removeDepth {
		return d.moveTo(name, r.top, newID()) // and is removed after this
	}
	sub, err := d.sub(name)
	if errors.Is(err, unix.EACCES) {
		// A build that was not root has locked itself out. It is a folder, or unlinking it would not have failed so.
		_ = unix.Fchmodat(d.fd(), name, 0o700, 0)
		sub, err = d.sub(name)
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer sub.close()
	names, err := sub.names()
	if err != nil {
		return err
	}
	if len(names) > 0 && unix.Faccessat(sub.fd(), ".", unix.W_OK|unix.X_OK, 0) != nil {
		_ = unix.Fchmod(sub.fd(), 0o700) // what cannot be changed shows in a moment
	}
	for _, inner := range names {
		if err := r.remove(sub, inner, depth+1); err != nil {
			return err
		}
	}
	err = unix.Unlinkat(d.fd(), name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return d.fail("remove", name, err)
}

// weigh counts what is in name, itself included, and the bytes that it takes up. Of what is too deep or cannot be read it knows
// nothing; for where trees are put that does not matter.
func (d *dir) weigh(ctx context.Context, name string, depth int) (entries int, bytes int64, err error) {
	if err := context.Cause(ctx); err != nil {
		return 0, 0, err
	}
	var st unix.Stat_t
	if unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return 0, 0, nil // somebody else has removed it
	}
	entries, bytes = 1, st.Blocks*512
	if modeOf(&st)&unix.S_IFMT != unix.S_IFDIR || depth > removeDepth {
		return entries, bytes, nil
	}
	sub, err := d.sub(name)
	if err != nil {
		return entries, bytes, nil
	}
	defer sub.close()
	names, err := sub.names()
	if err != nil {
		return entries, bytes, nil
	}
	for _, inner := range names {
		n, b, err := sub.weigh(ctx, inner, depth+1)
		if err != nil {
			return 0, 0, err
		}
		entries, bytes = entries+n, bytes+b
	}
	return entries, bytes, nil
}
