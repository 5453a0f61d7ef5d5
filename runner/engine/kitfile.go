package engine

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"path"
	"strings"
)

// programDir is where every PATH leads to.
const programDir = "/usr/local/bin"

// ProgramLink is the link to a file that is a program, for engines that isolate a build: the build may set its PATH anew, as
// by reading a .bashrc again. file has the absolute name that the build sees; ok is false when it is no program.
func ProgramLink(file KitFile) (link KitFile, ok bool) {
	if !file.Mode.IsRegular() || file.Mode&0o111 == 0 {
		return KitFile{}, false
	}
	return KitFile{Name: path.Join(programDir, path.Base(file.Name)), Mode: fs.ModeSymlink | 0o777, Data: []byte(file.Name)}, true
}

// Pack makes a tar of files with absolute names, to be unpacked at the root of a container. The content of a symlink is its
// target.
func Pack(files []KitFile) (*bytes.Buffer, error) {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, f := range files {
		hdr := &tar.Header{
			Name: strings.TrimPrefix(f.Name, "/"), Mode: int64(f.Mode.Perm()), Size: int64(len(f.Data)),
			Typeflag: tar.TypeReg, Format: tar.FormatPAX,
		}
		switch {
		case f.Mode.IsDir():
			hdr.Name, hdr.Typeflag, hdr.Size = hdr.Name+"/", tar.TypeDir, 0
		case f.Mode&fs.ModeSymlink != 0:
			hdr.Linkname, hdr.Typeflag, hdr.Size = string(f.Data), tar.TypeSymlink, 0
		}
		if err := tw.WriteHeader(hdr); err != nil {
			return nil, err
		}
		if hdr.Typeflag != tar.TypeReg {
			continue
		}
		if _, err := tw.Write(f.Data); err != nil {
			return nil, err
		}
	}
	return &buf, tw.Close()
}
