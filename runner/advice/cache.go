package advice

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/preamp-build/preamp/cache"
)

// What is too little to speak of.
const (
	fewFiles  = 100
	fewBytes  = 1 << 20
	shortTime = time.Second
)

// npmCi says what npm ci threw away. The rule of preamp validate knows that it does; here are the numbers.
func npmCi(f *Facts) *Advice {
	c := f.CleanInstall
	if c == nil || f.Restore == nil || c.Command.Code != 0 {
		return nil
	}
	had := modulesOf(f.Restore.Parts)
	if had.Files < fewFiles && had.Bytes < fewBytes {
		return nil
	}
	// A condition may have kept the command from being run, which only the files know.
	if f.Save != nil && 2*modulesOf(f.Save.Parts).Kept > had.Files {
		return nil
	}
	return (&Advice{
		ID: idNpmCi, Rule: c.Rule,
		Message: fmt.Sprintf("npm ci deleted the node_modules that the cache had brought (%s, %s) and installed them anew, in %s",
			count(had.Files, "file", "files"), bytesOf(had.Bytes), Took(c.Command.Took)),
		Help:    "cache .npm/**/* instead and run npm ci --cache .npm --prefer-offline, or keep the cache and run npm install",
		Numbers: map[string]float64{"files": float64(had.Files), "bytes": float64(had.Bytes), "commandSeconds": c.Command.Took.Seconds()},
	}).at(c.Place)
}

// modulesReplaced is the same for whatever else has done it, known from the files alone.
func modulesReplaced(f *Facts) *Advice {
	if f.Restore == nil || f.Save == nil || npmCi(f) != nil {
		return nil
	}
	had, now := modulesOf(f.Restore.Parts), modulesOf(f.Save.Parts)
	if had.Files < fewFiles && had.Bytes < fewBytes || now.Replaced*10 < had.Files*9 {
		return nil
	}
	return (&Advice{
		ID: idReplaced,
		Message: fmt.Sprintf("the build deleted or wrote anew %s of the %s (%s) of node_modules that the cache had brought",
			humanize.Comma(int64(now.Replaced)), count(had.Files, "file", "files"), bytesOf(had.Bytes)),
		Help:    "the install does not use what it finds: cache the package manager's own store instead",
		Numbers: map[string]float64{"replaced": float64(now.Replaced), "files": float64(had.Files), "bytes": float64(had.Bytes)},
	}).at(pathOf(f, modules))
}

// modulesOf adds up all that is in a node_modules.
func modulesOf(parts []cache.Part) cache.Part {
	var sum cache.Part
	for _, r := range Roots(parts) {
		if isModules(r.Path) {
			sum.Files += r.Files
			sum.Bytes += r.Bytes
			sum.Replaced += r.Replaced
			sum.Kept += r.Kept
		}
	}
	return sum
}

// gain is this build compared with one that had no cache.
type gain struct {
	cost       time.Duration // of restoring and saving
	then, now  time.Duration // of the commands that both have run
	best       Command       // of them the one that gained most
	bestBefore time.Duration
}

func (g gain) saved() time.Duration { return g.then - g.now }

// compare reports false where there is nothing to compare.
func compare(f *Facts) (g gain, ok bool) {
	if f.Restore == nil || f.Without == nil {
		return g, false
	}
	g.cost = f.Restore.Took
	if f.Save != nil {
		g.cost += f.Save.Took
	}
	most, seen := time.Duration(0), map[string]bool{}
	for _, c := range f.Commands {
		then, known := f.Without.Commands[c.Key]
		if !known || c.Code != 0 || seen[c.Key] {
			continue
		}
		seen[c.Key] = true
		c.Took = total(f.Commands, c.Key)
		ok = true
		g.then += then
		g.now += c.Took
		if then-c.Took > most {
			most, g.best, g.bestBefore = then-c.Took, c, then
		}
	}
	return g, ok
}

// total is what all runs of a command took; a past has one number for them, too.
func total(all []Command, key string) time.Duration {
	var sum time.Duration
	for _, c := range all {
		if c.Key == key {
			sum += c.Took
		}
	}
	return sum
}

func (g gain) numbers() map[string]float64 {
	return map[string]float64{"cacheSeconds": g.cost.Seconds(), "commandSeconds": g.now.Seconds(), "commandSecondsWithout": g.then.Seconds()}
}

const day = "2006-01-02"

// cacheCosts speaks up when a build without the cache would have been faster, going by one that was.
func cacheCosts(f *Facts) *Advice {
	g, ok := compare(f)
	if !ok || g.cost < shortTime || g.cost <= g.saved() {
		return nil
	}
	return (&Advice{
		ID: idCosts,
		Message: fmt.Sprintf("restoring and saving the cache took %s and the commands %s; without a cache the commands took %s, on %s",
			Took(g.cost), Took(g.now), Took(g.then), f.Without.Ended.UTC().Format(day)),
		Help: "it costs more than it saves: cache less, or nothing", Numbers: g.numbers(),
	}).at(firstPath(f))
}

// cacheSaves says what the cache is good for, where that is noticeable.
func cacheSaves(f *Facts) *Advice {
	g, ok := compare(f)
	net := g.saved() - g.cost
	if !ok || net < shortTime || net*20 < g.then || g.bestBefore == 0 {
		return nil
	}
	return &Advice{
		ID: idSaves,
		Message: fmt.Sprintf("the cache took %s and %s %s; without a cache that took %s, on %s", Took(g.cost),
			commandName(g.best.Text), Took(g.best.Took), Took(g.bestBefore), f.Without.Ended.UTC().Format(day)),
		Numbers: g.numbers(),
	}
}

// The service takes no larger cache; its documents do not say packed or not, its log says that it is an archive.
const maxService = 5e9

func cacheNearLimit(f *Facts) *Advice {
	if f.Save == nil {
		return nil
	}
	a := &Advice{
		ID: idNearLimit, Help: "what is larger the service does not keep: leave out what can be made again, with ! in cache.paths",
		Numbers: map[string]float64{"bytes": float64(f.Save.Bytes), "packedBytes": float64(f.Save.Packed), "limitBytes": maxService},
	}
	switch {
	case f.Save.Packed > maxService*8/10:
		a.Message = fmt.Sprintf("the cache takes %s packed, and the service's may have %s", bytesOf(f.Save.Packed), bytesOf(maxService))
	case f.Save.Packed == 0 && f.Save.Bytes > maxService:
		a.Message = fmt.Sprintf("the cache holds %s, not packed here, and the service's may have %s as an archive", bytesOf(f.Save.Bytes), bytesOf(maxService))
	default:
		return nil
	}
	return a.at(firstPath(f))
}

// pathsEmpty names the cache paths below which there is nothing to keep.
func pathsEmpty(f *Facts) *Advice {
	if f.Save == nil || f.Save.Parts == nil && f.Save.Files > 0 {
		return nil
	}
	var empty []Path
	for _, p := range f.Paths {
		if dir := literal(p.Pattern); dir != "" && !slices.ContainsFunc(f.Save.Parts, func(x cache.Part) bool { return x.Files > 0 && meets(x.Path, dir) }) {
			empty = append(empty, p)
		}
	}
	if len(empty) == 0 {
		return nil
	}
	var names []string
	for _, p := range empty[:min(len(empty), 3)] {
		names = append(names, fmt.Sprintf("%q", p.Pattern))
	}
	if more := len(empty) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return (&Advice{
		ID: idEmpty, Message: "the build left nothing to cache for " + strings.Join(names, ", "),
		Help:    "paths are relative to the project's folder; tell the tool to keep its cache there, or remove the path",
		Numbers: map[string]float64{"paths": float64(len(empty))},
	}).at(empty[0].Place)
}

// literal is the folder or file that a pattern begins with, before its first special character.
func literal(pattern string) string {
	pattern = strings.TrimPrefix(pattern, "./")
	if i := strings.IndexAny(pattern, `*?[{\`); i >= 0 {
		pattern = pattern[:strings.LastIndexByte(pattern[:i], '/')+1]
	}
	if pattern = path.Clean(pattern); pattern == "." || strings.HasPrefix(pattern, "/") || strings.HasPrefix(pattern, "..") {
		return ""
	}
	return pattern
}

// meets reports whether something of a part may lie in dir.
func meets(part, dir string) bool {
	return part == dir || strings.HasPrefix(part, dir+"/") || strings.HasPrefix(dir, part+"/")
}

// How much a cache has to grow, and how often, to be told of.
const (
	growths   = 3
	growBytes = 50e6
)

// cacheGrows looks at the last builds: what grows each time is never read again, or only in part.
func cacheGrows(f *Facts) *Advice {
	if f.Save == nil || len(f.Saves) < growths {
		return nil
	}
	last := append(slices.Clone(f.Saves[len(f.Saves)-growths:]), Size{f.Save.Bytes, sizes(f.Save.Parts)})
	for i := range growths {
		if last[i+1].Bytes <= last[i].Bytes {
			return nil
		}
	}
	from := last[0]
	if grown := f.Save.Bytes - from.Bytes; grown < growBytes || grown*5 < from.Bytes {
		return nil
	}
	a := &Advice{
		ID: idGrows, Message: fmt.Sprintf("the cache has grown in each of the last %d builds, from %s to %s", growths, bytesOf(from.Bytes), bytesOf(f.Save.Bytes)),
		Help:    "leave out with ! in cache.paths what is added and never removed, or have a command remove what is old (npm cache verify, pnpm store prune)",
		Numbers: map[string]float64{"builds": growths, "bytesBefore": float64(from.Bytes), "bytes": float64(f.Save.Bytes)},
	}
	most, name := int64(0), ""
	for root, bytes := range last[growths].Roots {
		if d := bytes - from.Roots[root]; d > most || d == most && root < name {
			most, name = d, root
		}
	}
	if before, known := from.Roots[name]; known {
		a.Message += fmt.Sprintf(", most of it %s (%s to %s)", name, bytesOf(before), bytesOf(last[growths].Roots[name]))
	}
	return a.at(pathOf(f, name))
}

// MaxRoots bounds what is remembered of a save.
const MaxRoots = 20

func sizes(parts []cache.Part) map[string]int64 {
	list := slices.SortedFunc(maps.Values(Roots(parts)), bySize)
	m := map[string]int64{}
	for _, r := range list[:min(len(list), MaxRoots)] {
		m[r.Path] = r.Bytes
	}
	return m
}

// SizeOf is what is remembered of a save.
func SizeOf(bytes int64, parts []cache.Part) Size { return Size{bytes, sizes(parts)} }

func bySize(a, b cache.Part) int {
	return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
}

// sensible is how much a cache may hold without a word: node_modules of a large application.
const sensible = 512 << 20

// cacheLarge names the biggest folders of a large cache, and of each node_modules its biggest packages.
func cacheLarge(f *Facts) *Advice {
	if f.Save == nil || f.Save.Bytes < sensible || len(f.Save.Parts) == 0 {
		return nil
	}
	a := &Advice{
		ID: idLarge, Help: "leave out what the build does not need, with ! in cache.paths: the service packs and unpacks all of it in each build",
		Numbers: map[string]float64{"bytes": float64(f.Save.Bytes), "files": float64(f.Save.Files)},
	}
	var names []string
	roots := slices.SortedFunc(maps.Values(Roots(f.Save.Parts)), bySize)
	for _, r := range roots[:min(len(roots), 3)] {
		if r.Bytes*20 < f.Save.Bytes {
			break
		}
		name := r.Path + " " + bytesOf(r.Bytes)
		if isModules(r.Path) {
			name += biggest(r.Path, f.Save.Parts)
		}
		names = append(names, name)
	}
	a.Message = fmt.Sprintf("the cache holds %s in %s", bytesOf(f.Save.Bytes), count(f.Save.Files, "file", "files"))
	if len(names) > 0 {
		a.Message += ": " + strings.Join(names, ", ")
	}
	return a.at(firstPath(f))
}

// biggest names the biggest packages of a node_modules.
func biggest(root string, parts []cache.Part) string {
	list := slices.DeleteFunc(slices.Clone(parts), func(p cache.Part) bool { return rootOf(p.Path) != root || p.Path == root })
	slices.SortFunc(list, bySize)
	var names []string
	for _, p := range list[:min(len(list), 3)] {
		names = append(names, strings.TrimPrefix(p.Path, root+"/")+" "+bytesOf(p.Bytes))
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func firstPath(f *Facts) Place {
	if len(f.Paths) == 0 {
		return Place{}
	}
	return f.Paths[0].Place
}

// pathOf is where the path is written that selects a folder, as far as that can be told.
func pathOf(f *Facts, dir string) Place {
	for _, p := range f.Paths {
		if l := literal(p.Pattern); l != "" && (meets(dir, l) || path.Base(l) == dir) {
			return p.Place
		}
	}
	return firstPath(f)
}
