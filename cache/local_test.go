package cache_test

import (
	"path/filepath"
	"testing"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/cache/cachetest"
)

func open(t testing.TB, dir string) cache.Store {
	t.Helper()
	l, err := cache.NewLocal(dir, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLocal(t *testing.T) { cachetest.Suite(t, open) }

func openLinks(t testing.TB, dir string) cache.Store {
	t.Helper()
	l, err := cache.NewLocal(dir, cache.Options{Links: true})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLocalLinks(t *testing.T) { cachetest.Suite(t, openLinks) }

func TestLocalDamage(t *testing.T) {
	cachetest.Damage(t, open, func(name string) bool { return filepath.Base(filepath.Dir(name)) == "stat" })
}
