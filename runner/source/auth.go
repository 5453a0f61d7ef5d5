package source

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

const (
	dialTimeout      = 30 * time.Second
	handshakeTimeout = 20 * time.Second
)

// or fills what a lacks with b.
func (a Auth) or(b Auth) Auth {
	if a.Token == "" && a.Password == "" {
		a.Token, a.Password = b.Token, b.Password
		if a.Username == "" {
			a.Username = b.Username
		}
	}
	return a
}

// basic returns what to send as basic authentication; ok is false when there is nothing to send.
func (a Auth) basic(host string) (user, password string, ok bool) {
	switch {
	case a.Token != "" && a.Username != "":
		return a.Username, a.Token, true
	case a.Token != "":
		return tokenUser(host), a.Token, true
	case a.Password != "":
		return a.Username, a.Password, true
	}
	return "", "", false
}

// tokenUser is the user name that goes with a token. GitHub takes any; GitLab takes any with a personal token but
// wants oauth2 with an OAuth token; Bitbucket wants its own.
func tokenUser(host string) string {
	switch host = strings.ToLower(host); {
	case strings.Contains(host, "gitlab"):
		return "oauth2"
	case strings.Contains(host, "bitbucket"):
		return "x-token-auth"
	default:
		return "x-access-token"
	}
}

// httpSession opens an upload-pack session over https or http. Closing it drops the connections, too.
func (j *job) httpSession(r remote, a Auth) (session, error) {
	t, err := j.transport()
	if err != nil {
		return nil, err
	}
	host := r.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	var method transport.AuthMethod
	if user, password, ok := a.basic(r.host); ok {
		j.secrets.add(password)
		j.secrets.addBasic(user, password)
		method = &githttp.BasicAuth{Username: user, Password: password}
		if r.scheme == "http" && !isLoopback(r.host) {
			j.notice("credentials were sent to %s unencrypted: the URL is http, not https", r.host)
		}
	}
	endpoint := &transport.Endpoint{Protocol: r.scheme, Host: host, Port: r.port, Path: r.path}
	s, err := githttp.NewClient(&http.Client{Transport: t}).NewUploadPackSession(endpoint, method)
	if err != nil {
		return nil, err
	}
	return &httpConn{session: s, transport: t}, nil
}

// transport is how all requests of this package are made.
func (j *job) transport() (*http.Transport, error) {
	roots, err := certPool(j.CACerts)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: handshakeTimeout,
		ForceAttemptHTTP2:   true,
	}, nil
}

type httpConn struct {
	session
	transport *http.Transport
}

// Close ends the session and the goroutines of its idle connections.
func (c *httpConn) Close() error {
	err := c.session.Close()
	c.transport.CloseIdleConnections()
	return err
}

// certPool returns the system's authorities and those in extra, or nil, which means the system's, without any.
func certPool(extra []byte) (*x509.CertPool, error) {
	if len(extra) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any store: the extra ones are then all there is
	}
	if !pool.AppendCertsFromPEM(extra) {
		hint := "It must hold PEM blocks that begin with -----BEGIN CERTIFICATE-----."
		if block, _ := pem.Decode(extra); block != nil {
			hint = "Its first PEM block is a " + oneLine(block.Type) + ", not a CERTIFICATE."
		}
		return nil, &Error{Kind: KindTLS, Message: "the extra CA certificates hold no certificate that can be read", Hint: hint}
	}
	return pool, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
