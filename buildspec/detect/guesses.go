package detect

// This file holds what the service does not say in public. DOC is stated in its documentation, LOG was seen in
// specifications that its console generated, and GUESS is ours: change it here when a source turns up.

// Names of frameworks as the service stores them with a branch.
const (
	nameNextSSR   = "Next.js - SSR"           // DOC
	nameNextSSG   = "Next.js - SSG"           // DOC
	nameNextSSGG1 = "Next.js - SSG - Amplify" // DOC: with a Gen 1 backend
	nameWeb       = "Web"                     // LOG: what has no name of its own
)

// framework is a row of the table of frameworks.
type framework struct {
	id, name string
	deps     []string // a repository that depends on one of these uses it
	output   string   // relative to the application; "" = resolve says it
	cli      string   // builds when package.json has no build script; GUESS for all
	// caches are folders with results of the last build, for the better specification. What lies inside node_modules is not
	// worth naming: npm ci deletes it.
	caches  []string
	resolve func(*detector)
	// libraries says that packages which are no application are built with it, too.
	libraries bool
}

// frameworks is in the order in which they are tried: what builds upon another comes before it. All names but those of
// Next.js are GUESS, by analogy. The outputs are the frameworks' own defaults (DOC of each); that the service proposes
// them is DOC for Next.js, React, Angular, Vue, Gatsby, Ember and Ionic and GUESS for the others.
var frameworks = []framework{
	{id: "next", deps: []string{"next"}, cli: "next build", resolve: resolveNext},
	{id: "nuxt", name: "Nuxt", deps: []string{"nuxt", "nuxt3", "nuxt-edge", "nuxt-nightly"}, cli: "nuxt build", resolve: resolveNuxt},
	{id: "astro", name: "Astro", deps: []string{"astro"}, output: "dist", cli: "astro build", resolve: resolveAstro},
	{id: "sveltekit", name: "SvelteKit", deps: []string{"@sveltejs/kit"}, output: "build", cli: "vite build", resolve: resolveSvelteKit},
	{id: "react-router", name: "React Router", deps: []string{"@react-router/dev"}, output: "build/client", cli: "react-router build", resolve: resolveRemix},
	{id: "remix", name: "Remix", deps: []string{"@remix-run/dev", "@remix-run/react"}, output: "build/client", cli: "remix vite:build", resolve: resolveRemix},
	{id: "gatsby", name: "Gatsby", deps: []string{"gatsby"}, output: "public", cli: "gatsby build", caches: []string{".cache", "public"}},
	{id: "docusaurus", name: "Docusaurus", deps: []string{"@docusaurus/core"}, output: "build", cli: "docusaurus build", resolve: resolveDocusaurus},
	{id: "vitepress", name: "VitePress", deps: []string{"vitepress"}, cli: "vitepress build", resolve: resolveVitePress},
	{id: "vuepress", name: "VuePress", deps: []string{"vuepress", "@vuepress/core", "@vuepress/client"}, cli: "vuepress build docs", resolve: resolveVuePress},
	{id: "eleventy", name: "Eleventy", deps: []string{"@11ty/eleventy"}, output: "_site", cli: "eleventy", caches: []string{".cache"}, resolve: resolveEleventy},
	{id: "ionic", name: "Ionic", deps: []string{"@ionic/angular", "@ionic/react", "@ionic/vue", "ionic-angular"}, output: "www", cli: "ionic build", resolve: resolveIonic},
	{id: "angular", name: "Angular", deps: []string{"@angular/core"}, cli: "ng build", caches: []string{".angular/cache"}, resolve: resolveAngular},
	{id: "ember", name: "Ember", deps: []string{"ember-source", "ember-cli"}, output: "dist", cli: "ember build --environment=production"},
	{id: "quasar", name: "Quasar", deps: []string{"@quasar/app-vite", "@quasar/app-webpack", "@quasar/app"}, output: "dist/spa", cli: "quasar build"},
	{id: "cra", name: "React", deps: []string{"react-scripts"}, output: "build", cli: "react-scripts build", resolve: resolveCRA},
	{id: "vue", name: "Vue", deps: []string{"@vue/cli-service"}, output: "dist", cli: "vue-cli-service build", resolve: resolveVue},
	{id: "vite", name: nameWeb, deps: []string{"vite"}, output: "dist", cli: "vite build", resolve: resolveVite, libraries: true},
	{id: "parcel", name: nameWeb, deps: []string{"parcel", "parcel-bundler"}, output: "dist", cli: "parcel build", resolve: resolveParcel, libraries: true},
}

// manager says how a package manager is used.
type manager struct {
	id    string
	locks []string
	// setup, install and run are what the service generates: LOG for npm and yarn, DOC for pnpm, GUESS for bun. run is
	// followed by the name of a script.
	setup   []string
	install string
	run     string
	exec    string // runs a program of a dependency
	cache   []string
}

// managers is in the order in which the service looks for lockfiles: package-lock.json before yarn.lock (DOC), the rest
// is GUESS.
var managers = []manager{
	{
		id: "npm", locks: []string{"package-lock.json", "npm-shrinkwrap.json"},
		install: "npm ci", run: "npm run ", exec: "npx ", cache: []string{"node_modules"},
	},
	{
		id: "yarn", locks: []string{"yarn.lock"},
		install: "yarn install", run: "yarn run ", exec: "yarn ", cache: []string{"node_modules"},
	},
	{
		id: "pnpm", locks: []string{"pnpm-lock.yaml"},
		setup: []string{"npm install -g pnpm"}, install: "pnpm install", run: "pnpm run ", exec: "pnpm exec ", cache: []string{"node_modules"},
	},
	{
		id: "bun", locks: []string{"bun.lock", "bun.lockb"},
		setup: []string{"npm install -g bun"}, install: "bun install", run: "bun run ", exec: "bunx ", cache: []string{"node_modules"},
	},
}

const (
	// noLockInstall is what an application without a lockfile gets (LOG).
	noLockInstall = "npm install"
	// cachedInstall is the install of Gen 2 templates (LOG) and the one that makes a cache useful with npm.
	cachedInstall = "npm ci --cache .npm --prefer-offline"
	cachedNoLock  = "npm install --cache .npm --prefer-offline"
	npmCache      = ".npm"
)

// gen1Backend and gen2Deploy are what the console generates for an amplify folder (LOG). The first command of Gen 1 is a
// shell comment, really.
var gen1Backend = []string{"# Execute Amplify CLI with the helper script", "amplifyPush --simple"}

const gen2Deploy = "ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID"

// The comments that the console puts where it doesn't know (LOG).
const (
	verifyCommands = "IMPORTANT - Please verify your build commands"
	verifyOutput   = "IMPORTANT - Please verify your build output directory"
)

// pnpmMajors maps the version of a pnpm lockfile to the pnpm that reads it without rewriting: what pnpm's documentation
// says. Unknown versions get no number, that is, the newest pnpm.
var pnpmMajors = map[string]string{"5": "7", "6": "8", "9": "10"}

// staticFolders are where a site without a build is looked for, besides the root (GUESS). The better specification only.
var staticFolders = []string{"public", "site", "www", "docs", "html", "static", "dist"}

// appFolders are where the applications of a monorepo lie, beside packages that are libraries (GUESS).
var appFolders = []string{"apps", "applications", "sites", "websites"}
