package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	lfsMedia    = "application/vnd.git-lfs+json"
	lfsWorkers  = 4
	lfsBatch    = 100      // objects that are asked for at once
	maxLFSReply = 16 << 20 // bytes
	lfsAttempts = 3
)

// lfsClient fetches objects with Git LFS's batch protocol and its basic transfer.
type lfsClient struct {
	*job
	up     upstream
	http   *http.Client
	base   *url.URL          // of the service
	header map[string]string // that go with the service's requests, from ssh
}

// downloadObjects brings objects from the server that the clone came from, or that .lfsconfig names. Why single ones
// could not be had goes into failed.
func (j *job) downloadObjects(ctx context.Context, list []pointer, up upstream, failed map[pointer]error) error {
	c := &lfsClient{job: j, up: up}
	err := c.open(ctx)
	if err == nil {
		defer c.http.CloseIdleConnections()
		for len(list) > 0 && err == nil {
			n := min(len(list), lfsBatch)
			err = c.fetch(ctx, list[:n], failed)
			if err == nil {
				list = list[n:]
			}
		}
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	var known *Error
	if !errors.As(err, &known) {
		return err
	}
	for _, p := range list {
		if failed[p] == nil && !j.hasObject(p) {
			failed[p] = known
		}
	}
	return nil
}

func (j *job) hasObject(p pointer) bool {
	_, err := j.dest.git.Stat("lfs/" + p.object())
	return err == nil
}

// open finds the service: what .lfsconfig says, or beside the repository.
func (c *lfsClient) open(ctx context.Context) error {
	raw, err := c.lfsConfigURL()
	if err != nil {
		return err
	}
	switch {
	case raw != "":
		r, inURL, err := parseRemote(raw)
		if err != nil || (r.scheme != "https" && r.scheme != "http") {
			return &Error{
				Kind: KindOther, Message: "the URL of Git LFS in .lfsconfig is not one of https or http",
				Hint: "preamp follows no other. Correct lfs.url in .lfsconfig.",
			}
		}
		c.secrets.add(inURL.Token, inURL.Password)
		c.base, err = url.Parse(r.clean)
		if err != nil {
			return err
		}
		if user, password, ok := inURL.basic(r.host); ok {
			c.base.User = url.UserPassword(user, password)
		}
	case c.up.remote.scheme == "ssh":
		if err := c.authenticate(ctx); err != nil {
			return err
		}
	default:
		service := strings.TrimSuffix(strings.TrimRight(c.up.remote.clean, "/"), ".git") + ".git/info/lfs"
		if c.base, err = url.Parse(service); err != nil {
			return err
		}
	}
	t, err := c.transport()
	if err != nil {
		return err
	}
	t.ResponseHeaderTimeout = time.Minute
	c.http = &http.Client{Transport: t, CheckRedirect: c.checkRedirect}
	return nil
}

// checkRedirect follows to another server only without what was meant for the first one, and never from https to http.
func (c *lfsClient) checkRedirect(req *http.Request, via []*http.Request) error {
	last := via[len(via)-1]
	switch {
	case len(via) >= 5:
		return errors.New("it redirects too often")
	case req.URL.Scheme != "https" && req.URL.Scheme != last.URL.Scheme:
		return errors.New("it redirects from https to " + oneLine(req.URL.Scheme))
	case !sameServer(req.URL, via[0].URL):
		req.Header = http.Header{"User-Agent": {userAgent}, "Accept": req.Header["Accept"], "Content-Type": req.Header["Content-Type"]}
	}
	return nil
}

const userAgent = "git-lfs/3 (preamp)"

// sameServer tells whether two URLs lead to one scheme, host and port.
func sameServer(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		return firstOf(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// authorize adds the clone's credentials to a request that goes to the clone's own server, or those that are written in
// lfs.url to the server there.
func (c *lfsClient) authorize(req *http.Request) {
	if req.Header.Get("Authorization") != "" {
		return
	}
	if user := c.base.User; user != nil && sameServer(req.URL, c.base) {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
		return
	}
	clone, err := url.Parse(c.up.remote.clean)
	if err != nil || (c.up.remote.scheme != "https" && c.up.remote.scheme != "http") || !sameServer(req.URL, clone) {
		return
	}
	if user, password, ok := c.up.auth.basic(c.up.remote.host); ok {
		c.secrets.addBasic(user, password)
		req.SetBasicAuth(user, password)
	}
}

type lfsRequest struct {
	Operation string      `json:"operation"`
	Transfers []string    `json:"transfers"`
	Ref       *lfsRef     `json:"ref,omitempty"`
	Objects   []lfsObject `json:"objects"`
	HashAlgo  string      `json:"hash_algo"`
}

type lfsRef struct {
	Name string `json:"name"`
}

type lfsObject struct {
	OID           string               `json:"oid"`
	Size          int64                `json:"size"`
	Authenticated bool                 `json:"authenticated,omitempty"`
	Actions       map[string]lfsAction `json:"actions,omitempty"`
	Error         *lfsFault            `json:"error,omitempty"`
}

type lfsAction struct {
	Href   string            `json:"href"`
	Header map[string]string `json:"header,omitempty"`
}

type lfsFault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type lfsReply struct {
	Transfer string      `json:"transfer"`
	HashAlgo string      `json:"hash_algo"`
	Objects  []lfsObject `json:"objects"`
	Message  string      `json:"message"`
}

// fetch asks for up to a batch of objects and downloads them.
func (c *lfsClient) fetch(ctx context.Context, list []pointer, failed map[pointer]error) error {
	reply, err := c.batch(ctx, list)
	if err != nil {
		return err
	}
	offered := map[string]lfsObject{}
	for _, o := range reply.Objects {
		offered[o.OID] = o
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lfsWorkers)
	for n, p := range list {
		group.Go(func() error {
			err := c.object(ctx, p, offered[p.oid])
			var known *Error
			if err == nil || !errors.As(err, &known) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			failed[p] = known
			return nil
		})
		c.progress.tick("fetching files of Git LFS: %d of %d", n+1, len(list))
	}
	return group.Wait()
}

// batch asks the service where the objects are.
func (c *lfsClient) batch(ctx context.Context, list []pointer) (*lfsReply, error) {
	ask := lfsRequest{Operation: "download", Transfers: []string{"basic"}, HashAlgo: "sha256"}
	if c.up.branch != "" {
		ask.Ref = &lfsRef{Name: "refs/heads/" + c.up.branch}
	}
	for _, p := range list {
		ask.Objects = append(ask.Objects, lfsObject{OID: p.oid, Size: p.size})
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	to := *c.base
	to.User = nil
	to.Path, to.RawPath = strings.TrimRight(to.Path, "/")+"/objects/batch", ""
	var reply lfsReply
	err = c.send(ctx, http.MethodPost, &to, c.header, body, true, func(res *http.Response) error {
		text, err := io.ReadAll(io.LimitReader(res.Body, maxLFSReply))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &reply); err != nil {
			return &Error{Kind: KindNotRepository, Message: to.Redacted() + " does not answer as a Git LFS server", Err: err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if (reply.Transfer != "" && reply.Transfer != "basic") || (reply.HashAlgo != "" && reply.HashAlgo != "sha256") {
		return nil, &Error{Kind: KindOther, Message: fmt.Sprintf("%s wants a way to transfer that was not offered: %s", to.Redacted(), oneLine(reply.Transfer+" "+reply.HashAlgo))}
	}
	return &reply, nil
}

// object downloads one object, to where the service says.
func (c *lfsClient) object(ctx context.Context, p pointer, o lfsObject) error {
	action, ok := o.Actions["download"]
	switch {
	case o.Error != nil:
		return &Error{
			Kind: KindNoCommit, Message: fmt.Sprintf("the Git LFS server says: %s (%d)", oneLine(o.Error.Message), o.Error.Code),
			Hint: "Push the content there: git lfs push --all origin",
		}
	case !ok:
		return &Error{Kind: KindNoCommit, Message: "the Git LFS server offers no download for it"}
	}
	from, err := url.Parse(action.Href)
	if err != nil || from.Host == "" || (from.Scheme != "https" && from.Scheme != "http") || (c.base.Scheme == "https" && from.Scheme != "https") {
		return &Error{Kind: KindOther, Message: "the Git LFS server names a place to download from that is not safe to use"}
	}
	for name, value := range action.Header {
		if strings.EqualFold(name, "Authorization") {
			c.secretHeader(value)
		}
	}
	return c.send(ctx, http.MethodGet, from, action.Header, nil, !o.Authenticated, func(res *http.Response) error {
		err := c.storeObject(ctx, p, res.Body)
		var damaged *damagedError
		if errors.As(err, &damaged) {
			return &Error{Kind: KindOther, Message: "what the Git LFS server sent is not used: " + damaged.why, Err: err}
		}
		return err
	})
}

// secretHeader keeps the value of an Authorization header out of messages.
func (c *lfsClient) secretHeader(value string) {
	c.secrets.add(value)
	if _, word, ok := strings.Cut(value, " "); ok {
		c.secrets.add(word)
	}
}
