package buildspec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseTree(t *testing.T) {
	src := "# headers\nlist: [a, 1, true, ~]\nbase: &b { x: 'y' }\nother:\n  <<: *b\n  z: \"1\"\n"
	root, ds := ParseTree("customHttp.yml", []byte(src))
	if len(ds) > 0 || root == nil || root.Kind != MapNode {
		t.Fatalf("root %+v, findings %v", root, ds)
	}
	var got []string
	for _, item := range root.Get("list").Value.Items {
		got = append(got, item.Text.Value+map[bool]string{true: " string"}[item.IsString]+map[bool]string{true: " null"}[item.IsNull()])
	}
	if diff := cmp.Diff([]string{"a string", "1", "true", " null"}, got); diff != "" {
		t.Errorf("list (-want +got)\n%s", diff)
	}
	other := root.Get("other").Value
	if x := other.Get("x"); x == nil || x.Value.Text.Value != "y" || x.Value.Text.Span.Start != (Pos{3, 15}) {
		t.Errorf("a merged entry must keep the place of the original: %+v", x)
	}
	if z := other.Get("z"); z == nil || !z.Value.IsString || z.Value.Span.String() != "6:6-6:9" {
		t.Errorf("z = %+v", z)
	}
	if root.Get("missing") != nil || root.Get("list").Value.Get("a") != nil {
		t.Error("Get must find keys of maps only")
	}
}

func TestParseTreeProblems(t *testing.T) {
	cases := map[string]struct{ src, rule string }{
		"empty":         {"# nothing\n", ruleEmpty},
		"duplicate key": {"a: 1\nb: 2\na: 3\n", ruleDuplicateKey},
		"not YAML":      {"a: [1\nb: 2\n", ruleUnclosed},
		"two documents": {"a: 1\n---\nb: 2\n", ruleMultiDoc},
		"UTF-16":        {"\xff\xfea\x00", ruleEncoding},
		"too large":     {strings.Repeat("#", MaxFileSize+1), ruleTooLarge},
		"too deep":      {strings.Repeat("[", 150) + strings.Repeat("]", 150), ruleTooDeep},
		"bomb":          {bomb(10, 9), ruleAliasBomb},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root, ds := ParseTree("customHttp.yml", []byte(tc.src))
			if root != nil || !ds.HasErrors() || ds[0].Rule != tc.rule {
				t.Fatalf("root %v, findings %v; want the rule %s", root, ds, tc.rule)
			}
			for _, d := range ds {
				if text := d.Message + d.Help + d.Amplify; strings.Contains(text, "build spec") {
					t.Errorf("a finding about another file speaks of the build specification: %s", text)
				}
			}
		})
	}
}
