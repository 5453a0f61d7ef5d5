package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cache"
)

func envStore(t *testing.T) (store *cache.LocalEnv, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "envcache")
	store, err := cache.NewLocalEnv(dir)
	if err != nil {
		t.Fatal(err)
	}
	return store, dir
}

func saveEnv(t *testing.T, s *cache.LocalEnv, app, branch string, set map[string][]byte, removed ...string) cache.EnvSaved {
	t.Helper()
	got, err := s.SaveEnv(t.Context(), app, branch, cache.EnvChange{Set: set, Removed: removed})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func restoreEnv(t *testing.T, s *cache.LocalEnv, app, branch string) cache.EnvRestored {
	t.Helper()
	got, err := s.RestoreEnv(t.Context(), app, branch)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLocalEnv(t *testing.T) {
	s, dir := envStore(t)
	first := restoreEnv(t, s, "app", "main")
	if first.Found || first.Values == nil || first.Reason != "" {
		t.Errorf("before the first save: %+v", first)
	}
	values := map[string][]byte{
		"plain": []byte("v"), "odd \xff\n": []byte("it's \"q\"\n\x00\xff"), "big": bytes.Repeat([]byte("x\n"), 1<<19),
	}
	if got := saveEnv(t, s, "app", "main", values); got.Keys != 3 || got.Bytes != int64(1+len("it's \"q\"\n\x00\xff")+1<<20) {
		t.Errorf("saved %+v", got)
	}
	if diff := cmp.Diff(cache.EnvRestored{Found: true, Values: values}, restoreEnv(t, s, "app", "main")); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	for _, other := range [][2]string{{"app", "dev"}, {"other", "main"}, {"app", "MAIN"}, {"app/main", ""}} {
		if got := restoreEnv(t, s, other[0], other[1]); got.Found {
			t.Errorf("%q sees %+v", other, got)
		}
	}
	saveEnv(t, s, "app\xff", "b\xfe\n", map[string][]byte{"k": []byte("v")})
	if got := restoreEnv(t, s, "app\xff", "b\xfe\n"); !got.Found {
		t.Errorf("names of any bytes: %+v", got)
	}
	if got := saveEnv(t, s, "app", "main", map[string][]byte{"new": []byte("n")}, "big", "absent"); got.Keys != 3 {
		t.Errorf("changed to %+v", got)
	}
	got := restoreEnv(t, s, "app", "main")
	if len(got.Values) != 3 || got.Values["big"] != nil || string(got.Values["new"]) != "n" || string(got.Values["plain"]) != "v" {
		t.Errorf("after a change: %.200q", got.Values)
	}
	private(t, dir)
}

// private looks that nobody else can read what may be secret.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %s", p, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Builds of one branch that run at once keep what each has set, also through stores of their own.
func TestLocalEnvConcurrently(t *testing.T) {
	_, dir := envStore(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			s, err := cache.NewLocalEnv(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for n := range 5 {
				saveEnv(t, s, "app", "main", map[string][]byte{
					fmt.Sprintf("own %d %d", i, n): []byte("v"), "shared": bytes.Repeat([]byte{byte('a' + i)}, 1000),
				})
				if got := restoreEnv(t, s, "app", "main"); !got.Found {
					t.Errorf("not there: %s", got.Reason)
				}
			}
		})
	}
	wg.Wait()
	s, err := cache.NewLocalEnv(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := restoreEnv(t, s, "app", "main").Values
	if shared := got["shared"]; len(got) != 81 || len(shared) != 1000 || len(bytes.Trim(shared, string(shared[:1]))) != 0 {
		t.Errorf("%d keys, the shared one is %.20q", len(got), shared)
	}
}

// Whatever is wrong with a record, it is a miss with a reason, and the next save mends it.
func TestLocalEnvDamaged(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":            func([]byte) []byte { return nil },
		"cut":              func(raw []byte) []byte { return raw[:len(raw)-3] },
		"a bit":            func(raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw },
		"no checksum":      func(raw []byte) []byte { return raw[65:] },
		"of another":       func(raw []byte) []byte { return bytes.ReplaceAll(raw, []byte("main"), []byte("else")) },
		"something else":   func([]byte) []byte { return []byte("hello") },
		"grown":            func(raw []byte) []byte { return append(raw, ' ') },
		"only a checksum":  func(raw []byte) []byte { return raw[:65] },
		"a line of spaces": func([]byte) []byte { return []byte(strings.Repeat(" ", 64) + "\n{}") },
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := envStore(t)
			saveEnv(t, s, "app", "main", map[string][]byte{"k": []byte("v")})
			files, err := filepath.Glob(filepath.Join(dir, "*", "*.env"))
			if err != nil || len(files) != 1 {
				t.Fatalf("%v, %v", files, err)
			}
			raw, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], damage(raw), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := restoreEnv(t, s, "app", "main"); got.Found || len(got.Values) > 0 || !strings.HasPrefix(got.Reason, "it is damaged: ") {
				t.Errorf("%+v", got)
			}
			saveEnv(t, s, "app", "main", map[string][]byte{"new": []byte("v")})
			if got := restoreEnv(t, s, "app", "main"); !got.Found || len(got.Values) != 1 {
				t.Errorf("after the next save: %+v", got)
			}
		})
	}
}

func TestLocalEnvTooLarge(t *testing.T) {
	s, _ := envStore(t)
	saveEnv(t, s, "app", "main", map[string][]byte{"k": []byte("v")})
	many := map[string][]byte{}
	for i := range cache.MaxEnvKeys {
		many[fmt.Sprint(i)] = []byte("v")
	}
	for name, set := range map[string]map[string][]byte{"bytes": {"big": make([]byte, cache.MaxEnvBytes)}, "keys": many} {
		if _, err := s.SaveEnv(t.Context(), "app", "main", cache.EnvChange{Set: set}); !errors.Is(err, cache.ErrEnvTooLarge) {
			t.Errorf("too many %s: %v", name, err)
		}
	}
	if got := restoreEnv(t, s, "app", "main"); len(got.Values) != 1 {
		t.Errorf("what was there is %d keys", len(got.Values))
	}
	big := map[string][]byte{"big": make([]byte, cache.MaxEnvBytes-len("bigkv"))}
	if got := saveEnv(t, s, "app", "main", big); got.Keys != 2 || !restoreEnv(t, s, "app", "main").Found {
		t.Errorf("the largest that may be: %+v", got)
	}
}

func TestLocalEnvCancelled(t *testing.T) {
	s, _ := envStore(t)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, errR := s.RestoreEnv(ctx, "app", "main")
	_, errS := s.SaveEnv(ctx, "app", "main", cache.EnvChange{})
	if !errors.Is(errR, cause) || !errors.Is(errS, cause) {
		t.Errorf("%v, %v; want the cause", errR, errS)
	}
}

func TestChanges(t *testing.T) {
	v := func(pairs ...string) map[string][]byte {
		m := map[string][]byte{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = []byte(pairs[i+1])
		}
		return m
	}
	for name, tc := range map[string]struct {
		before, after map[string][]byte
		want          cache.EnvChange
	}{
		"nothing": {v("a", "1"), v("a", "1"), cache.EnvChange{Set: v()}},
		"all":     {v("a", "1", "b", "2", "c", "3"), v("a", "1", "b", "4", "d", ""), cache.EnvChange{Set: v("b", "4", "d", ""), Removed: []string{"c"}}},
	} {
		got := cache.Changes(tc.before, tc.after)
		if diff := cmp.Diff(tc.want, got); diff != "" || got.Empty() != (name == "nothing") {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
