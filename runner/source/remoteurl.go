package source

import (
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// remote is a parsed repository URL, without its credentials.
type remote struct {
	scheme string // https, http, ssh or file
	user   string // ssh only
	host   string // without port, IPv6 without brackets
	port   int    // 0 is the scheme's default
	path   string // as the server wants it; absolute and native for file
	// clean is the URL in the form that it was given in, without credentials: for people and for .git/config.
	clean string
}

// parseRemote understands what git clone does, except the transports that run a program or have no encryption and no
// authentication. It returns the credentials that were in the URL apart from it.
func parseRemote(raw string) (remote, Auth, error) {
	refuse := func(message, hint string) (remote, Auth, error) {
		return remote{}, Auth{}, &Error{Kind: KindNotRepository, Message: message, Hint: hint}
	}
	if strings.ContainsAny(raw, "\x00\r\n\t") || strings.TrimSpace(raw) == "" {
		return refuse("the repository URL is empty or has control characters", "")
	}
	scheme, _, isURL := strings.Cut(raw, "://")
	if !isURL {
		return parseSCP(raw)
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The parser's error quotes the URL, and with it possibly a password that it could not make out.
		return refuse("the repository URL cannot be read",
			"Write it as https://host/owner/repository.git; special characters in a password must be %-escaped.")
	}
	switch strings.ToLower(scheme) {
	case "https", "http":
		return parseHTTP(u)
	case "ssh", "git+ssh", "ssh+git":
		return parseSSH(u)
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return refuse("a file:// URL cannot name a host", "Write file:///absolute/path.")
		}
		return remote{scheme: "file", path: filepath.FromSlash(u.Path), clean: "file://" + u.EscapedPath()}, Auth{}, nil
	default:
		return refuse("preamp does not clone from "+oneLine(scheme)+":// URLs", "Use https:// or ssh://.")
	}
}

func parseHTTP(u *url.URL) (remote, Auth, error) {
	var auth Auth
	if password, ok := u.User.Password(); ok {
		auth.Username, auth.Password = u.User.Username(), password
	} else if u.User != nil {
		// https://TOKEN@host is how tokens are often written; a bare user name would be of no use without a prompt.
		auth.Token = u.User.Username()
	}
	if u.Hostname() == "" {
		return remote{}, Auth{}, &Error{Kind: KindNotRepository, Message: "the repository URL names no host"}
	}
	r := remote{scheme: strings.ToLower(u.Scheme), host: u.Hostname(), path: strings.TrimRight(u.EscapedPath(), "/")}
	r.port, _ = strconv.Atoi(u.Port())
	// A query may carry a token too, and no forge needs one to find a repository.
	r.clean = (&url.URL{Scheme: r.scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	return r, auth, nil
}

func parseSSH(u *url.URL) (remote, Auth, error) {
	if u.Hostname() == "" {
		return remote{}, Auth{}, &Error{Kind: KindNotRepository, Message: "the repository URL names no host"}
	}
	r := remote{scheme: "ssh", user: u.User.Username(), host: u.Hostname(), path: u.Path}
	r.port, _ = strconv.Atoi(u.Port())
	if strings.HasPrefix(r.path, "/~") {
		r.path = r.path[1:]
	}
	password, _ := u.User.Password()
	clean := url.URL{Scheme: "ssh", Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if r.user != "" {
		clean.User = url.User(r.user)
	}
	r.clean = clean.String()
	return r, Auth{Password: password}, nil
}

// parseSCP reads [user@]host:path, and takes anything else for a path on this machine: as git does, a colon only
// separates a host when no slash comes before it.
func parseSCP(raw string) (remote, Auth, error) {
	if strings.Contains(raw, "::") && !strings.HasPrefix(raw, "[") && !strings.Contains(raw, "@[") {
		return remote{}, Auth{}, &Error{
			Kind: KindNotRepository, Message: "preamp does not run git's remote helpers", Hint: "Use https:// or ssh://.",
		}
	}
	host, repo, ok := cutHost(raw)
	if !ok || strings.Contains(host, "/") {
		abs, err := filepath.Abs(raw)
		if err != nil {
			return remote{}, Auth{}, err
		}
		return remote{scheme: "file", path: abs, clean: abs}, Auth{}, nil
	}
	user, name := "", host
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		user, name = host[:i], host[i+1:]
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	user, password, _ := strings.Cut(user, ":")
	if name == "" || repo == "" {
		return remote{}, Auth{}, &Error{Kind: KindNotRepository, Message: "the repository URL names no host or no path"}
	}
	r := remote{scheme: "ssh", user: user, host: name, path: repo}
	r.clean = name + ":" + repo
	if strings.Contains(name, ":") {
		r.clean = "[" + name + "]:" + repo
	}
	if user != "" {
		r.clean = user + "@" + r.clean
	}
	return r, Auth{Password: password}, nil
}

// cutHost splits at the colon behind the host. A colon in front of the @ belongs to a password, one in brackets to an
// IPv6 address.
func cutHost(raw string) (host, repo string, ok bool) {
	from := 0
	if at := strings.IndexByte(raw, '@'); at >= 0 && !strings.Contains(raw[:at], "/") {
		from = at + 1
	}
	if strings.HasPrefix(raw[from:], "[") {
		end := strings.Index(raw[from:], "]:")
		if end < 0 {
			return "", "", false
		}
		from += end + 1
	}
	colon := strings.IndexByte(raw[from:], ':')
	if colon < 0 {
		return "", "", false
	}
	return raw[:from+colon], raw[from+colon+1:], true
}

// name is the last part of the path, which git clone would name the folder after.
func (r remote) name() string { return repositoryName(r.path) }

func repositoryName(p string) string {
	p = strings.TrimRight(filepath.ToSlash(p), "/")
	p = strings.TrimSuffix(strings.TrimSuffix(p, ".git"), "/")
	if unescaped, err := url.PathUnescape(p); err == nil {
		p = unescaped
	}
	name := path.Base(p)
	if i := strings.LastIndexAny(name, `:\`); i >= 0 {
		name = name[i+1:]
	}
	name = oneLine(name)
	if name == "" || name == "." || name == ".." || name == "/" {
		return "repository"
	}
	return name
}

// address is host and port for dialling.
func (r remote) address() string {
	port := r.port
	if port == 0 {
		port = map[string]int{"https": 443, "http": 80, "ssh": 22}[r.scheme]
	}
	return net.JoinHostPort(r.host, strconv.Itoa(port))
}

// Clean takes the credentials out of the URL of a repository. The error is an *Error, and does not quote the URL.
func Clean(raw string) (clean string, auth Auth, err error) {
	r, auth, err := parseRemote(raw)
	return r.clean, auth, err
}

// cleanURL strips the credentials of a URL found in a configuration; "" when it is not a network URL.
func cleanURL(raw string) string {
	r, _, err := parseRemote(raw)
	if err != nil || r.scheme == "file" {
		return ""
	}
	return r.clean
}
