package artifacts_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/artifacts"
)

func hashed(t *testing.T, s *artifacts.Selection) (archive []byte, list *artifacts.HashList) {
	t.Helper()
	var b bytes.Buffer
	list, err := s.WriteZipHashes(t.Context(), &b, zipTime)
	must(t, err)
	return b.Bytes(), list
}

// TestHashes compares the list with what is in the archive, for small files and streamed ones.
func TestHashes(t *testing.T) {
	s := selectFiles(t, artifacts.Options{Root: mixed(t)})
	archive, list := hashed(t, s)
	if !bytes.Equal(archive, zipped(t, s, zipTime)) {
		t.Error("the archive differs from that without hashes")
	}
	got := map[string]artifacts.FileHash{}
	for _, f := range list.Files {
		got[f.Path] = f
	}
	want := map[string]artifacts.FileHash{}
	for _, f := range open(t, archive).File {
		want[f.Name] = entryHash(t, f)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var first bytes.Buffer
	must(t, list.WriteJSON(&first))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(7))
	var again bytes.Buffer
	_, list = hashed(t, s)
	must(t, list.WriteJSON(&again))
	if !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Error("the list depends on the number of processors")
	}
}

func entryHash(t *testing.T, f *zip.File) artifacts.FileHash {
	t.Helper()
	r, err := f.Open()
	must(t, err)
	content, err := io.ReadAll(r)
	must(t, err)
	h := artifacts.FileHash{Path: f.Name}
	if f.Mode()&fs.ModeSymlink != 0 {
		h.Link = string(content)
		return h
	}
	sum := sha256.Sum256(content)
	h.SHA256, h.Size, h.Executable = hex.EncodeToString(sum[:]), int64(len(content)), f.Mode()&0o111 != 0
	return h
}

func TestHashListJSON(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("needs a file system that takes names that are not UTF-8")
	}
	_, list := hashed(t, selectFiles(t, artifacts.Options{Root: tree(t, files{
		`a "b"<&>`: "", "run*": "x", "caf\xe9": "x", "to-run": "-> run", "to-caf\xe9": "-> caf\xe9",
	})}))
	var b bytes.Buffer
	must(t, list.WriteJSON(&b))
	type hash struct {
		SHA256       string
		Size         int
		Executable   bool
		Link, Link64 string
	}
	var got struct {
		Version        int
		Files, Files64 map[string]hash
	}
	must(t, json.Unmarshal(b.Bytes(), &got))
	const empty, x = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	base := base64.StdEncoding.EncodeToString
	if diff := cmp.Diff(map[string]hash{`a "b"<&>`: {SHA256: empty}, "run": {SHA256: x, Size: 1, Executable: true}, "to-run": {Link: "run"}}, got.Files); diff != "" {
		t.Error(diff)
	}
	want := map[string]hash{base([]byte("caf\xe9")): {SHA256: x, Size: 1}, base([]byte("to-caf\xe9")): {Link64: base([]byte("caf\xe9"))}}
	if diff := cmp.Diff(want, got.Files64); diff != "" {
		t.Error(diff)
	}
	if got.Version != 1 {
		t.Errorf("version %d", got.Version)
	}
	b.Reset()
	must(t, (&artifacts.HashList{}).WriteJSON(&b))
	if want := "{\n \"version\": 1,\n \"files\": {},\n \"files64\": {}\n}\n"; b.String() != want {
		t.Errorf("an empty list is %q", b.String())
	}
}
