package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/redact"
	"github.com/preamp-build/preamp/testdata/need"
)

func secrets(values ...string) []redact.Secret {
	var all []redact.Secret
	for i, v := range values {
		all = append(all, redact.Secret{Name: "S" + strconv.Itoa(i), Value: v})
	}
	return all
}

// through writes the parts to a Writer and returns all that came out.
func through(t *testing.T, r *redact.Redactor, parts ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, p := range parts {
		if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", p, n, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMasking(t *testing.T) {
	tests := []struct {
		name    string
		secrets []string
		in      []string // writes
		want    string
	}{
		{"nothing to hide", nil, []string{"plain ", "text"}, "plain text"},
		{"one hit", []string{"hunter2hunter2"}, []string{"pw=hunter2hunter2;"}, "pw=***;"},
		{"split", []string{"hunter2"}, []string{"pw=hun", "ter", "2;"}, "pw=***;"},
		{"almost", []string{"hunter2"}, []string{"hunter", "1 hunter"}, "hunter1 hunter"},
		{"two at once", []string{"hunter2"}, []string{"hunter2hunter2"}, "******"},
		{"overlaps itself across a split", []string{"aabb"}, []string{"xaaab", "by"}, "xa***y"},
		{"endless", []string{"aaaa"}, []string{"baaaaaaa", "aaaaaaaaaaaa", "ab"}, "b***b"},
		{"prefix of another", []string{"secret", "secret-long"}, []string{"secret-lo secret-long secret"}, "***-lo *** ***"},
		{"suffix of another", []string{"long-secret", "secret"}, []string{"secret long-secret"}, "*** ***"},
		{"inside another", []string{"abcdefghij", "cdef"}, []string{"abcdef abcdefghij"}, "ab*** ***"},
		{"inside another, split", []string{"abcdefghij", "cdef"}, []string{"abcde", "fg", "hij", "abcdefg"}, "***ab***g"},
		{"overlap of two", []string{"abcdef", "efghij"}, []string{"abcd", "efgh", "ij"}, "***"},
		{"chain of three", []string{"abcdef", "efghij", "ijklmn"}, []string{"_abcdefghijklmn_"}, "_***_"},
		{"longer one comes late", []string{"cdef", "ghij", "bcdefghijk"}, []string{"abcdef", "ghi", "jkl"}, "a***l"},
		{"only white space", []string{"    ", "\n\n\n\n\n", ""}, []string{"a    b\n\n\n\n\n"}, "a    b\n\n\n\n\n"},
		{"white space around", []string{"  token1\n"}, []string{"token1\n", "  token1\n"}, "***\n  ***\n"},
		{"too short", []string{"abc"}, []string{"abc"}, "abc"},
		{"lines", []string{"first line\nshort\n--------\nthird line\n"}, []string{"third line, short, --------, first line"}, "***, short, --------, ***"},
		{"lines, whole", []string{"ab\ncd\nef"}, []string{"ab\ncd\nef|ab\r\ncd\r\nef|ab\\ncd\\nef|ab\\r\\ncd\\r\\nef|ab cd ef|ab cd"}, "***|***|***|***|***|ab cd"},
		{"lines, given with CR LF", []string{"ab\r\ncd\r\nef\r\n"}, []string{"ab\ncd\nef\r\n"}, "***\r\n"},
		{"NUL and not UTF-8", []string{"\x00\xff\xfe\x00"}, []string{"a\x00\xff", "\xfe\x00b"}, "a***b"},
		{"beginning and end", []string{"edge1234"}, []string{"edge1234 edge1234"}, "*** ***"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := redact.New(secrets(tt.secrets...)...)
			all := strings.Join(tt.in, "")
			if got := through(t, r, tt.in...); got != tt.want {
				t.Errorf("as written: %q, want %q", got, tt.want)
			}
			if got := through(t, r, strings.Split(all, "")...); got != tt.want {
				t.Errorf("rune by rune: %q, want %q", got, tt.want)
			}
			if got := r.String(all); got != tt.want {
				t.Errorf("String: %q, want %q", got, tt.want)
			}
			if got := string(r.Bytes([]byte(all))); got != tt.want {
				t.Errorf("Bytes: %q, want %q", got, tt.want)
			}
		})
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return strings.Trim(string(b), `"`)
}

func plainJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String()[1:], "\"\n")
}

// wrap breaks s into lines as base64(1) does.
func wrap(s string, width int) string {
	var lines []string
	for c := range slices.Chunk([]byte(s), width) {
		lines = append(lines, string(c))
	}
	return strings.Join(lines, "\n")
}

// TestSpellings masks spellings that are made by code that is not ours.
func TestSpellings(t *testing.T) {
	values := map[string]string{
		"token":   "ghp_0123456789abcdefABCDEF",
		"odd":     `p@ss w0rd/+?&<"it's">%é=😀\!$(x)` + "`",
		"pem":     "-----BEGIN KEY-----\n" + strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", 5) + "\nshort=\n-----END KEY-----\n",
		"binary":  "\x01\x02\xfb\xff\xbf~~~???>>>",
		"six":     "s3cr3t",
		"control": "a\tb\x07c\x1bd\x7fe\u2028f",
	}
	spellings := map[string]func(string) string{
		"raw":             func(s string) string { return s },
		"crlf":            func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"base64":          func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 raw":      func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
		"base64 URL":      func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
		"base64 URL raw":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"base64 with \\n": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s + "\n")) },
		"base64(1)":       func(s string) string { return wrap(base64.StdEncoding.EncodeToString([]byte(s+"\n")), 76) },
		"openssl base64":  func(s string) string { return wrap(base64.StdEncoding.EncodeToString([]byte(s)), 64) },
		"hex":             func(s string) string { return hex.EncodeToString([]byte(s)) },
		"HEX":             func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"query":           url.QueryEscape,
		"path":            url.PathEscape,
		"user":            func(s string) string { return url.UserPassword("", s).String()[1:] },
		"RFC 3986":        func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
		"lower query":     lowerPercent,
		"JSON":            plainJSON,
		"JSON HTML":       func(s string) string { return mustJSON(s) },
		"JSON slash":      func(s string) string { return strings.ReplaceAll(plainJSON(s), "/", `\/`) },
		"JSON ASCII":      func(s string) string { return strings.ReplaceAll(asciiJSON(plainJSON(s)), "\x7f", `\u007f`) },
		"JSON in JSON":    func(s string) string { return plainJSON(plainJSON(s)) },
		"Go":              func(s string) string { q := strconv.Quote(s); return q[1 : len(q)-1] },
		"Go ASCII":        func(s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] },
		"shell single":    func(s string) string { return strings.ReplaceAll(s, `'`, `'\''`) },
		"Python shlex":    func(s string) string { return strings.ReplaceAll(s, `'`, `'"'"'`) },
		"unquoted echo":   func(s string) string { return strings.Join(strings.Fields(s), " ") },
		"console.log of '": func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(plainJSON(s), `\"`, `"`), `'`, `\'`)
		},
	}
	for valueName, value := range values {
		r := redact.New(redact.Secret{Name: "S", Value: value})
		for name, spell := range spellings {
			if valueName == "binary" && (strings.HasPrefix(name, "JSON") || strings.HasPrefix(name, "console")) {
				continue // JSON cannot hold it
			}
			t.Run(valueName+"/"+name, func(t *testing.T) {
				s := spell(strings.TrimSpace(value))
				in := "<<" + s + ">>"
				if got := through(t, r, strings.Split(in, "")...); got != "<<***>>" {
					t.Errorf("%q\nbecame %q", in, got)
				}
			})
		}
	}
}

func lowerPercent(s string) string {
	b := []byte(url.QueryEscape(s))
	for i := range b {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

func asciiJSON(s string) string {
	var out string
	for _, r := range s {
		switch {
		case r < 0x7f:
			out += string(r)
		case r <= 0xffff:
			out += fmt.Sprintf(`\u%04x`, r)
		default:
			out += fmt.Sprintf(`\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		}
	}
	return out
}

func TestBase64InsideLongerText(t *testing.T) {
	const secret = "correct-horse"
	r := redact.New(secrets(secret)...)
	for before := range 7 {
		for after := range 4 {
			in := strings.Repeat("u", before) + secret + strings.Repeat("v", after)
			got := r.String(base64.StdEncoding.EncodeToString([]byte(in)))
			if !strings.Contains(got, "***") {
				t.Errorf("%q: %q is not masked", in, got)
				continue
			}
			// At most the characters that the secret shares with its neighbours may be left: eight bits at each end.
			head, tail, _ := strings.Cut(got, "***")
			if maxHead := (before*8 + 5) / 6; len(head) > maxHead {
				t.Errorf("%q: %q shows more than %d characters before", in, got, maxHead)
			}
			if after == 0 && strings.Trim(tail, "=") != "" {
				t.Errorf("%q: %q shows the end", in, got)
			}
		}
	}
}

func TestBashSpellings(t *testing.T) {
	bash := need.Program(t, "bash")
	for _, value := range []string{"it's a \"test\" $HOME `x` \\ !", "#not~a[comment]{a,b}", "~tilde;|&", "two\nlines'of\ttext\x01\x1b", "caf\u00e9 und mehr\n!"} {
		for name, script := range map[string]string{
			"printf %q":    `printf %q "$V"`,
			"printf %q, C": `LC_ALL=C; printf %q "$V"`,
			"export -p":    `export -p | grep -A9 'V='`,
			"set -x":       `set -x; : "$V"`,
			"${V@Q}":       `echo "${V@Q}"`,
		} {
			t.Run(name+" "+strconv.Quote(value), func(t *testing.T) {
				cmd := exec.CommandContext(t.Context(), bash, "-c", script)
				cmd.Env = []string{"V=" + value, "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"}
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				got := redact.New(redact.Secret{Value: value}).String(string(out))
				if !strings.Contains(got, "***") {
					t.Errorf("%s\nis not masked", out)
				}
				for _, word := range []string{"test", "comment", "tilde", "lines", "mehr"} {
					if strings.Contains(got, word) {
						t.Errorf("%s\nshows %q: %s", out, word, got)
					}
				}
			})
		}
	}
}

func TestTooShort(t *testing.T) {
	r := redact.New(
		redact.Secret{Name: "LONG", Value: "long enough"},
		redact.Secret{Name: "PIN", Value: " 123\n"},
		redact.Secret{Name: "EMPTY"},
		redact.Secret{Name: "BLANK", Value: "     "},
		redact.Secret{Name: "PIN", Value: "12"},
		redact.Secret{Name: "X", Value: "x"},
		redact.Secret{Name: "FOUR", Value: "1234"},
	)
	if diff := cmp.Diff([]string{"PIN", "X"}, r.TooShort()); diff != "" {
		t.Error(diff)
	}
	r.TooShort()[0] = "changed"
	if got := r.TooShort()[0]; got != "PIN" {
		t.Errorf("the caller changed the redactor: %q", got)
	}
}

func TestNil(t *testing.T) {
	var r *redact.Redactor
	if got := through(t, r, "a", "b"); got != "ab" {
		t.Errorf("Writer: %q", got)
	}
	if r.String("s") != "s" || string(r.Bytes([]byte("b"))) != "b" || r.TooShort() != nil {
		t.Error("a nil Redactor changes text")
	}
}

// An interactive line must appear before its newline does.
func TestDeliversAtOnce(t *testing.T) {
	r := redact.New(secrets("hunter2-hunter2", "unter-x")...)
	steps := []struct{ write, want string }{
		{"Password: ", "Password: "},
		{"hunter", ""},         // may become either
		{"-x", "h***"},         // the second; nothing of it can be part of more
		{"h", ""},              //
		{"i", "hi"},            //
		{"hunter2-hunter", ""}, //
		{"2", "***"},           // complete, and no secret begins inside
		{"hunter2-hunter!", "hunter2-hunter!"},
	}
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, s := range steps {
		out.Reset()
		if _, err := w.Write([]byte(s.write)); err != nil {
			t.Fatal(err)
		}
		if out.String() != s.want {
			t.Errorf("after %q: delivered %q, want %q", s.write, out.String(), s.want)
		}
	}
}

func TestFlushEndsTheText(t *testing.T) {
	var out bytes.Buffer
	w := redact.New(secrets("hunter2")...).Writer(&out)
	for _, part := range []string{"hunt", "er2 hunter2"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); got != "hunter2 ***" {
		t.Errorf("got %q", got)
	}
}

type failing struct{ after int }

var errFull = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestErrorsStay(t *testing.T) {
	for name, r := range map[string]*redact.Redactor{"masking": redact.New(secrets("hunter2")...), "nil": nil} {
		w := r.Writer(&failing{after: 1})
		if _, err := w.Write([]byte("one")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if n, err := w.Write([]byte("two")); n != 0 || !errors.Is(err, errFull) {
				t.Errorf("%s: Write = %d, %v", name, n, err)
			}
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("%s: Close = %v", name, err)
		}
	}
}

func TestBytesDoesNotWrite(t *testing.T) {
	in := []byte("hunter2 and hunter2, tail")
	keep := bytes.Clone(in)
	redact.New(secrets("hunter2")...).Bytes(in[:20])
	if !bytes.Equal(in, keep) {
		t.Errorf("the input became %q", in)
	}
}

func TestConcurrentUse(t *testing.T) {
	r := redact.New(secrets("hunter2", "correct horse\nbattery staple")...)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var out bytes.Buffer
			w := r.Writer(&out)
			for range 100 {
				if _, err := w.Write([]byte("x hunter2 battery ")); err != nil {
					t.Error(err)
				}
				r.String("hunter2")
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if want := strings.Repeat("x *** battery ", 100); out.String() != want {
				t.Errorf("got %q", out.String())
			}
		})
	}
	wg.Wait()
}
