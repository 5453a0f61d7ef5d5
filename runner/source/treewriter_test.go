package source

import (
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"
)

func TestParseTree(t *testing.T) {
	hash := strings.Repeat("h", 20)
	var h plumbing.Hash
	copy(h[:], hash)
	tests := map[string]struct {
		text string
		want []object.TreeEntry // nil: it is refused
	}{
		"modes": {
			"100644 a\x00" + hash + "40000 b c\x00" + hash + "120000 \n\x00" + hash + "160000 s\x00" + hash,
			[]object.TreeEntry{
				{Name: "a", Mode: filemode.Regular, Hash: h},
				{Name: "b c", Mode: filemode.Dir, Hash: h},
				{Name: "\n", Mode: filemode.Symlink, Hash: h},
				{Name: "s", Mode: filemode.Submodule, Hash: h},
			},
		},
		"no name":      {"100644 \x00" + hash, []object.TreeEntry{{Mode: filemode.Regular, Hash: h}}},
		"hash cut off": {text: "100644 a\x00" + hash[1:]},
		"no hash":      {text: "100644 a\x00"},
		"no zero":      {text: "100644 a"},
		"no space":     {text: "100644"},
		"no mode":      {text: " a\x00" + hash},
		"mode":         {text: "9 a\x00" + hash},
		"second":       {text: "100644 a\x00" + hash + "1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseTree([]byte(tt.text))
			switch {
			case (err != nil) != (tt.want == nil):
				t.Errorf("%+v, %v", got, err)
			case err == nil:
				if diff := cmp.Diff(tt.want, got.Entries); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	if got, err := parseTree(nil); err != nil || len(got.Entries) > 0 { // the empty tree
		t.Errorf("%+v, %v", got, err)
	}
}
