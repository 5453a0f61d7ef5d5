package source

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// secrets knows the credentials of one job in every spelling in which they might appear in a message.
type secrets struct {
	mu     sync.Mutex
	values []string // longest first
}

// minSecret is the length below which a value is not looked for: redacting "a" everywhere helps nobody.
const minSecret = 4

func newSecrets(a Auth) *secrets {
	s := &secrets{}
	s.add(a.Token, a.Password, a.SSHKeyPassphrase, a.SSHKey)
	for _, password := range []string{a.Token, a.Password} {
		s.addBasic(a.Username, password)
	}
	return s
}

// add makes s redact the values, plain and as they look inside a URL.
func (s *secrets) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		for _, spelling := range []string{v, url.QueryEscape(v), url.PathEscape(v), userinfo(v)} {
			if len(spelling) >= minSecret && !slices.Contains(s.values, spelling) {
				s.values = append(s.values, spelling)
			}
		}
	}
	slices.SortFunc(s.values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

// addBasic makes s redact the credentials as the header of basic authentication carries them.
func (s *secrets) addBasic(user, password string) {
	if password != "" {
		s.add(base64.StdEncoding.EncodeToString([]byte(user + ":" + password)))
	}
}

// userinfo spells a password as net/url does in front of the host.
func userinfo(password string) string {
	_, escaped, _ := strings.Cut(url.UserPassword("", password).String(), ":")
	return escaped
}

// redact returns text with every secret replaced.
func (s *secrets) redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.values {
		text = strings.ReplaceAll(text, v, "***")
	}
	return text
}
