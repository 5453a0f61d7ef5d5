package report

import (
	"slices"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/buildspec/customhttp"
	"github.com/preamp-build/preamp/buildspec/deploymanifest"
)

// Rules returns the rules of all files that are checked, sorted by id.
func Rules() []buildspec.RuleInfo {
	rules := slices.Concat(buildspec.Rules(), customhttp.Rules(), deploymanifest.Rules())
	slices.SortFunc(rules, func(a, b buildspec.RuleInfo) int { return strings.Compare(a.ID, b.ID) })
	return rules
}
