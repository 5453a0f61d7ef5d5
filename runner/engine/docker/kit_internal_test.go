package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/engine"
)

// archive is a tar of headers, each with as much content as it says but for those that lie about it.
func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = 5
		}
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(tw, "value"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestReadFolder(t *testing.T) {
	dir := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o777} }
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
	link := func(kind byte, name string) tar.Header {
		return tar.Header{Name: name, Linkname: "/etc/passwd", Typeflag: kind}
	}
	var many []tar.Header
	for i := range 40 {
		many = append(many, dir(fmt.Sprintf("data/sub%d/%s/", i, strings.Repeat("deep/", 2000))))
	}
	limits := engine.KitLimits{Files: 3, Bytes: 15}
	for name, tc := range map[string]struct {
		raw    []byte
		want   []string
		tooBig bool
		fails  bool
	}{
		"files":             {raw: archive(t, dir("data/"), file("data/a"), file("data/b")), want: []string{"a", "b"}},
		"as many as may be": {raw: archive(t, dir("data/"), file("data/a"), file("data/b"), file("data/c")), want: []string{"a", "b", "c"}},
		"one more":          {raw: archive(t, dir("data/"), file("data/a"), file("data/b"), file("data/c"), file("data/d")), tooBig: true},
		"what is no file": {
			raw: archive(t, dir("data/"), link(tar.TypeSymlink, "data/s"), link(tar.TypeLink, "data/h"), dir("data/d/"), file("data/d/deeper"),
				tar.Header{Name: "data/p", Typeflag: tar.TypeFifo}, tar.Header{Name: "data/dev", Typeflag: tar.TypeBlock}, file("data/a")),
			want: []string{"a"},
		},
		"names that climb": {raw: archive(t, dir("data/"), file("data/../../x"), file("/etc/x"), file("data/./a")), want: []string{"a"}},
		"no folder":        {raw: archive(t, link(tar.TypeSymlink, "data")), fails: true},
		"a file instead":   {raw: archive(t, file("data")), fails: true},
		"cut":              {raw: archive(t, dir("data/"), file("data/a"))[:1026], fails: true},
		"no archive":       {raw: []byte(strings.Repeat("x", 2000)), fails: true},
		"empty":            {raw: nil, want: []string{}},
		"endless folders":  {raw: archive(t, append([]tar.Header{dir("data/")}, many...)...), tooBig: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readFolder(bytes.NewReader(tc.raw), limits)
			if errors.Is(err, engine.ErrKitTooLarge) != tc.tooBig || (err != nil) != (tc.fails || tc.tooBig) {
				t.Fatalf("%v, want too large: %t, a failure: %t", err, tc.tooBig, tc.fails)
			}
			if err != nil {
				return
			}
			want := map[string][]byte{}
			for _, n := range tc.want {
				want[n] = []byte("value")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
}
