package kit

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/preamp-build/preamp/runner/engine"
)

// Label is the label of an image that holds the kit already, so that no build has to wait for it to be written. Its value is the Sum
// of that kit: an image with the kit of another preamp is given this one's.
const Label = "preamp.kit"

// Sum tells kits apart.
func Sum(dir string) string {
	h := sha256.New()
	for _, f := range Files(dir, nil) {
		fmt.Fprintf(h, "%q %v %q\n", path.Join(dir, f.Name), f.Mode, f.Data)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Beyond are the files that a build needs where the kit itself is there: those that hold values.
func Beyond(values map[string][]byte) []engine.KitFile {
	return Files("", values)[len(Files("", nil)):]
}

// Context is a tar to build an image from: that named base, with a kit at dir and links to its programs.
func Context(base, dir string) ([]byte, error) {
	var layer bytes.Buffer
	tw := tar.NewWriter(&layer)
	folders := strings.Split(strings.Trim(dir, "/"), "/")
	for i := range folders {
		if err := pack(tw, engine.KitFile{Name: path.Join(folders[:i+1]...), Mode: fs.ModeDir | 0o755}); err != nil {
			return nil, err
		}
	}
	for _, f := range Files(dir, nil) {
		name := path.Join(dir, f.Name)
		f.Name = strings.TrimPrefix(name, "/")
		if err := pack(tw, f); err != nil {
			return nil, err
		}
		if f.Mode.IsRegular() && f.Mode&0o111 != 0 {
			link := strings.TrimPrefix(path.Join(engine.ProgramDir, path.Base(name)), "/")
			if err := tw.WriteHeader(&tar.Header{Name: link, Linkname: name, Mode: 0o777, Typeflag: tar.TypeSymlink}); err != nil {
				return nil, err
			}
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	var context bytes.Buffer
	tw = tar.NewWriter(&context)
	for _, f := range []engine.KitFile{
		{Name: "kit.tar", Mode: 0o644, Data: layer.Bytes()},
		{Name: "Dockerfile", Mode: 0o644, Data: []byte("FROM " + base + "\nADD kit.tar /\n")},
	} {
		if err := pack(tw, f); err != nil {
			return nil, err
		}
	}
	return context.Bytes(), tw.Close()
}

func pack(tw *tar.Writer, f engine.KitFile) error {
	h := &tar.Header{Name: f.Name, Mode: int64(f.Mode.Perm()), Size: int64(len(f.Data)), Typeflag: tar.TypeReg}
	if f.Mode.IsDir() {
		h.Name, h.Typeflag = f.Name+"/", tar.TypeDir
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err := tw.Write(f.Data)
	return err
}
