package advice

import "slices"

// The ids. They are stable.
const (
	idNpmCi     = "npm-ci-over-node-modules"
	idReplaced  = "node-modules-replaced"
	idCosts     = "cache-costs-more"
	idSaves     = "cache-saves"
	idNearLimit = "cache-near-limit"
	idEmpty     = "cache-path-empty"
	idGrows     = "cache-grows"
	idLarge     = "cache-large"
	idHeap      = "memory-heap"
	idNear      = "memory-near-limit"
	idTooLarge  = "size-too-large"
)

// Info is about one kind of advice.
type Info struct {
	ID, Title string
	Why       string // when it is given, and what comes of it
	Do        string // what to do; empty: nothing
}

var catalog = []Info{
	{
		idNpmCi, "npm ci deleted what the cache had brought",
		"npm ci removes node_modules before it installs. It was cached and restored in this build, and nothing of it was used. The rule npm-ci-node-modules-cache says so before a build.",
		"Cache npm's own downloads: .npm/**/* with npm ci --cache .npm --prefer-offline. Or keep the cache of node_modules and run npm install, which uses what it finds.",
	},
	{
		idReplaced, "restored node_modules were written anew",
		"At least nine in ten of the restored files of node_modules were deleted or written again by the build. An install with --force does it, one whose lockfile has changed, an rm -rf, or pnpm when its store is not where it was.",
		"Cache the package manager's own store in the project: pnpm install --store-dir .pnpm-store, yarn install --cache-folder .yarn-cache, bun install --cache-dir .bun-cache. yarn install --immutable, and pnpm and bun by themselves, keep a node_modules that fits the lockfile.",
	},
	{
		idCosts, "the cache costs more than it saves",
		"Restoring and saving took longer than what the commands have gained, compared with the last build of the same application and branch that had no cache. Compared are the commands that both have run with the same text in the same image. One build may be slow for other reasons: build with --no-cache for a new comparison.",
		"Cache less (see cache-large), or remove cache from the build specification.",
	},
	{
		idSaves, "what the cache has saved",
		"The same comparison as for cache-costs-more, when the cache has gained a second or more, and more than a twentieth of the time.",
		"",
	},
	{
		idNearLimit, "the cache is near the service's limit",
		"The service takes a cache of at most 5 GB, which cannot be changed. What is packed counts from 4 GB on; a cache that is not packed here, because it is mounted, counts when its files have more than 5 GB.",
		"Leave out what can be made again, with ! patterns in cache.paths.",
	},
	{
		idEmpty, "a cache path has nothing in it",
		"After a good build there was no file below an entry of cache.paths. A tool that keeps its cache elsewhere, or no cache, is the usual reason; .npm/**/* needs npm with --cache .npm.",
		"Tell the tool to keep its cache in that folder, or remove the path.",
	},
	{
		idGrows, "the cache grows from build to build",
		"The cache was larger after each of the last builds than after the one before, by 50 MB and a fifth in all. Old entries are kept although nothing reads them.",
		"Leave out the folder that grows with a ! pattern, or have a command remove what is old: npm cache verify, pnpm store prune.",
	},
	{
		idLarge, "the cache is large",
		"The cache holds more than 512 MiB. The service packs, uploads, downloads and unpacks all of it in each build. Named are the biggest folders, and of node_modules the biggest packages; result.json has more of them.",
		"Leave out what the build does not need, with ! patterns in cache.paths.",
	},
	{
		idHeap, "the heap of Node.js is full, not the memory",
		"A command was aborted with code 134 while there was memory left. Node.js does that when V8's heap reaches its own limit, which does not grow with the instance.",
		"Set NODE_OPTIONS=--max-old-space-size=MEGABYTES with --env or in the console, below the memory of the instance.",
	},
	{
		idNear, "the memory is nearly used up",
		"The build has used more than four fifths of the memory of the instance that --size names. With the engine host the peak is that of the largest process alone.",
		"Use less memory, or take the next larger instance with --size. Node.js needs NODE_OPTIONS=--max-old-space-size to use it.",
	},
	{
		idTooLarge, "a smaller instance has enough memory",
		"A larger instance than the standard one was asked for, and a smaller one has at least twice the memory that the build has used. It has fewer processors, too.",
		"Try --size with the smaller one, and compare the times.",
	},
}

// Catalog lists every kind of advice: that about the cache, then that about memory. The result is the caller's own.
func Catalog() []Info { return slices.Clone(catalog) }
