package layers

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// put makes one file or link, of which e is known, in another folder.
type put func(from *dir, name string, e entry, to *dir) error

// hardLink puts the very same file there.
func hardLink(from *dir, name string, _ entry, to *dir) error { return from.linkTo(name, to, name) }

// replicate puts everything that u shows into d. Where d has something else already, it stays; folders become one.
func replicate(ctx context.Context, u union, d *dir, put put) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	names, err := u.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		e, from, err := u.stat(name)
		if err != nil {
			return err
		}
		switch e.what {
		case nothing:
		case folder:
			err = replicateFolder(ctx, u, d, name, e, put)
		default:
			if err = put(from, name, e, d); errors.Is(err, unix.EEXIST) {
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func replicateFolder(ctx context.Context, u union, d *dir, name string, e entry, put put) error {
	err := d.mkdir(name, 0o700)
	fresh := err == nil
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	to, err := d.sub(name)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil // a file or a link of the checkout
	}
	if err != nil {
		return err
	}
	defer to.close()
	below, err := u.sub(name)
	if err != nil {
		return err
	}
	defer below.close()
	if err := replicate(ctx, below, to, put); err != nil || !fresh {
		return err
	}
	if err := to.f.Chmod(os.FileMode(e.mode & 0o777)); err != nil {
		return err
	}
	return d.setTime(name, e.mtime)
}

// copyFile copies content, permissions and modification time.
func copyFile(from *dir, name string, e entry, to *dir) error {
	if e.what == link {
		target, err := from.readlink(name)
		if err == nil {
			err = to.fail("symlink", name, unix.Symlinkat(target, to.fd(), name))
		}
		if err != nil {
			return err
		}
		return to.setTime(name, e.mtime)
	}
	in, err := from.open(name)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	fd, err := unix.Openat(to.fd(), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return to.fail("create", name, err)
	}
	out := os.NewFile(uintptr(fd), to.join(name))
	_, err = io.Copy(out, in)
	err = errors.Join(err, out.Chmod(os.FileMode(e.mode&0o777)), out.Close())
	if err != nil {
		return err
	}
	return to.setTime(name, e.mtime)
}
