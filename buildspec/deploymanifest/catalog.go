package deploymanifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/buildspec"
)

// Rules returns the rules that [Parse] reports, sorted by id. Their examples are whole manifests; Files are those of the
// bundle. The result is the caller's own.
func Rules() []buildspec.RuleInfo {
	rules := slices.Concat(jsonRules, routeRules, resourceRules)
	for i := range rules {
		rules[i].Files = maps.Clone(rules[i].Files)
	}
	slices.SortFunc(rules, func(a, b buildspec.RuleInfo) int { return strings.Compare(a.ID, b.ID) })
	return rules
}

// The examples are made of these.
const (
	toStatic  = `{ "path": "/*", "target": { "kind": "Static" } }`
	toServer  = `{ "path": "/*", "target": { "kind": "Compute", "src": "default" } }`
	files     = `{ "path": "/*.*", "target": { "kind": "Static" }, "fallback": { "kind": "Compute", "src": "default" } }`
	toImages  = `{ "path": "/_images", "target": { "kind": "ImageOptimization" } }`
	resource  = `{ "name": "default", "runtime": "nodejs22.x", "entrypoint": "server.js" }`
	pattern   = `{ "protocol": "https", "hostname": "*.example.com" }`
	astro     = `"framework": { "name": "astro", "version": "5.1.0" }`
	imageForm = `"imageSettings": {
    "sizes": [%s],
    "domains": [],
    "remotePatterns": [%s],
    "formats": ["image/webp"],
    "minimumCacheTTL": 60,
    "dangerouslyAllowSVG": false
  }`
)

// manifestOf returns a manifest with the given members.
func manifestOf(members ...string) string {
	return "{\n  " + strings.Join(members, ",\n  ") + "\n}\n"
}

// site returns a manifest of a static site with the given routes.
func site(routes ...string) string { return manifestOf(`"version": 1`, astro, routesOf(routes...)) }

// withServer returns a manifest with a server, the given routes and further members.
func withServer(resource string, routes []string, more ...string) string {
	members := []string{`"version": 1`, astro, routesOf(routes...), `"computeResources": [` + resource + `]`}
	return manifestOf(append(members, more...)...)
}

func routesOf(routes ...string) string {
	return "\"routes\": [\n    " + strings.Join(routes, ",\n    ") + "\n  ]"
}

func imagesOf(sizes, patterns string) string { return fmt.Sprintf(imageForm, sizes, patterns) }

var (
	goodSite   = site(toStatic)
	goodServer = withServer(resource, []string{files, toServer})
	goodImages = withServer(resource, []string{toImages, toServer}, imagesOf("640, 1080", pattern))
)

// jsonRules are about the file's form.
var jsonRules = []buildspec.RuleInfo{
	{ID: ruleTooLarge, Title: "manifest larger than what is read", Why: "A manifest with all its 25 routes has some thousand bytes.", Good: goodSite},
	{ID: ruleTooMany, Title: "more findings in the manifest than are shown", Why: "The rest is counted, not listed.", Good: goodSite},
	{
		ID: ruleEncoding, Severity: buildspec.Warning, Title: "manifest is not UTF-8",
		Why: "JSON is UTF-8 without a byte order mark.", Good: goodSite,
	},
	{
		ID: ruleTooDeep, Title: "manifest nested too deep",
		Why: "A manifest has some five levels.", Good: goodSite,
	},
	{
		ID: ruleSyntax, Title: "manifest is not JSON",
		Why:  "JSON has no comments, and no comma behind the last entry.",
		Bad:  site(toStatic + ","),
		Good: goodSite,
	},
	{
		ID: ruleDuplicateKey, Severity: buildspec.Warning, Title: "key twice in the manifest",
		Why:  "The last one counts, and nobody says so.",
		Bad:  manifestOf(`"version": 1`, `"version": 1`, astro, routesOf(toStatic)),
		Good: goodSite,
	},
	{
		ID: ruleType, Title: "value of the wrong type in the manifest",
		Why:  "The service checks the types of all values before it deploys.",
		Bad:  manifestOf(`"version": "1"`, astro, routesOf(toStatic)),
		Good: goodSite,
	},
	{
		ID: ruleMissingKey, Title: "required key missing in the manifest",
		Why:  "The deployment specification requires version, framework with name and version, and routes with path and target.",
		Bad:  manifestOf(`"version": 1`, routesOf(toStatic)),
		Good: goodSite,
	},
	{
		ID: ruleUnknownKey, Severity: buildspec.Warning, Title: "unknown key in the manifest",
		Why:  "What the deployment specification does not know has no effect.",
		Bad:  manifestOf(`"version": 1`, astro, routesOf(toStatic), `"headers": []`),
		Good: goodSite,
	},
	{
		ID: ruleVersion, Title: "unknown version of the manifest",
		Why:  "There is only version 1 of the deployment specification.",
		Bad:  manifestOf(`"version": 2`, astro, routesOf(toStatic)),
		Good: goodSite,
	},
	{
		ID: ruleFramework, Title: "framework's version that is none",
		Why:  "The version must be a semantic version: three numbers, not a range.",
		Bad:  manifestOf(`"version": 1`, strings.Replace(astro, "5.1.0", "^5.1.0", 1), routesOf(toStatic)),
		Good: goodSite,
	},
}

// routeRules are about routes and their targets.
var routeRules = []buildspec.RuleInfo{
	{
		ID: ruleTooManyRoutes, Title: "too many routes",
		Why:  "At most 25 routes are allowed.",
		Bad:  site(append(manyRoutes(maxRoutes), toStatic)...),
		Good: site(`{ "path": "/files/*", "target": { "kind": "Static" } }`, toStatic),
	},
	{
		ID: ruleCatchAll, Title: "no catch-all route at the end",
		Why:  `The last route must be that for "/*", so that every request has one, and none behind it is lost.`,
		Bad:  site(`{ "path": "/assets/*", "target": { "kind": "Static" } }`),
		Good: site(`{ "path": "/assets/*", "target": { "kind": "Static", "cacheControl": "public, max-age=31536000, immutable" } }`, toStatic),
	},
	{
		ID: ruleUnreachable, Severity: buildspec.Warning, Title: "route that is never reached",
		Why:  "The first route that matches wins.",
		Bad:  site(`{ "path": "/a/*", "target": { "kind": "Static" } }`, `{ "path": "/a/*", "target": { "kind": "Static" } }`, toStatic),
		Good: site(`{ "path": "/a/*", "target": { "kind": "Static" } }`, toStatic),
	},
	{
		ID: rulePath, Title: "route's path that is not allowed",
		Why:  "A path begins with a slash, has at most 255 characters, and only the star has a meaning in it.",
		Bad:  site(`{ "path": "assets/*", "target": { "kind": "Static" } }`, toStatic),
		Good: site(`{ "path": "/assets/*", "target": { "kind": "Static" } }`, toStatic),
	},
	{
		ID: ruleKind, Title: "unknown kind of a target", Fixable: true,
		Why:  "A target is Static, Compute or ImageOptimization, spelt so.",
		Bad:  site(strings.Replace(toStatic, "Static", "static", 1)),
		Good: goodSite,
	},
	{
		ID: ruleSource, Title: "target's src that does not fit",
		Why:  "src names the compute resource of a target of the kind Compute, and only of such a target.",
		Bad:  withServer(resource, []string{strings.Replace(files, `"default"`, `"main"`, 1), toServer}),
		Good: goodServer,
	},
	{
		ID: ruleCacheControl, Severity: buildspec.Warning, Title: "cacheControl for a server",
		Why:  "A server sends its own Cache-Control. The key is for Static and ImageOptimization.",
		Bad:  withServer(resource, []string{strings.Replace(toServer, `"default"`, `"default", "cacheControl": "no-store"`, 1)}),
		Good: goodServer,
	},
	{
		ID: ruleFallback, Title: "fallback of the target's own kind",
		Why:  "A fallback is asked when the target answers with 404. Asking the same kind again changes nothing.",
		Bad:  site(strings.Replace(toStatic, `"Static" } }`, `"Static" }, "fallback": { "kind": "Static" } }`, 1)),
		Good: goodServer,
	},
	{
		ID: ruleServerRoute, Severity: buildspec.Warning, Title: "server that the catch-all does not reach",
		Why:  "Pages that a server renders have no file. What no other route takes should go to the server.",
		Bad:  withServer(resource, []string{`{ "path": "/api/*", "target": { "kind": "Compute", "src": "default" } }`, toStatic}),
		Good: goodServer,
	},
	{
		ID: ruleNoContent, Title: "no route to files or to a server",
		Why:  "A site has to come from somewhere.",
		Bad:  manifestOf(`"version": 1`, astro, routesOf(`{ "path": "/*", "target": { "kind": "ImageOptimization" } }`), imagesOf("640", pattern)),
		Good: goodSite,
	},
}

// resourceRules are about the server, the bundle and images.
var resourceRules = []buildspec.RuleInfo{
	{
		ID: ruleCompute, Title: "compute resource that cannot be used",
		Why:  `The only resource is called "default", as its folder, and a route must lead to it.`,
		Bad:  withServer(resource, []string{toStatic}),
		Good: goodServer,
	},
	{
		ID: ruleRuntime, Title: "runtime that does not exist",
		Why:    "The runtimes are those of Node.js 20 and 22. Newer ones that adapters name were refused.",
		Bad:    withServer(strings.Replace(resource, "nodejs22.x", "nodejs18.x", 1), []string{toServer}),
		Good:   goodServer,
		Source: "amplify-hosting #3978",
	},
	{
		ID: ruleEntrypoint, Title: "entrypoint that is not there",
		Why:   "The server is started with this file of the folder compute/default. The deployment fails without it.",
		Bad:   withServer(strings.Replace(resource, "server.js", "index.mjs", 1), []string{toServer}),
		Good:  withServer(resource, []string{toServer}),
		Files: map[string]string{"compute/default/server.js": ""},
	},
	{
		ID: ruleFolder, Title: "folder missing in the bundle",
		Why:   "Static files come from the folder static, servers from compute, beside the manifest.",
		Bad:   withServer(resource, []string{`{ "path": "/assets/*", "target": { "kind": "Static" } }`, toServer}),
		Good:  withServer(resource, []string{toServer}),
		Files: map[string]string{"compute/default/server.js": ""},
	},
	{
		ID: ruleImages, Title: "image settings that cannot work",
		Why:  "A route for images needs imageSettings and a server. Sizes are widths in pixels, formats those of image/….",
		Bad:  withServer(resource, []string{toImages, toServer}),
		Good: goodImages,
	},
	{
		ID: ruleRemotePattern, Title: "remote pattern that is not allowed",
		Why:  "Images of other hosts are fetched by https, and from hosts that are named: a hostname of stars alone would open the site to all of them.",
		Bad:  withServer(resource, []string{toImages, toServer}, imagesOf("640", strings.Replace(pattern, "*.example.com", "**", 1))),
		Good: goodImages,
	},
}

func manyRoutes(n int) []string {
	var routes []string
	for i := range n {
		routes = append(routes, fmt.Sprintf(`{ "path": "/%d.txt", "target": { "kind": "Static" } }`, i+1))
	}
	return routes
}
