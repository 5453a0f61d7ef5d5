package runner

import "strings"

// skipMark at the end of a commit's message asks the service not to build it.
const skipMark = "[skip-cd]"

// unwanted reports whether the commit says that it is not to be built, and whether a commit is what asked for this build:
// somebody who builds by hand means it.
func (b *build) unwanted() bool {
	if !strings.HasSuffix(strings.TrimSpace(b.checkout.Message), skipMark) || b.result.Source.WorkTree {
		return false
	}
	if b.job.Trigger != TriggerPush {
		b.notice("the commit's message ends with %s: the service would not build it by itself", skipMark)
		return false
	}
	b.skipped("build", SkipCD, "the commit's message ends with "+skipMark)
	return true
}
