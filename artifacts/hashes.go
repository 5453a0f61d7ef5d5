package artifacts

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// A FileHash is the identity of one file of an artifact.
type FileHash struct {
	Path       string // in the artifact, with slashes
	SHA256     string // of the content, hexadecimal; "" for a link
	Size       int64  // bytes; 0 for a link
	Executable bool
	Link       string // the target of a link
}

// A HashList has the hash of every file of an artifact, so that whoever deploys it can leave out what did not change. The service
// uploads such a list, too, in a form that is not public; this one is ours.
type HashList struct {
	Files []FileHash // in the order of Selection.Files
}

func newHashList(files []File) *HashList {
	l := &HashList{Files: make([]FileHash, len(files))}
	for i, f := range files {
		l.Files[i] = FileHash{Path: f.Path, Size: f.Size, Executable: f.Mode.Perm()&0o111 != 0 && f.Link == "", Link: f.Link}
	}
	return l
}

// set is safe for concurrent use with different i.
func (l *HashList) set(i int, sum []byte) {
	if l != nil && l.Files[i].Link == "" {
		l.Files[i].SHA256 = hex.EncodeToString(sum)
	}
}

// jsonHash is a FileHash in the written list.
type jsonHash struct {
	SHA256     string  `json:"sha256,omitempty"`
	Size       *int64  `json:"size,omitempty"`
	Executable bool    `json:"executable,omitempty"`
	Link       *string `json:"link,omitempty"`
	Link64     []byte  `json:"link64,omitempty"`
}

func (f FileHash) json() jsonHash {
	switch {
	case f.Link == "":
		return jsonHash{SHA256: f.SHA256, Size: &f.Size, Executable: f.Executable}
	case utf8.ValidString(f.Link):
		return jsonHash{Link: &f.Link}
	}
	return jsonHash{Link64: []byte(f.Link)}
}

// WriteJSON writes the list as JSON, one file a line:
//
//	{
//	 "version": 1,
//	 "files": {
//	  "index.html": {"sha256":"…","size":12},
//	  "run.sh": {"sha256":"…","size":3,"executable":true},
//	  "latest": {"link":"run.sh"}
//	 },
//	 "files64": {}
//	}
//
// JSON holds Unicode only. Files whose name is not UTF-8 are in files64, with the name in base64; such a target of a
// link is in link64. The same files give the same bytes.
func (l *HashList) WriteJSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, "{\n \"version\": 1,\n \"files\": ")
	if err := l.group(out, true); err != nil {
		return err
	}
	fmt.Fprint(out, ",\n \"files64\": ")
	if err := l.group(out, false); err != nil {
		return err
	}
	fmt.Fprint(out, "\n}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("artifact hashes: %w", err)
	}
	return nil
}

// group writes the files with names that are UTF-8, or the others. Errors of out come again at its Flush.
func (l *HashList) group(out *bufio.Writer, text bool) error {
	separator, end := "{\n  ", "{}"
	for _, f := range l.Files {
		if utf8.ValidString(f.Path) != text {
			continue
		}
		name := f.Path
		if !text {
			name = base64.StdEncoding.EncodeToString([]byte(f.Path))
		}
		key, err := json.Marshal(name)
		if err != nil {
			return fmt.Errorf("artifact hashes: %w", err)
		}
		val, err := json.Marshal(f.json())
		if err != nil {
			return fmt.Errorf("artifact hashes: %w", err)
		}
		fmt.Fprintf(out, "%s%s: %s", separator, key, val)
		separator, end = ",\n  ", "\n }"
	}
	fmt.Fprint(out, end)
	return nil
}
