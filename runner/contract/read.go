package contract

import (
	"fmt"
	"io"
	"reflect"

	"github.com/preamp-build/preamp/runner"
)

// Read reads a job document to its end and checks it. An error is an *Error, or that of from.
func Read(from io.Reader) (*Job, error) {
	raw, err := io.ReadAll(io.LimitReader(from, MaxJob+1))
	if err != nil {
		return nil, fmt.Errorf("read the job: %w", err)
	}
	return Parse(raw)
}

// Parse reads a job document and checks it: a job that it returns is one that can be run, as far as that can be known
// without looking at the repository, the engine and this machine's files. The error is an *Error. It is safe for
// concurrent use.
func Parse(raw []byte) (*Job, error) {
	r := &reader{raw: raw}
	root := r.parse()
	if root == nil {
		return nil, r.err()
	}
	if !root.is('{') {
		r.wrong(root, "$", "an object")
		return nil, r.err()
	}
	if !r.version(root) {
		return nil, r.err()
	}
	j := &Job{}
	r.decode(root, "$", reflect.ValueOf(j).Elem())
	(&checker{reader: r, root: root}).job(j)
	if err := r.err(); err != nil {
		return nil, err
	}
	return j, nil
}

// version decides how the document is read. Of a version that is not known, nothing further can be said.
func (r *reader) version(root *node) bool {
	const path = "$.version"
	n := root.get("version")
	if n == nil {
		r.add(root.offset, path, "the field is missing: this preamp reads version %s", Version)
		return false
	}
	text, ok := n.value.(string)
	if !ok {
		r.wrong(n, path, fmt.Sprintf("a string such as %q", Version))
		return false
	}
	if err := runner.CheckVersion(text, Version); err != nil {
		r.add(n.offset, path, "%v", err)
		return false
	}
	_, minor, _ := runner.ParseVersion(text) // CheckVersion has read it
	_, known, _ := runner.ParseVersion(Version)
	r.lenient = minor > known
	return true
}
