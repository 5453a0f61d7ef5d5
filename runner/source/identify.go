package source

import "errors"

// Identity is what a source is called, as far as this machine knows: no remote was asked.
type Identity struct {
	// Name and CloneURL are those of the Checkout.
	Name, CloneURL string
	// WorkTree is the top of the work tree that Path is in; "" for a URL.
	WorkTree string
}

// Identify tells what a source is called without touching it. Its failures are those of Prepare.
func Identify(r Request) (Identity, error) {
	if r.URL != "" {
		remote, _, err := parseRemote(r.URL)
		return Identity{Name: remote.name(), CloneURL: remote.clean}, err
	}
	repo, err := findRepository(r.Path)
	if err != nil {
		return Identity{}, err
	}
	refs, err := repo.refs()
	if err != nil {
		return Identity{}, errors.Join(err, repo.Close())
	}
	branch, err := (&job{Request: r}).branchOf(repo, refs)
	origin := repo.originURL(branch)
	return Identity{Name: repo.name(origin), CloneURL: origin, WorkTree: repo.workTree}, errors.Join(err, repo.Close())
}
