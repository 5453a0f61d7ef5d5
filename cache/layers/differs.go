package layers

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/preamp-build/preamp/cache"
)

// differs reports whether the upper folder d has any change of a cached file. Times alone are no change: a program that
// looks and writes the same again leaves the cache as good as it was. It stops at the first difference.
func (x *sealer) differs(ctx context.Context, d *dir, below union, at cache.Scope) (bool, error) {
	if err := context.Cause(ctx); err != nil {
		return false, err
	}
	names, err := d.names()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		next, ok := at.Enter(name)
		if !ok {
			continue
		}
		if differs, err := x.differsAt(ctx, d, name, below, next); differs || err != nil {
			return differs, err
		}
	}
	return false, nil
}

func (x *sealer) differsAt(ctx context.Context, d *dir, name string, below union, at cache.Scope) (bool, error) {
	e, err := d.stat(name)
	if err != nil {
		return false, err
	}
	old, from, err := below.stat(name)
	if err != nil {
		return false, err
	}
	switch {
	case e.what == whiteout:
		return old.what != nothing, nil
	case e.what == folder:
		return x.folderDiffers(ctx, d, name, below, at, e, old)
	case !at.Included() || e.what == special:
		return old.what != nothing, nil
	case e.what != old.what:
		return true, nil
	case e.what == link:
		a, errA := d.readlink(name)
		b, errB := from.readlink(name)
		return a != b, errors.Join(errA, errB)
	case e.size != old.size || (e.mode^old.mode)&0o777 != 0:
		return true, nil
	}
	return contentDiffers(d, from, name)
}

func (x *sealer) folderDiffers(ctx context.Context, d *dir, name string, below union, at cache.Scope, e, old entry) (bool, error) {
	attrs, err := d.attributes(name)
	if err != nil {
		return false, err
	}
	for _, a := range attrs {
		if a == attrRedirect || a == attrOpaque && old.what != nothing {
			return true, nil
		}
	}
	if at.Included() && (old.what != folder || (e.mode^old.mode)&0o777 != 0) || old.what != folder && old.what != nothing {
		return true, nil
	}
	sub, err := d.sub(name)
	if err != nil {
		return false, err
	}
	defer sub.close()
	under, err := below.sub(name)
	if err != nil {
		return false, err
	}
	defer under.close()
	return x.differs(ctx, sub, under, at)
}

// contentDiffers compares two files of the same size.
func contentDiffers(a, b *dir, name string) (bool, error) {
	fa, err := a.open(name)
	if err != nil {
		return false, err
	}
	defer func() { _ = fa.Close() }()
	fb, err := b.open(name)
	if err != nil {
		return false, err
	}
	defer func() { _ = fb.Close() }()
	var bufA, bufB [32 << 10]byte
	for {
		n, errA := io.ReadFull(fa, bufA[:])
		m, errB := io.ReadFull(fb, bufB[:])
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return true, nil
		}
		if errA != nil || errB != nil {
			return false, errors.Join(unlessEnd(errA), unlessEnd(errB))
		}
	}
}

func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
