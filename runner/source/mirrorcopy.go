package source

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// copyAhead begins to give a repository the packs while new ones are fetched, and answers which of them it has then.
func (m *mirror) copyAhead(ctx context.Context, to *dest) <-chan []mirrorFile {
	files, done := slices.Clone(m.state.Files), make(chan []mirrorFile, 1)
	go func() {
		for n, f := range files {
			if copyPack(ctx, filepath.Join(m.packs(), f.Name), to, "objects/pack/"+f.Name) != nil {
				files = files[:n+1] // some of it may be there
				files[n].Size = -1
				break
			}
		}
		done <- files
	}()
	return done
}

// copyTo gives a repository the packs that it has not already. Where the file system can share blocks, the kernel does.
func (m *mirror) copyTo(ctx context.Context, to *dest, already []mirrorFile) error {
	gone := func(f mirrorFile) bool { return !slices.ContainsFunc(m.state.Files, f.same) }
	if slices.ContainsFunc(already, gone) { // the mirror was put in order meanwhile
		if err := to.emptyPacks(); err != nil {
			return err
		}
		already = nil
	}
	for _, f := range m.state.Files {
		if slices.ContainsFunc(already, f.same) {
			continue
		}
		if err := copyPack(ctx, filepath.Join(m.packs(), f.Name), to, "objects/pack/"+f.Name); err != nil {
			return err
		}
	}
	now := time.Now()
	return os.Chtimes(filepath.Join(m.dir, mirrorList), now, now)
}

// copyStep is after how many bytes a copy looks whether it is still wanted.
const copyStep = 32 << 20

func copyPack(ctx context.Context, from string, to *dest, name string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := to.git.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(out, in, copyStep)
		if errors.Is(err, io.EOF) || (err == nil && n < copyStep) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
