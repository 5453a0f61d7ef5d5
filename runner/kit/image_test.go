package kit_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/runner/kit"
)

// contents lists a tar: folders, links with their targets, files with their first line.
func contents(t *testing.T, raw []byte) (list []string, files map[string][]byte) {
	t.Helper()
	files = map[string][]byte{}
	tr := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return list, files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = data
		line, _, _ := strings.Cut(string(data), "\n")
		list = append(list, strings.TrimSpace(fmt.Sprintf("%04o %s %s%s", h.Mode, h.Name, h.Linkname, line)))
	}
}

func TestContext(t *testing.T) {
	raw, err := kit.Context("sha256:abc", "/opt/it's/kit")
	if err != nil {
		t.Fatal(err)
	}
	_, files := contents(t, raw)
	if got, want := string(files["Dockerfile"]), "FROM sha256:abc\nADD kit.tar /\n"; got != want {
		t.Errorf("Dockerfile:\n%s\nwant\n%s", got, want)
	}
	got, in := contents(t, files["kit.tar"])
	want := []string{
		"0755 opt/", "0755 opt/it's/", "0755 opt/it's/kit/", "0755 opt/it's/kit/bin/",
		"0755 opt/it's/kit/bin/amplifyPush #!/bin/sh", "0777 usr/local/bin/amplifyPush /opt/it's/kit/bin/amplifyPush",
		"0755 opt/it's/kit/bin/envCache #!/bin/sh", "0777 usr/local/bin/envCache /opt/it's/kit/bin/envCache",
		"0777 opt/it's/kit/unfinished/", "0777 opt/it's/kit/values/",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, f := range kit.Files("/opt/it's/kit", nil) {
		if !f.Mode.IsDir() && !bytes.Equal(in["opt/it's/kit/"+f.Name], f.Data) {
			t.Errorf("%s is not the kit's", f.Name)
		}
	}
}

// A kit in an image and what goes beyond it are a whole kit.
func TestBeyond(t *testing.T) {
	values := map[string][]byte{"a": []byte("1"), "b c": []byte("2")}
	if diff := cmp.Diff(kit.Files("/k", values), append(kit.Files("/k", nil), kit.Beyond(values)...)); diff != "" {
		t.Error(diff)
	}
	if got := kit.Beyond(nil); len(got) > 0 {
		t.Errorf("beyond an empty kit: %v", got)
	}
	if kit.Sum("/a") == kit.Sum("/b") {
		t.Error("sums do not tell kits apart")
	}
}
