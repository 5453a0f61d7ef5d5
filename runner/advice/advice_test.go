package advice_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner/advice"
)

const (
	mb = 1_000_000
	mi = 1 << 20
	gi = 1 << 30
)

var (
	instances = []advice.Instance{{Name: "standard", Memory: 8 * gi, CPUs: 4}, {Name: "large", Memory: 16 * gi, CPUs: 8}, {Name: "xlarge", Memory: 72 * gi, CPUs: 36}}
	yesterday = time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	modules   = []cache.Part{{Path: "node_modules/next", Files: 3000, Bytes: 130 * mb}, {Path: "node_modules/@mui/material", Files: 900, Bytes: 20 * mb}}
)

func sec(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func command(key, text string, took float64, code int) advice.Command {
	return advice.Command{Key: key, Text: text, Place: advice.Place{File: "amplify.yml", Line: 6, Column: 11}, Code: code, Took: sec(took)}
}

func paths(patterns ...string) []advice.Path {
	var list []advice.Path
	for i, p := range patterns {
		list = append(list, advice.Path{Pattern: p, Place: advice.Place{File: "amplify.yml", Line: 20 + i, Column: 9}})
	}
	return list
}

func size(bytes int64, parts ...cache.Part) advice.Size { return advice.SizeOf(bytes, parts) }

// build is one that has a cache and about which there is nothing to say.
func build() advice.Facts {
	return advice.Facts{
		Commands: []advice.Command{command("a", "npm install", 1.2, 0), command("b", "npm run build", 20, 0)},
		Paths:    paths("node_modules/**/*"),
		Restore:  &advice.Restore{Files: 3900, Bytes: 150 * mb, Took: sec(0.3), Parts: modules},
		Save: &advice.Save{Files: 3900, Bytes: 150 * mb, Took: sec(0.1), Parts: []cache.Part{
			{Path: "node_modules/next", Files: 3000, Bytes: 130 * mb, Kept: 3000}, {Path: "node_modules/@mui/material", Files: 900, Bytes: 20 * mb, Kept: 900},
		}},
		Memory: advice.Memory{Peak: 2 * gi, Limit: 8 * gi, Instance: "standard", Instances: instances},
	}
}

func past(a, b float64) *advice.Past {
	return &advice.Past{Ended: yesterday, Commands: map[string]time.Duration{"a": sec(a), "b": sec(b)}}
}

func cleanInstall(f *advice.Facts) {
	f.Commands[0] = command("a", "npm ci", 28.4, 0)
	f.CleanInstall = &advice.CleanInstall{Command: f.Commands[0], Rule: "npm-ci-node-modules-cache", Place: advice.Place{File: "amplify.yml", Line: 6, Column: 13}}
}

func replaced(f *advice.Facts, files int) {
	f.Save.Parts = []cache.Part{{Path: "node_modules/next", Files: 3900, Bytes: 150 * mb, Replaced: files, Kept: 3900 - files}}
}

// Each case changes a build about which there is nothing to say. What it gets is "place message; help [id]".
func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(f *advice.Facts)
		want   []string
	}{
		{"nothing", func(*advice.Facts) {}, nil},
		{"no numbers at all", func(f *advice.Facts) { *f = advice.Facts{} }, nil},
		{"no cache paths", func(f *advice.Facts) { f.Paths, f.Restore, f.Save = nil, nil, nil }, nil},

		{"npm ci", func(f *advice.Facts) { cleanInstall(f); replaced(f, 3900) }, []string{
			"amplify.yml:6:13 npm ci deleted the node_modules that the cache had brought (3,900 files, 150 MB) and installed them anew, in 28.4s; cache .npm/**/* instead and run npm ci --cache .npm --prefer-offline, or keep the cache and run npm install [npm-ci-over-node-modules]",
		}},
		{"npm ci, and nothing is known of the files", func(f *advice.Facts) { cleanInstall(f); f.Save.Parts = nil }, []string{"npm-ci-over-node-modules"}},
		{"npm ci that a condition kept from running", cleanInstall, nil},
		{"npm ci that failed", func(f *advice.Facts) {
			cleanInstall(f)
			replaced(f, 3900)
			f.CleanInstall.Command.Code = 1
			f.Save = nil
		}, nil},
		{"npm ci after a miss", func(f *advice.Facts) { cleanInstall(f); f.Restore = nil }, nil},
		{"npm ci over next to nothing", func(f *advice.Facts) {
			cleanInstall(f)
			replaced(f, 3900)
			f.Restore.Parts = []cache.Part{{Path: "node_modules/x", Files: 99, Bytes: mi - 1}, {Path: ".npm/_cacache", Files: 1000, Bytes: gi}}
		}, nil},

		{"node_modules replaced", func(f *advice.Facts) { replaced(f, 3510) }, []string{
			"amplify.yml:20:9 the build deleted or wrote anew 3,510 of the 3,900 files (150 MB) of node_modules that the cache had brought; the install does not use what it finds: cache the package manager's own store instead [node-modules-replaced]",
		}},
		{"node_modules replaced in part", func(f *advice.Facts) { replaced(f, 3509) }, nil},
		{"another cache replaced", func(f *advice.Facts) {
			f.Paths = paths(".next/cache/**/*")
			f.Restore.Parts = []cache.Part{{Path: ".next/cache", Files: 3900, Bytes: 150 * mb}}
			f.Save.Parts = []cache.Part{{Path: ".next/cache", Files: 3900, Bytes: 150 * mb, Replaced: 3900}}
		}, nil},

		{"it saves", func(f *advice.Facts) { f.Without = past(18.3, 20.5) }, []string{
			" the cache took 400ms and `npm install` 1.2s; without a cache that took 18.3s, on 2026-11-20 [cache-saves]",
		}},
		{"it saves less than a second", func(f *advice.Facts) { f.Without = past(2.5, 20) }, nil},
		{"it saves a second of many", func(f *advice.Facts) { f.Without = past(3, 120); f.Commands[1].Took = sec(120) }, nil},
		{"it saves, and other commands ran then", func(f *advice.Facts) {
			f.Without = &advice.Past{Ended: yesterday, Commands: map[string]time.Duration{"x": sec(60)}}
		}, nil},
		{"a command that stands there twice", func(f *advice.Facts) {
			f.Commands = []advice.Command{command("a", "npm install", 1, 0), command("a", "npm install", 0.5, 0)}
			f.Without = past(2.4, 0)
		}, nil},
		{"a command that failed is not compared", func(f *advice.Facts) { f.Without = past(18.3, 20); f.Commands[0].Code = 1 }, nil},
		{"it costs", func(f *advice.Facts) {
			f.Restore.Took, f.Save.Took, f.Without = sec(12), sec(8.5), past(3, 25)
		}, []string{
			"amplify.yml:20:9 restoring and saving the cache took 20.5s and the commands 21.2s; without a cache the commands took 28.0s, on 2026-11-20; it costs more than it saves: cache less, or nothing [cache-costs-more]",
		}},
		{"it costs, and saves nothing", func(f *advice.Facts) { f.Restore.Took, f.Without = sec(61), past(1, 19) }, []string{
			"amplify.yml:20:9 restoring and saving the cache took 1m01s and the commands 21.2s; without a cache the commands took 20.0s, on 2026-11-20; it costs more than it saves: cache less, or nothing [cache-costs-more]",
		}},
		{"it costs less than it saves", func(f *advice.Facts) { f.Restore.Took, f.Without = sec(10), past(18.3, 20) }, []string{"cache-saves"}},
		{"it costs next to nothing", func(f *advice.Facts) { f.Without = past(1, 20) }, nil},
		{"it costs, and nobody knows what it saves", func(f *advice.Facts) { f.Restore.Took = sec(60) }, nil},

		{"packed near the limit", func(f *advice.Facts) { f.Save.Packed = 4_100 * mb }, []string{
			"amplify.yml:20:9 the cache takes 4.1 GB packed, and the service's may have 5.0 GB; what is larger the service does not keep: leave out what can be made again, with ! in cache.paths [cache-near-limit]",
		}},
		{"not packed, and larger than the limit", func(f *advice.Facts) { f.Save.Bytes, f.Save.Parts = 6_000*mb, nil }, []string{
			"amplify.yml:20:9 the cache holds 6.0 GB, not packed here, and the service's may have 5.0 GB as an archive; what is larger the service does not keep: leave out what can be made again, with ! in cache.paths [cache-near-limit]",
		}},
		{"large, and small when packed", func(f *advice.Facts) { f.Save.Bytes, f.Save.Packed, f.Save.Parts = 6_000*mb, 3_000*mb, nil }, nil},

		{"paths with nothing", func(f *advice.Facts) {
			f.Paths = paths("node_modules/**/*", ".npm/**/*", "./a/b/c*", "packages/*/dist/**", "**/x", "node_modules/next/dist", ".yarn", ".pnpm-store/**/*")
		}, []string{
			"amplify.yml:21:9 the build left nothing to cache for \".npm/**/*\", \"./a/b/c*\", \"packages/*/dist/**\", 2 more; paths are relative to the project's folder; tell the tool to keep its cache there, or remove the path [cache-path-empty]",
		}},
		{"a cache with nothing at all", func(f *advice.Facts) { f.Save.Files, f.Save.Bytes, f.Save.Parts = 0, 0, nil }, []string{"cache-path-empty"}},
		{"paths, and nothing is known of the files", func(f *advice.Facts) { f.Paths, f.Save.Parts = paths(".npm/**/*"), nil }, nil},

		{"it grows", func(f *advice.Facts) {
			f.Paths = paths("node_modules/**/*", ".next/cache/**/*")
			f.Saves = []advice.Size{
				size(90 * mb), size(80*mb, cache.Part{Path: ".next/cache", Bytes: 10 * mb}, cache.Part{Path: "node_modules/x", Bytes: 70 * mb}), size(100 * mb), size(120 * mb),
			}
			f.Save.Parts = append(f.Save.Parts, cache.Part{Path: ".next/cache", Files: 1, Bytes: 110 * mb})
			f.Save.Bytes = 260 * mb
		}, []string{
			"amplify.yml:21:9 the cache has grown in each of the last 3 builds, from 80 MB to 260 MB, most of it .next/cache (10 MB to 110 MB); leave out with ! in cache.paths what is added and never removed, or have a command remove what is old (npm cache verify, pnpm store prune) [cache-grows]",
		}},
		{"it grows at times", func(f *advice.Facts) { f.Saves = []advice.Size{size(50 * mb), size(120 * mb), size(120 * mb)} }, nil},
		{"it grows a little", func(f *advice.Facts) { f.Saves = []advice.Size{size(101 * mb), size(120 * mb), size(130 * mb)} }, nil},
		{"it grows by less than a fifth", func(f *advice.Facts) {
			f.Saves, f.Save.Bytes = []advice.Size{size(440 * mb), size(460 * mb), size(480 * mb)}, 500*mb
		}, nil},
		{"it grows since yesterday", func(f *advice.Facts) { f.Saves = []advice.Size{size(20 * mb), size(80 * mb)} }, nil},

		{"large", func(f *advice.Facts) {
			f.Save.Bytes, f.Save.Files = 812*mb, 45120
			f.Save.Parts = []cache.Part{
				{Path: ".next/cache", Files: 10, Bytes: 172 * mb},
				{Path: "node_modules/next", Files: 3000, Bytes: 130 * mb},
				{Path: "node_modules/typescript", Files: 200, Bytes: 64 * mb},
				{Path: "node_modules/@mui/icons-material", Files: 20000, Bytes: 98 * mb},
				{Path: "node_modules/x", Files: 1, Bytes: 1},
				{Path: "packages/a/node_modules/b", Files: 3, Bytes: 20 * mb},
			}
		}, []string{
			"amplify.yml:20:9 the cache holds 812 MB in 45,120 files: node_modules 292 MB (next 130 MB, @mui/icons-material 98 MB, typescript 64 MB), .next/cache 172 MB; leave out what the build does not need, with ! in cache.paths: the service packs and unpacks all of it in each build [cache-large]",
		}},
		{"not quite large", func(f *advice.Facts) { f.Save.Bytes = 512*mi - 1 }, nil},

		{"near the limit", func(f *advice.Facts) { f.Memory.Peak = 7 * gi }, []string{
			" the build has used 7.0 GiB of the 8.0 GiB that the instance standard has; the next larger build may not fit: use less, or --size large (16 GiB), with NODE_OPTIONS=--max-old-space-size=14000 for Node.js [memory-near-limit]",
		}},
		{"four fifths", func(f *advice.Facts) { f.Memory = advice.Memory{Peak: 8 * gi, Limit: 10 * gi} }, nil},
		{"near the limit of the largest", func(f *advice.Facts) {
			f.Memory = advice.Memory{Peak: 70 * gi, Limit: 72 * gi, Instance: "xlarge", Instances: instances}
		}, []string{
			" the build has used 70 GiB of the 72 GiB that the instance xlarge has; the next larger build may not fit: use less; the service has no larger instance [memory-near-limit]",
		}},
		{"near the limit on a small machine", func(f *advice.Facts) { f.Memory.Limit, f.Memory.Peak = 4*gi, 3800*mi }, []string{
			" the build has used 3.7 GiB of the 4.0 GiB that it had; the next larger build may not fit: use less, or --size standard (8.0 GiB), with NODE_OPTIONS=--max-old-space-size=7000 for Node.js [memory-near-limit]",
		}},
		{"one process near the limit", func(f *advice.Facts) {
			f.Memory = advice.Memory{Peak: 7 * gi, Partly: true, Instance: "standard", Instances: instances}
		}, []string{
			" a single process of the build has used 7.0 GiB of the 8.0 GiB that the instance standard has; the next larger build may not fit: use less, or --size large (16 GiB), with NODE_OPTIONS=--max-old-space-size=14000 for Node.js [memory-near-limit]",
		}},
		{"near no limit", func(f *advice.Facts) { f.Memory = advice.Memory{Peak: 70 * gi, Instances: instances} }, nil},
		{"out of memory, which the failure says", func(f *advice.Facts) { f.Memory.Peak = 8 * gi; f.Commands[1].Code, f.Commands[1].OOM = 137, true }, nil},
		{"heap", func(f *advice.Facts) { f.Commands[1].Code = 134 }, []string{
			"amplify.yml:6:11 `npm run build` was aborted (code 134), as Node.js is when its own heap is full; of the 8.0 GiB of memory the build had used 2.0 GiB; where the log says that the heap is out of memory, set NODE_OPTIONS=--max-old-space-size=6144; a larger instance alone changes nothing [memory-heap]",
		}},
		{"heap, and nothing is known of the memory", func(f *advice.Facts) { f.Commands[1].Code, f.Memory.Peak = 134, 0 }, nil},
		{"a size too large", func(f *advice.Facts) { f.Memory.Instance, f.Memory.Limit, f.Memory.Peak = "xlarge", 72*gi, 6*gi }, []string{
			" the build has used 6.0 GiB of the memory of the instance xlarge; large has 16 GiB; --size large would do, for memory; it has 8 processors [size-too-large]",
		}},
		{"a size that fits", func(f *advice.Facts) { f.Memory.Instance, f.Memory.Limit, f.Memory.Peak = "large", 16*gi, 4*gi+1 }, nil},
		{"a size too large for what one process needs", func(f *advice.Facts) { f.Memory.Instance, f.Memory.Partly = "large", true }, nil},
		{"a size too large for a failure", func(f *advice.Facts) { f.Memory.Instance, f.Memory.Limit, f.Commands[1].Code = "large", 16*gi, 1 }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := build()
			tt.change(&f)
			got := advice.Of(f)
			var texts []string
			for i, a := range got {
				text := line(a)
				if i < len(tt.want) && !strings.Contains(tt.want[i], " ") { // the id is enough
					text = a.ID
				}
				texts = append(texts, text)
			}
			if diff := cmp.Diff(tt.want, texts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func line(a advice.Advice) string {
	s := a.Message
	if a.Help != "" {
		s += "; " + a.Help
	}
	at := ""
	if a.File != "" {
		at = fmt.Sprintf("%s:%d:%d", a.File, a.Line, a.Column)
	}
	return fmt.Sprintf("%s %s [%s]", at, s, a.ID)
}

// What is most important comes first, and there is an end to it.
func TestOfIsBounded(t *testing.T) {
	f := build()
	cleanInstall(&f)
	replaced(&f, 3900)
	f.Paths = paths("node_modules", ".npm")
	f.Save.Bytes, f.Save.Packed = 6_000*mb, 5_000*mb
	f.Saves = []advice.Size{size(50 * mb), size(90 * mb), size(120 * mb)}
	f.Memory.Peak = 7 * gi
	f.Restore.Took, f.Without = sec(60), past(1, 20)
	var ids []string
	known := map[string]bool{}
	for _, i := range advice.Catalog() {
		known[i.ID] = true
	}
	for _, a := range advice.Of(f) {
		ids = append(ids, a.ID)
		if !known[a.ID] || len(a.Numbers) == 0 || strings.HasSuffix(a.Message, ".") {
			t.Errorf("%+v", a)
		}
	}
	if diff := cmp.Diff([]string{"memory-near-limit", "npm-ci-over-node-modules", "cache-costs-more", "cache-near-limit", "cache-path-empty"}, ids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", 400 * time.Microsecond: "0ms", 14 * time.Millisecond: "14ms", 1200 * time.Millisecond: "1.2s", 18340 * time.Millisecond: "18.3s",
		59960 * time.Millisecond: "1m00s", 125 * time.Second: "2m05s", 3 * time.Hour: "180m00s", -2 * time.Second: "-2.0s",
	} {
		if got := advice.Took(d); got != want {
			t.Errorf("Took(%v) = %s, want %s", d, got, want)
		}
	}
}
