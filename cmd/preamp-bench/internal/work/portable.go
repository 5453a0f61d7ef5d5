package work

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/preamp-build/preamp/artifacts"
	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
)

// chunk is the largest piece in which a cache is stored: of a larger file that changes a little, no more is new.
const chunk = 4 << 20

// key is that of the one application that is measured.
func key() cache.Key {
	return cache.Key{App: "bench", Branch: "main", DefaultBranch: "main", Image: "image", Arch: "amd64", Paths: []string{"node_modules/**/*"}}
}

func paths() (cache.Paths, error) {
	p, problems := cache.Compile("", key().Paths)
	if len(problems) > 0 {
		return p, fmt.Errorf("%v", problems)
	}
	return p, nil
}

func modules(_ context.Context, r Request) (Response, error) {
	t, err := trees.Modules(r.Root, r.Files)
	return Response{Files: t.Files, Bytes: t.Bytes}, err
}

func site(_ context.Context, r Request) (Response, error) {
	t, err := trees.Site(r.Root, r.Files)
	return Response{Files: t.Files, Bytes: t.Bytes}, err
}

func change(_ context.Context, r Request) (Response, error) {
	changed, err := trees.Tree{Root: r.Root, Files: r.Files}.Change(r.Round, chunk)
	return Response{Changed: changed}, err
}

func save(ctx context.Context, r Request) (Response, error) {
	p, err := paths()
	if err != nil {
		return Response{}, err
	}
	store, err := cache.NewLocal(r.Store, cache.Options{})
	if err != nil {
		return Response{}, err
	}
	s, err := store.Save(ctx, key(), p, r.Root)
	if err == nil && !s.Written && !s.Unchanged {
		err = fmt.Errorf("it was not saved: %s", s.Reason)
	}
	return Response{Took: s.Took, Files: s.Files, Bytes: s.Bytes, Added: s.Added, Known: s.Unchanged}, err
}

func restore(ctx context.Context, r Request) (Response, error) {
	store, err := cache.NewLocal(r.Store, cache.Options{})
	if err != nil {
		return Response{}, err
	}
	got, err := store.Restore(ctx, key(), r.To)
	if err == nil && (!got.Hit || got.Files != r.Files) {
		err = fmt.Errorf("%d files of %d were restored: %s", got.Files, r.Files, got.Reason)
	}
	return Response{Took: got.Took, Files: got.Files, Bytes: got.Bytes}, err
}

// zip writes an artifact as a build does: with the hashes of its files.
func zip(ctx context.Context, r Request) (_ Response, err error) {
	s, err := artifacts.Select(ctx, artifacts.Options{Root: r.Root, Base: "dist", Files: []string{"**/*"}})
	if err != nil {
		return Response{}, err
	}
	f, err := os.Create(r.To)
	if err != nil {
		return Response{}, err
	}
	if _, err = s.WriteZipHashes(ctx, f, time.Time{}); err == nil {
		err = f.Close()
	} else {
		_ = f.Close() // it is not whole anyway
	}
	return Response{Files: len(s.Files), Bytes: s.Bytes}, err
}
