package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

// kitFolder is where a build finds Spec.Kit.
const kitFolder = caFolder + "/kit"

// KitDir implements engine.Engine.
func (e *Engine) KitDir(engine.Spec) string { return kitFolder }

// ownFiles are the files that preamp gives to the build beside the workspace, by their absolute paths.
func (c *buildContainer) ownFiles() []engine.KitFile {
	var own []engine.KitFile
	if len(c.spec.CACerts) > 0 {
		own = append(own, engine.KitFile{Name: caExtra, Mode: 0o644, Data: c.spec.CACerts})
	}
	if len(c.spec.Kit) > 0 {
		own = append(own, engine.KitFile{Name: kitFolder, Mode: fs.ModeDir | 0o755})
	}
	for _, f := range c.spec.Kit {
		f.Name = path.Join(kitFolder, path.Clean("/"+f.Name))
		own = append(own, f)
		if link, ok := engine.ProgramLink(f); ok {
			own = append(own, link)
		}
	}
	return own
}

// typed is how many bytes of files the session may write by itself. An engine takes some 100 ms to put any number of them
// into a container.
const typed = 4 << 20

// typable reports whether the session can write these files.
func typable(files []engine.KitFile) bool {
	size := 0
	for _, f := range files {
		size += len(f.Data)
	}
	return size <= typed
}

// typedFiles are those that the session writes when it begins.
func (c *buildContainer) typedFiles() []session.File {
	own := c.ownFiles()
	if len(own) == 0 || !typable(own) {
		return nil
	}
	files := []session.File{{Path: caFolder, Mode: fs.ModeDir | 0o755}}
	for _, f := range own {
		files = append(files, session.File{Path: f.Name, Mode: f.Mode, Data: f.Data})
	}
	return files
}

// ReadKit implements engine.Container. A container that has ended still has its files.
func (c *buildContainer) ReadKit(ctx context.Context, folder string, limits engine.KitLimits) (map[string][]byte, error) {
	folder = path.Join(kitFolder, path.Clean("/"+folder))
	select {
	case <-c.exited: // the engine mounts a stack again, only to read beside it
		if err := c.settleStack(); err != nil {
			return nil, err
		}
	default:
	}
	body, _, err := c.e.api.CopyFromContainer(ctx, c.id, folder)
	if err != nil {
		return nil, c.e.classify("read "+folder+" of the container", err)
	}
	defer func() { _ = body.Close() }()
	files, err := readFolder(body, limits)
	if err != nil {
		return nil, fmt.Errorf("read %s of the container: %w", folder, err)
	}
	return files, nil
}

// entryOverhead is more than an archive needs for an entry beside its content: headers, padding and a long name.
const entryOverhead = 8 << 10

// readFolder reads the regular files directly in a folder out of its archive. The build made what is in it: nothing is
// read of it that is larger than the limits, whatever its headers say.
func readFolder(r io.Reader, limits engine.KitLimits) (map[string][]byte, error) {
	whole := &io.LimitedReader{R: r, N: limits.Bytes + int64(limits.Files+16)*entryOverhead}
	tr := tar.NewReader(whole)
	files := map[string][]byte{}
	var folder string // as the archive names it, which it does first
	for {
		hdr, err := tr.Next()
		switch {
		case err != nil && whole.N <= 0:
			return nil, engine.ErrKitTooLarge
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return nil, err
		case folder == "" && hdr.Typeflag != tar.TypeDir:
			return nil, errors.New("the build has replaced the folder")
		case folder == "":
			folder = path.Clean(hdr.Name) + "/"
		}
		name, below := strings.CutPrefix(path.Clean(hdr.Name), folder)
		if hdr.Typeflag != tar.TypeReg || !below || strings.Contains(name, "/") || sparse(hdr) {
			continue
		}
		if limits.Bytes -= hdr.Size; limits.Bytes < 0 || len(files) >= limits.Files {
			return nil, engine.ErrKitTooLarge
		}
		if files[name], err = io.ReadAll(tr); err != nil {
			return nil, err
		}
	}
}
