package layers

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/cache"
)

// union is one folder as the layers of a generation show it: those of their folders that contribute, the topmost first. An
// empty one shows nothing. It is how an overlay looks without mounting one.
type union struct{ dirs []*dir }

// openUnion opens the roots of layers.
func openUnion(paths []string) (union, error) {
	var u union
	for _, p := range paths {
		d, err := openDir(p)
		if err != nil {
			u.close()
			return union{}, err
		}
		u.dirs = append(u.dirs, d)
	}
	return u, nil
}

func (u union) close() {
	for _, d := range u.dirs {
		d.close()
	}
}

// stat looks at name, and says in which folder it is.
func (u union) stat(name string) (entry, *dir, error) {
	for _, d := range u.dirs {
		e, err := d.stat(name)
		switch {
		case err != nil:
			return e, nil, err
		case e.what == whiteout:
			return entry{}, nil, nil
		case e.what != nothing:
			return e, d, nil
		}
	}
	return entry{}, nil, nil
}

// sub is the folder name; an empty union when there is none.
func (u union) sub(name string) (union, error) {
	var s union
	for _, d := range u.dirs {
		e, err := d.stat(name)
		if err != nil {
			s.close()
			return union{}, err
		}
		if e.what == nothing {
			continue
		}
		if e.what != folder {
			break
		}
		below, err := d.sub(name)
		if err != nil {
			s.close()
			return union{}, err
		}
		s.dirs = append(s.dirs, below)
		if below.isOpaque() {
			break
		}
	}
	return s, nil
}

// names lists what is there, in byte order; some of the names may turn out to be removed.
func (u union) names() ([]string, error) {
	var all []string
	for _, d := range u.dirs {
		names, err := d.names()
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Totals count what is in a tree.
type Totals struct {
	Files   int   `json:"files"`   // regular files and links
	Folders int   `json:"folders"` // those on the way to cached ones too
	Bytes   int64 `json:"bytes"`   // content of the regular files
}

func (t *Totals) add(e entry) {
	if e.what == regular {
		t.Bytes += e.size
	}
	switch e.what {
	case regular, link:
		t.Files++
	case folder:
		t.Folders++
	}
}

func (t *Totals) plus(o Totals) {
	t.Files += o.Files
	t.Folders += o.Folders
	t.Bytes += o.Bytes
}

func (t *Totals) minus(o Totals) {
	t.plus(Totals{Files: -o.Files, Folders: -o.Folders, Bytes: -o.Bytes})
}

// count is what was counted of a tree, as a whole and by its parts.
type count struct {
	Totals
	dir   string // the project root, relative to that of the repository, with a slash behind it or empty
	parts cache.Tally
}

func newCount(dir string) count {
	if dir = path.Clean("/" + dir)[1:]; dir != "" {
		dir += "/"
	}
	return count{dir: dir}
}

// add counts what is at a path, which is relative to the root of the repository.
func (c *count) add(e entry, at string) {
	c.Totals.add(e)
	if e.what == folder {
		return
	}
	bytes := int64(0)
	if e.what == regular {
		bytes = e.size
	}
	c.parts.Add(strings.TrimPrefix(at, c.dir), 1, bytes)
}

// count counts name, which is at path, with everything below it.
func (u union) count(ctx context.Context, name, at string, c *count) error {
	e, _, err := u.stat(name)
	if err != nil || e.what == nothing {
		return err
	}
	c.add(e, at)
	if e.what != folder {
		return nil
	}
	below, err := u.sub(name)
	if err != nil {
		return err
	}
	defer below.close()
	return below.countAll(ctx, at, c)
}

func (u union) countAll(ctx context.Context, at string, c *count) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	names, err := u.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := u.count(ctx, name, path.Join(at, name), c); err != nil {
			return err
		}
	}
	return nil
}
