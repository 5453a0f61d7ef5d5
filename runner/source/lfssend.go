package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
)

// send makes one request and hands a good answer to use. What fails for the moment is tried again at once, a few times.
func (c *lfsClient) send(
	ctx context.Context, method string, to *url.URL, header map[string]string, body []byte, login bool, use func(*http.Response) error,
) error {
	var err error
	for range lfsAttempts {
		var again bool
		again, err = c.attempt(ctx, method, to, header, body, login, use)
		if err == nil || !again || ctx.Err() != nil {
			break
		}
	}
	var (
		known *Error
		ours  *localError
	)
	if err == nil || ctx.Err() != nil || errors.As(err, &known) || errors.As(err, &ours) {
		return err
	}
	r := remote{scheme: to.Scheme, host: to.Hostname(), clean: (&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}).String()}
	return classify(err, r, Auth{})
}

// attempt tells whether another one may help.
func (c *lfsClient) attempt(
	ctx context.Context, method string, to *url.URL, header map[string]string, body []byte, login bool, use func(*http.Response) error,
) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("User-Agent", userAgent)
	if method == http.MethodPost {
		req.Header.Set("Accept", lfsMedia)
		req.Header.Set("Content-Type", lfsMedia)
	} else {
		req.Header.Set("Accept-Encoding", "identity") // the hash is that of the content as it is
	}
	for name, value := range header {
		if !slices.Contains(connectionHeaders, http.CanonicalHeaderKey(name)) {
			req.Header.Set(name, value)
		}
	}
	if login {
		c.authorize(req)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return true, err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	if res.StatusCode != http.StatusOK {
		return res.StatusCode >= 500, c.refused(res)
	}
	if err := use(res); err != nil {
		var (
			known *Error
			ours  *localError
		)
		return !errors.As(err, &known) && !errors.As(err, &ours), err
	}
	return false, nil
}

// connectionHeaders are about the connection, which is ours, and not about what is asked for.
var connectionHeaders = []string{"Connection", "Content-Length", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Accept-Encoding"}

// refused says what an answer that is no content means.
func (c *lfsClient) refused(res *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // only for the message
	var said lfsReply
	_ = json.Unmarshal(text, &said) // and that may be a web page
	at := res.Request.URL.Scheme + "://" + res.Request.URL.Host
	e := &Error{Kind: KindOther, Message: fmt.Sprintf("the Git LFS server %s answers %s", at, oneLine(res.Status))}
	if said.Message != "" {
		e.Message += ": " + oneLine(said.Message)
	}
	switch res.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Kind = KindAuth
		e.Hint = "The token needs permission to read the repository's contents. It is sent only to the server that the clone came from."
	case http.StatusNotFound:
		e.Kind = KindNotRepository
		e.Hint = "Hosts also say so when the token may not read the repository, or when Git LFS is switched off for it."
	}
	return e
}

// authenticate asks over ssh where the service is and what to say to it.
func (c *lfsClient) authenticate(ctx context.Context) error {
	out, err := c.sshOutput(ctx, c.up.remote, c.up.auth, "git-lfs-authenticate "+shellQuote(c.up.remote.path)+" download")
	if err != nil {
		return err
	}
	var answer struct {
		Href   string            `json:"href"`
		Header map[string]string `json:"header"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return &Error{Kind: KindOther, Message: fmt.Sprintf("%s does not answer git-lfs-authenticate as Git LFS expects", c.up.remote.address()), Err: err}
	}
	for _, value := range answer.Header {
		c.secretHeader(value)
	}
	c.header = answer.Header
	c.base, err = url.Parse(answer.Href)
	if err != nil || c.base.Host == "" || (c.base.Scheme != "https" && c.base.Scheme != "http") {
		return &Error{Kind: KindOther, Message: c.up.remote.address() + " names no usable URL of its Git LFS service"}
	}
	return nil
}
