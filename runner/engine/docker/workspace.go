package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/preamp-build/preamp/runner/engine"
)

// fill puts into the created container what it needs before it starts: files of our own, and the workspace where it cannot
// be mounted.
func (c *buildContainer) fill(ctx context.Context) error {
	if own := c.ownFiles(); len(own) > 0 && !typable(own) {
		archive, err := engine.Pack(own)
		if err != nil {
			return fmt.Errorf("pack preamp's own files: %w", err)
		}
		if err := c.copyIn(ctx, archive); err != nil {
			return c.e.classify("put preamp's own files into the container", err)
		}
	}
	if !c.copied {
		return nil
	}
	r, w := io.Pipe()
	defer func() { _ = r.Close() }() // ends the packing, however much of it the engine has read
	go func() { w.CloseWithError(packTree(ctx, w, c.spec.Workspace, c.spec.Dir)) }()
	if err := c.copyIn(ctx, r); err != nil {
		return c.e.classify("put the workspace into the container", err)
	}
	return nil
}

func (c *buildContainer) copyIn(ctx context.Context, archive io.Reader) error {
	return c.e.api.CopyToContainer(ctx, c.id, "/", archive, container.CopyToContainerOptions{})
}

// packTree writes the tree at root as a tar whose entries lie below dir. Everything belongs to root there.
func packTree(ctx context.Context, w io.Writer, root, dir string) error {
	tw := tar.NewWriter(w)
	for parent := range parents(dir) {
		if err := tw.WriteHeader(&tar.Header{Name: parent + "/", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return err
		}
	}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return packEntry(tw, file, path.Join(strings.TrimPrefix(dir, "/"), filepath.ToSlash(rel)), d)
	})
	return errors.Join(err, tw.Close())
}

func packEntry(tw *tar.Writer, file, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	var link string
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		if link, err = os.Readlink(file); err != nil {
			return err
		}
	case !mode.IsRegular() && !mode.IsDir():
		return nil // nothing a repository holds
	}
	hdr, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	hdr.Name, hdr.Uid, hdr.Gid, hdr.Uname, hdr.Gname, hdr.Format = name, 0, 0, "", "", tar.FormatPAX
	if info.IsDir() {
		hdr.Name += "/"
	}
	if err := tw.WriteHeader(hdr); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(tw, f)
	return err
}

// parents yields the folders above dir, outermost first, without a leading slash.
func parents(dir string) func(func(string) bool) {
	return func(yield func(string) bool) {
		dir = strings.Trim(dir, "/")
		for i, r := range dir {
			if r == '/' && !yield(dir[:i]) {
				return
			}
		}
	}
}

// Fetch implements engine.Container.
func (c *buildContainer) Fetch(ctx context.Context, paths ...string) error {
	if c.spec.Stack != nil {
		return c.showStack()
	}
	if !c.copied {
		return nil
	}
	root, err := os.OpenRoot(c.spec.Workspace)
	if err != nil {
		return c.e.classify("fetch the build's files", err)
	}
	defer func() { _ = root.Close() }()
	for _, p := range paths {
		if err := c.fetch(ctx, root, path.Clean(strings.TrimLeft(p, "/"))); err != nil {
			return c.e.classify("fetch "+p+" from the container", err)
		}
	}
	return nil
}

func (c *buildContainer) fetch(ctx context.Context, root *os.Root, p string) error {
	if !filepath.IsLocal(p) {
		return errors.New("it lies outside the repository")
	}
	body, _, err := c.e.api.CopyFromContainer(ctx, c.id, path.Join(c.spec.Dir, p))
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	// What was there before is the state from before the build; files that the build removed must not stay.
	if p != "." {
		if err := removeAll(root, p); err != nil {
			return err
		}
		if err := root.MkdirAll(path.Dir(p), 0o755); err != nil {
			return err
		}
	} else if err := empty(root); err != nil {
		return err
	}
	return unpack(root, path.Dir(p), p == ".", body)
}

func empty(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return err
	}
	for _, name := range names {
		if err := removeAll(root, name); err != nil {
			return err
		}
	}
	return nil
}
