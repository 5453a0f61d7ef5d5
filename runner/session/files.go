package session

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// writeFiles is a line that writes files, followed by what is in them: bash takes no more than a line from its input, and so
// leaves the rest to head. A shell that cannot write them ends.
//
// What is in them is an archive, because every program that is called costs more than all that bash does by itself, and tar
// does it all at once. An image without tar gets its files out of the archive by what is known of their places.
func writeFiles(files []File) string {
	if len(files) == 0 {
		return ""
	}
	archive, places := packFiles(files)
	line := fmt.Sprintf("{ if command -v tar; then head -c %d | tar -xf - -C /; else %s; fi; } 2>&1 >/dev/null || exit 1\n",
		len(archive), takeApart(files, places, len(archive)))
	return line + string(archive)
}

// packFiles makes a tar of the files, and tells where in it the content of each begins.
func packFiles(files []File) (archive []byte, places []int) {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	now := time.Now()
	for _, f := range files {
		h := &tar.Header{
			Name: strings.TrimPrefix(f.Path, "/"), Mode: int64(f.Mode.Perm()), Size: int64(len(f.Data)), Typeflag: tar.TypeReg,
			ModTime: now, Format: tar.FormatGNU,
		}
		switch {
		case f.Mode.IsDir():
			h.Name, h.Typeflag, h.Size = h.Name+"/", tar.TypeDir, 0
		case f.link():
			h.Linkname, h.Typeflag, h.Size = string(f.Data), tar.TypeSymlink, 0
		}
		// Writing to memory cannot fail, and of the headers every one can be written.
		_ = tw.WriteHeader(h)
		_ = tw.Flush()
		places = append(places, buf.Len())
		if h.Typeflag == tar.TypeReg {
			_, _ = tw.Write(f.Data)
		}
	}
	_ = tw.Close()
	return buf.Bytes(), places
}

func (f File) link() bool { return f.Mode&fs.ModeSymlink != 0 }

// takeApart is the commands that do tar's work.
func takeApart(files []File, places []int, size int) string {
	var b strings.Builder
	b.WriteString("umask 022")
	at := 0
	skip := func(to int) {
		if to > at {
			fmt.Fprintf(&b, " && head -c %d >/dev/null", to-at)
		}
		at = to
	}
	for i, f := range files {
		name := Quote(f.Path)
		switch {
		case f.Mode.IsDir():
			fmt.Fprintf(&b, " && mkdir -p %s", name)
		case f.link():
			fmt.Fprintf(&b, " && { mkdir -p %s && ln -sf %s %s || :; }", Quote(path.Dir(f.Path)), Quote(string(f.Data)), name)
			continue
		case len(f.Data) == 0:
			fmt.Fprintf(&b, " && : >%s", name)
		default:
			skip(places[i])
			fmt.Fprintf(&b, " && head -c %d >%s", len(f.Data), name)
			at += len(f.Data)
		}
		fmt.Fprintf(&b, " && chmod %o %s", f.Mode.Perm(), name)
	}
	skip(size)
	return b.String()
}
