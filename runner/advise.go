package runner

import (
	"cmp"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner/advice"
)

// cachedParts is what is known of the cache's content.
type cachedParts struct {
	restored, saved []cache.Part
	packed          bool // saved as an archive, so that its size in the store tells something
}

// biggestParts is how many a result has.
const biggestParts = 10

func biggest(parts []cache.Part) []cache.Part {
	there := slices.DeleteFunc(slices.Clone(parts), func(p cache.Part) bool { return p.Files == 0 })
	return there[:min(len(there), biggestParts)]
}

// npmCiRule is the rule of the specification that knows where an npm ci deletes a cached node_modules.
const npmCiRule = "npm-ci-node-modules-cache"

// advise says what the build's numbers show, and remembers those that a later build is compared with.
func (b *build) advise() {
	if b.plan == nil || len(b.result.Sections) == 0 || b.result.Status == StatusCancelled {
		return
	}
	past := b.r.readHistory(b.result.App, b.result.Branch)
	f := b.adviceFacts(past)
	for _, a := range advice.Of(f) {
		b.result.Advice = append(b.result.Advice, a)
		b.send(Advised{a})
	}
	past.add(b, f)
	if err := b.r.writeHistory(b.result.App, b.result.Branch, past); err != nil {
		b.r.Log.Warn().Err(err).Msg("the times of this build cannot be remembered")
	}
}

func (b *build) adviceFacts(past *history) advice.Facts {
	f := advice.Facts{Commands: b.commandsRun(), Paths: b.cachePaths(), Without: past.without(), Memory: b.memory()}
	f.CleanInstall = b.cleanInstall(f.Commands)
	if r := b.result.Cache.Restore; r != nil && r.Hit && r.Files > 0 {
		f.Restore = &advice.Restore{Files: r.Files, Bytes: r.Bytes, Stored: r.Stored, Took: r.Took, Parts: b.cached.restored}
	}
	if s := b.result.Cache.Save; s != nil && s.Saved {
		f.Save = &advice.Save{Files: s.Files, Bytes: s.Bytes, Took: s.Took, Parts: b.cached.saved}
		if b.cached.packed {
			f.Save.Packed = s.Stored
		}
		f.Saves = past.saves(b.cacheKey().ID())
	}
	return f
}

// commandsRun are the commands of the specification that were run to their end, with their places.
func (b *build) commandsRun() []advice.Command {
	key := b.cacheKey()
	var list []advice.Command
	for _, s := range b.result.Sections {
		section := b.plan.Section(s.Name)
		for _, p := range s.Phases {
			i := slices.IndexFunc(section.Phases, func(x Phase) bool { return x.Name == p.Name })
			for n, c := range p.Commands {
				at := advice.Place{File: b.plan.Spec, Line: c.Line}
				if i >= 0 && n < len(section.Phases[i].Commands) {
					at.Column = section.Phases[i].Commands[n].Pos.Column
				}
				list = append(list, advice.Command{
					Key:  shortHash(strings.Join([]string{key.Image, key.Arch, s.Name, p.Name, c.Text}, "\x00")),
					Text: c.Text, Place: at, Code: c.Code, OOM: c.OOM, Took: c.Took,
				})
			}
		}
	}
	return list
}

// cachePaths are the entries of cache.paths that can select something.
func (b *build) cachePaths() []advice.Path {
	if slices.ContainsFunc(b.result.Notices, func(n string) bool { return strings.HasPrefix(n, cache.NothingMatches) }) {
		return nil // it was said
	}
	_, problems := cache.Compile(b.plan.Project, b.plan.Cache)
	var paths []advice.Path
	for i, p := range b.app.Frontend.CachePaths {
		if strings.HasPrefix(p.Value, "!") || slices.ContainsFunc(problems, func(x cache.Problem) bool { return x.Index == i }) {
			continue
		}
		at := p.Span.Start
		paths = append(paths, advice.Path{Pattern: p.Value, Place: advice.Place{File: b.plan.Spec, Line: at.Line, Column: at.Column}})
	}
	return paths
}

// cleanInstall finds the command in which the specification's checks have seen an npm ci in spite of the cache.
func (b *build) cleanInstall(commands []advice.Command) *advice.CleanInstall {
	for _, d := range b.found {
		if d.Rule != npmCiRule {
			continue
		}
		at := d.Span.Start
		for _, c := range commands {
			// Of a monorepo's specification only some commands are this application's.
			if c.Line > 0 && c.Line <= at.Line && at.Line <= c.Line+strings.Count(c.Text, "\n")+1 && strings.Contains(c.Text, "npm") {
				return &advice.CleanInstall{Command: c, Rule: d.Rule, Place: advice.Place{File: b.plan.Spec, Line: at.Line, Column: at.Column}}
			}
		}
	}
	return nil
}

func (b *build) memory() advice.Memory {
	u := b.result.Usage
	return advice.Memory{
		Peak: u.PeakMemory, Limit: u.MemoryLimit, Partly: !b.result.Engine.Isolated, Instance: b.job.Size, Instances: instances(),
	}
}

// instances are the service's, the smallest first.
func instances() []advice.Instance {
	var list []advice.Instance
	for name, l := range Sizes {
		list = append(list, advice.Instance{Name: name, Memory: l.Memory, CPUs: l.CPUs})
	}
	slices.SortFunc(list, func(a, b advice.Instance) int { return cmp.Compare(a.Memory, b.Memory) })
	return list
}

// moreMemory is the end of a sentence that says how a build that has used up its memory gets more.
func moreMemory(limit int64) string {
	i, ok := advice.Larger(limit, instances())
	if !ok {
		return "; the service has no larger instance"
	}
	return ", or --size " + i.Name + " with " + advice.HeapHint(i)
}
