package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/preamp-build/preamp/runner/source"
)

// note is the file beside a clone that says what came of it, for a later comparison.
func note(dir string) string { return dir + ".json" }

// clone clones a URL, and takes git for it where that is on the PATH.
func clone(ctx context.Context, r Request) (Response, error) {
	began := time.Now()
	c, err := source.Prepare(ctx, source.Request{URL: r.URL, Dest: r.To, Mirror: r.Mirror, Depth: r.Depth})
	if err != nil {
		return Response{}, err
	}
	took := time.Since(began)
	raw, err := json.Marshal(c)
	if err != nil {
		return Response{}, err
	}
	return Response{Took: took, Commit: c.Commit}, os.WriteFile(note(r.To), raw, 0o600)
}

// compare decides by a clone whether a folder differs from what it was in an earlier commit.
func compare(ctx context.Context, r Request) (Response, error) {
	raw, err := os.ReadFile(note(r.Root))
	if err != nil {
		return Response{}, err
	}
	var c source.Checkout
	if err := json.Unmarshal(raw, &c); err != nil {
		return Response{}, err
	}
	began := time.Now()
	got, err := source.Compare(ctx, source.CompareRequest{
		Request: source.Request{URL: r.URL, Dest: r.Root}, Checkout: &c, Base: r.Base, Watches: watches(r),
	})
	return decided(began, got, err)
}

// peek decides the same by what the remote has, without a clone.
func peek(ctx context.Context, r Request) (Response, error) {
	began := time.Now()
	h, err := source.Peek(ctx, source.Request{URL: r.URL, Mirror: r.Mirror})
	if err != nil {
		return Response{}, err
	}
	v, err := h.View(ctx)
	if err != nil {
		return Response{}, err
	}
	got, err := v.Compare(ctx, r.Base, watches(r), 0)
	return decided(began, got, errors.Join(err, v.Close()))
}

func watches(r Request) []source.Watch { return []source.Watch{{Roots: []string{r.Watch}}} }

func decided(began time.Time, c *source.Comparison, err error) (Response, error) {
	switch {
	case err != nil:
		return Response{}, err
	case c.Unknown != "":
		return Response{}, fmt.Errorf("it cannot be decided: %s", c.Why)
	}
	return Response{Took: time.Since(began), Known: c.Watches[0].Count == 0, Files: c.Watches[0].Count, Commit: c.Head}, nil
}
