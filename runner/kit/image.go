package kit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/preamp-build/preamp/runner/engine"
)

// Label is the label of an image that holds the kit already, so that no build has to wait for it to be written. Its value is the Sum
// of that kit: an image with the kit of another preamp is given this one's.
const Label = "preamp.kit"

// Sum tells kits apart.
func Sum(dir string) string {
	h := sha256.New()
	for _, f := range Files(dir, nil) {
		fmt.Fprintf(h, "%q %v %q\n", path.Join(dir, f.Name), f.Mode, f.Data)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Beyond are the files that a build needs where the kit itself is there: those that hold values.
func Beyond(values map[string][]byte) []engine.KitFile {
	return Files("", values)[len(Files("", nil)):]
}

// Context is a tar to build an image from: that named base, with a kit at dir and links to its programs.
func Context(base, dir string) ([]byte, error) {
	var files []engine.KitFile
	folders := strings.Split(strings.Trim(dir, "/"), "/")
	for i := range folders {
		files = append(files, engine.KitFile{Name: path.Join(folders[:i+1]...), Mode: fs.ModeDir | 0o755})
	}
	for _, f := range Files(dir, nil) {
		f.Name = path.Join(dir, f.Name)
		files = append(files, f)
		if link, ok := engine.ProgramLink(f); ok {
			files = append(files, link)
		}
	}
	layer, err := engine.Pack(files)
	if err != nil {
		return nil, err
	}
	context, err := engine.Pack([]engine.KitFile{
		{Name: "kit.tar", Mode: 0o644, Data: layer.Bytes()},
		{Name: "Dockerfile", Mode: 0o644, Data: []byte("FROM " + base + "\nADD kit.tar /\n")},
	})
	if err != nil {
		return nil, err
	}
	return context.Bytes(), nil
}
