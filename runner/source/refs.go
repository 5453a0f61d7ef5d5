package source

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// refList is what a repository offers: its branches and tags by short name.
type refList struct {
	head    string // the default branch; "" when HEAD is detached
	heads   map[string]plumbing.Hash
	tags    map[string]plumbing.Hash // the tag object of an annotated tag
	peeled  map[string]plumbing.Hash // the commit of an annotated tag, where it is known
	shallow []plumbing.Hash
	// any is true when commits can be asked for that no branch or tag points to.
	any bool
}

func newRefList() *refList {
	return &refList{heads: map[string]plumbing.Hash{}, tags: map[string]plumbing.Hash{}, peeled: map[string]plumbing.Hash{}}
}

// add takes a reference in, unless its name is one that git would not accept: names come from elsewhere and end up in
// a file that is read line by line.
func (l *refList) add(name plumbing.ReferenceName, h plumbing.Hash) {
	if name.Validate() != nil || !name.IsSafe() || strings.ContainsFunc(string(name), unicode.IsControl) || strings.Contains(string(name), " ") {
		return
	}
	switch {
	case name.IsBranch():
		l.heads[name.Short()] = h
	case name.IsTag():
		l.tags[name.Short()] = h
	}
}

// advertised reads what a server says on the first contact.
func advertised(adv *packp.AdvRefs) *refList {
	l := newRefList()
	for name, h := range adv.References {
		l.add(plumbing.ReferenceName(name), h)
	}
	for name, h := range adv.Peeled {
		l.peeled[plumbing.ReferenceName(name).Short()] = h
	}
	for _, symref := range adv.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(symref, "HEAD:refs/heads/"); ok {
			l.head = target
		}
	}
	if l.head == "" && adv.Head != nil {
		l.head = l.branchAt(*adv.Head)
	}
	l.shallow = adv.Shallows
	l.any = adv.Capabilities.Supports(capability.AllowReachableSHA1InWant) || adv.Capabilities.Supports("allow-any-sha1-in-want")
	return l
}

// branchAt guesses which branch a server means that only tells the commit of its HEAD.
func (l *refList) branchAt(h plumbing.Hash) string {
	for _, name := range append([]string{"main", "master"}, l.branches()...) {
		if l.heads[name] == h {
			return name
		}
	}
	return ""
}

// refs lists what the repository on this machine has.
func (r *repository) refs() (*refList, error) {
	l := newRefList()
	l.any = true
	iter, err := r.store.IterReferences()
	if err != nil {
		return nil, err
	}
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() == plumbing.SymbolicReference && ref.Name() != plumbing.HEAD {
			resolved, err := storer.ResolveReference(r.store, ref.Name())
			if err != nil {
				return nil //nolint:nilerr // a reference that leads nowhere is none
			}
			l.add(ref.Name(), resolved.Hash())
		} else if ref.Type() == plumbing.HashReference {
			l.add(ref.Name(), ref.Hash())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if l.shallow, err = r.store.Shallow(); err != nil {
		return nil, err
	}
	branch, hash, err := r.head()
	switch {
	case err != nil && !errors.Is(err, plumbing.ErrReferenceNotFound):
		return nil, err
	case branch == "":
		branch = l.branchAt(hash)
	}
	l.head = branch
	return l, nil
}

// branches returns the names of the branches, sorted.
func (l *refList) branches() []string { return sortedKeys(l.heads) }

// tagNames returns the names of the tags, sorted.
func (l *refList) tagNames() []string { return sortedKeys(l.tags) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// offers tells whether a branch or tag points exactly at h.
func (l *refList) offers(h plumbing.Hash) bool {
	for _, refs := range []map[string]plumbing.Hash{l.heads, l.tags, l.peeled} {
		for _, have := range refs {
			if have == h {
				return true
			}
		}
	}
	return false
}

// offered returns the tips of branches and tags whose SHA begins with the digits.
func (l *refList) offered(digits string) []plumbing.Hash {
	var out []plumbing.Hash
	for _, refs := range []map[string]plumbing.Hash{l.heads, l.tags, l.peeled} {
		for _, have := range refs {
			if strings.HasPrefix(have.String(), strings.ToLower(digits)) && !slices.Contains(out, have) {
				out = append(out, have)
			}
		}
	}
	return out
}

// nearest returns up to ten of the names, those first that are most like the wanted one.
func nearest(want string, names []string) []string {
	distance := func(name string) int {
		d := editDistance(strings.ToLower(want), strings.ToLower(name))
		if strings.Contains(name, want) || strings.Contains(want, name) {
			d /= 4
		}
		return d
	}
	near := slices.Clone(names)
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
	return near[:min(len(near), 10)]
}

// editDistance counts the letters to insert, delete or replace to make b of a. Very long names are cut: they only
// serve a suggestion.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 100)], b[:min(len(b), 100)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// clone copies what a clone adds to. The maps are only read.
func (l *refList) clone() *refList {
	out := *l
	out.shallow = slices.Clone(l.shallow)
	return &out
}
