package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// origin is where the history comes from: a server, or a repository on this machine.
type origin interface {
	// refs lists the branches and tags.
	refs(ctx context.Context) (*refList, error)
	// fetch brings what is needed into the destination's .git. It returns the commits at which the history then ends, where
	// it was not all wanted.
	fetch(ctx context.Context, n demand) (ends []plumbing.Hash, err error)
}

// demand is what to bring: the wanted commits with their history, and the annotated tags on it.
type demand struct {
	wants []plumbing.Hash
	// haves and what they reach is there already.
	haves []plumbing.Hash
	// depth is how many commits of the history to bring, counted from the wanted ones; 0 is all. Repositories on this
	// machine give all.
	depth int
}

// session is one conversation with a git server.
type session = transport.UploadPackSession

// server is an origin behind https, http or ssh. The conversation of refs is carried on by the first fetch.
type server struct {
	j       *job
	remote  remote
	auth    Auth
	current session
	offer   *packp.AdvRefs // what the server said when the session began
}

func (s *server) open(ctx context.Context) error {
	var err error
	if s.remote.scheme == "ssh" {
		s.current, err = s.j.sshSession(ctx, s.remote, s.auth)
	} else {
		s.current, err = s.j.httpSession(s.remote, s.auth)
	}
	return classify(err, s.remote, s.auth)
}

// Close ends the conversation, if one is going on.
func (s *server) Close() error {
	if s.current == nil {
		return nil
	}
	err := s.current.Close()
	s.current, s.offer = nil, nil
	return err
}

func (s *server) refs(ctx context.Context) (*refList, error) {
	if err := errors.Join(s.Close(), s.open(ctx)); err != nil {
		return nil, err
	}
	adv, err := s.current.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, classify(err, s.remote, s.auth)
	}
	s.offer = adv
	return advertised(adv), nil
}

func (s *server) fetch(ctx context.Context, n demand) (ends []plumbing.Hash, err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.offer == nil {
		if _, err := s.refs(ctx); err != nil {
			return nil, err
		}
	}
	req, err := n.request(s.offer.Capabilities)
	if err != nil {
		return nil, err
	}
	response, err := s.current.UploadPack(ctx, req)
	if err != nil {
		return nil, classify(err, s.remote, s.auth)
	}
	defer func() { err = errors.Join(err, response.Close()) }()
	pack := &countingReader{r: demultiplex(req, response, s.j.progress), p: s.j.progress, what: "receiving objects"}
	if err := s.j.storePack(ctx, pack); err != nil {
		return nil, classify(fmt.Errorf("receiving objects: %w", err), s.remote, s.auth)
	}
	return response.Shallows, nil
}

// request is the demand in the words of git's protocol.
func (n demand) request(offer *capability.List) (*packp.UploadPackRequest, error) {
	req := packp.NewUploadPackRequestFromCapabilities(offer)
	req.Wants, req.Haves = n.wants, n.haves
	if offer.Supports(capability.IncludeTag) {
		if err := req.Capabilities.Set(capability.IncludeTag); err != nil {
			return nil, err
		}
	}
	if n.depth > 0 && offer.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(n.depth)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// demultiplex takes the server's progress lines out of the stream.
func demultiplex(req *packp.UploadPackRequest, r io.Reader, p *progress) io.Reader {
	var d *sideband.Demuxer
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		d = sideband.NewDemuxer(sideband.Sideband64k, r)
	case req.Capabilities.Supports(capability.Sideband):
		d = sideband.NewDemuxer(sideband.Sideband, r)
	default:
		return r
	}
	d.Progress = &remoteLines{p: p}
	return d
}

// local is an origin on this machine: it is read as a repository, so that no other git program has to serve it.
type local struct {
	j    *job
	repo *repository
}

func (l *local) refs(context.Context) (*refList, error) { return l.repo.refs() }

func (l *local) fetch(ctx context.Context, n demand) ([]plumbing.Hash, error) {
	refs, err := l.repo.refs()
	if err != nil {
		return nil, err
	}
	return nil, l.j.transfer(ctx, l.repo, n.wants, refs)
}

// Close releases the repository.
func (l *local) Close() error { return l.repo.Close() }
