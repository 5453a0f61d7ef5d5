package buildspec

// pathRules are about folders and patterns, and about the cache.
var pathRules = []RuleInfo{
	{
		ID: ruleVariableInPath, Title: "variable in a path",
		Why:    "Variables are expanded in commands only. A baseDirectory with a variable names a folder that does not exist, and the build fails at its end.",
		Bad:    siteIn("dist/$APP", "npm run build"),
		Good:   siteIn("dist", "npm run build", "mv dist/$APP/* dist/"),
		Source: "amplify-hosting #582",
	},
	{
		ID: ruleVariableInPattern, Severity: Warning, Title: "variable in a pattern",
		Why:    "Variables and commands are not expanded in cache paths and in the patterns of files, so they match nothing.",
		Bad:    cached([]string{"hugo"}, "${HUGO_CACHEDIR}/**/*"),
		Good:   cached([]string{"export HUGO_CACHEDIR=$PWD/.hugo_cache", "hugo"}, ".hugo_cache/**/*"),
		Source: "amplify-hosting #582",
	},
	{
		ID: ruleBackslash, Severity: Warning, Title: "backslash in a path", Fixable: true,
		Why:  "Builds run on Linux, where a backslash is a character of a file's name or takes away the meaning of the next character.",
		Bad:  siteIn(`dist\app`, "npm run build"),
		Good: siteIn("dist/app", "npm run build"),
	},
	{
		ID: ruleBaseOutside, Severity: Warning, Title: "baseDirectory outside of the repository",
		Why:    "A leading slash means the project's folder, not the machine's, and folders outside of the repository cannot be deployed.",
		Bad:    siteIn("../dist", "npm run build"),
		Good:   siteIn("dist", "npm run build"),
		Source: "amplify-hosting #582",
	},
	{
		ID: ruleGlobInBase, Title: "pattern in baseDirectory", Fixable: true,
		Why:  "baseDirectory is a folder. Patterns stand under files.",
		Bad:  siteIn("dist/**/*", "npm run build"),
		Good: siteIn("dist", "npm run build"),
	},
	{
		ID: ruleBaseRepeatsRoot, Severity: Warning, Title: "baseDirectory with the appRoot in it", Fixable: true,
		Why:    "Without buildPath the paths of an application are relative to its appRoot. The build fails because the folder does not exist.",
		Bad:    monorepo("apps/web", "artifacts:\n  baseDirectory: apps/web/dist\n"),
		Good:   monorepo("apps/web", "artifacts:\n  baseDirectory: dist\n"),
		Source: "documentation of monorepos",
	},
	{
		ID: ruleBaseMissesRoot, Severity: Warning, Title: "baseDirectory without the appRoot, although there is a buildPath", Fixable: true,
		Why: "With buildPath the paths of an application are relative to it. In a workspace that is built from the root each application " +
			"still writes into its own folder.",
		Files:  map[string]string{"turbo.json": "{}", "apps/web/package.json": "{}"},
		Bad:    monorepo("apps/web", "buildPath: /\n"+siteLines(".next", "npm run build")),
		Good:   monorepo("apps/web", "buildPath: /\n"+siteLines("apps/web/.next", "npm run build")),
		Source: "documentation of monorepos",
	},
	{
		ID: ruleBaseNotFound, Title: "baseDirectory that is not there",
		Why:    "There are no commands, so the folder must be in the repository. It is not, and the build fails at its end.",
		Files:  map[string]string{"public/index.html": "<!doctype html>"},
		Bad:    "version: 1\n" + minimalFrontend,
		Good:   "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: public\n",
		Source: "amplify-hosting #582",
	},
	{
		ID: ruleForgottenCd, Severity: Warning, Title: "baseDirectory that forgets a cd", Fixable: true,
		Why:    "A cd holds for all later commands, but not for the paths of artifacts and cache: these are relative to the project's folder.",
		Bad:    siteIn("build", "cd react-app", "npm run build"),
		Good:   siteIn("react-app/build", "cd react-app", "npm run build"),
		Source: "documentation of the build settings",
	},
	{
		ID: ruleGlobNothing, Severity: Warning, Title: "pattern that can match nothing", Fixable: true,
		Why:  "Files are looked for below baseDirectory. A pattern that leads out of it, repeats it, or is no valid pattern selects nothing.",
		Bad:  "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - dist/**/*\n",
		Good: "version: 1\n" + minimalFrontend,
	},
	{
		ID: ruleDuplicateEntry, Severity: Hint, Title: "entry twice in a list", Fixable: true,
		Why:  "The second one does nothing; often another path was meant.",
		Bad:  cached([]string{"yarn install"}, "node_modules/**/*", "node_modules/**/*"),
		Good: cached([]string{"yarn install"}, "node_modules/**/*", ".next/cache/**/*"),
	},
	{
		ID: ruleBuildPathNotFound, Title: "buildPath that is not there",
		Why:    "The commands are to run in a folder that the repository does not have.",
		Files:  map[string]string{"apps/web/index.html": ""},
		Bad:    "version: 1\n" + minimalFrontend + "  buildPath: web\n",
		Good:   siteIn("dist", "npm run build") + "  buildPath: apps/web\n",
		Source: "documentation of monorepos",
	},
	{
		ID: ruleCacheOutside, Severity: Warning, Title: "cache path outside of the project", Fixable: true,
		Why:    "Only folders below the project's can be cached. Absolute paths, those with ~ and those that lead out of it are silently left out.",
		Bad:    cached([]string{"npx cypress install"}, "/root/.cache/Cypress"),
		Good:   cached([]string{"export CYPRESS_CACHE_FOLDER=$PWD/.cache/Cypress", "npx cypress install"}, ".cache/Cypress/**/*"),
		Source: "documentation of the build specification",
	},
	{
		ID: ruleNpmCiCache, Severity: Hint, Title: "npm ci with a cache of node_modules", Fixable: true,
		Why:    "npm ci removes node_modules first. Packing, uploading, fetching and unpacking it in every build costs minutes and saves nothing; npm's own cache does.",
		Bad:    cached([]string{"npm ci"}, "node_modules/**/*"),
		Good:   cached([]string{"npm ci --cache .npm --prefer-offline"}, ".npm/**/*"),
		Source: "amplify-hosting #2831",
	},
}

// appRules are about applications and their environment.
var appRules = []RuleInfo{
	{
		ID: ruleRootNotFound, Title: "appRoot that is not there",
		Why:    "The application's folder is relative to the repository's root. If it does not exist, the build of the application fails.",
		Files:  map[string]string{"apps/web/index.html": ""},
		Bad:    monorepo("web", "artifacts:\n  baseDirectory: dist\n"),
		Good:   monorepo("apps/web", "phases:\n  build:\n    commands: [hugo]\nartifacts:\n  baseDirectory: dist\n"),
		Source: "amplify-hosting #3281",
	},
	{
		ID: ruleRootMismatch, Title: "no application for AMPLIFY_MONOREPO_APP_ROOT",
		Why:     "The variable says which application is built. If none has this appRoot, the build fails.",
		AppRoot: "apps/web",
		Bad:     monorepo("packages/web", "artifacts:\n  baseDirectory: dist\n"),
		Good:    monorepo("apps/web", "artifacts:\n  baseDirectory: dist\n"),
		Source:  "amplify-hosting #3281",
	},
	{
		ID: ruleRootOutside, Title: "appRoot outside of the repository",
		Why:  "appRoot is relative to the repository's root, wherever the specification lies. A folder above that cannot be built.",
		Bad:  monorepo("../web", "artifacts:\n  baseDirectory: dist\n"),
		Good: monorepo("web", "artifacts:\n  baseDirectory: dist\n"),
	},
	{
		ID: ruleDuplicateRoot, Severity: Warning, Title: "two applications with one appRoot",
		Why: "The first is built, the second never. Often a dash too many has split one application into two.",
		Bad: monorepo("web", "artifacts:\n  baseDirectory: dist\n") + "  - appRoot: ./web/\n    frontend:\n      artifacts:\n        baseDirectory: out\n",
		Good: monorepo("web", "artifacts:\n  baseDirectory: dist\n") +
			"  - appRoot: docs\n    frontend:\n      artifacts:\n        baseDirectory: out\n",
	},
	{
		ID: ruleAppRootAlone, Severity: Warning, Title: "appRoot without applications",
		Why:    "The key is read in the entries of applications only. Without them the build runs at the root of the repository.",
		Bad:    "version: 1\nappRoot: web\n" + minimalFrontend,
		Good:   monorepo("web", "artifacts:\n  baseDirectory: dist\n"),
		Source: "documentation of the build specification",
	},
	{
		ID: ruleReservedVariable, Severity: Warning, Title: "variable that cannot be set here",
		Why:    "Names that begin with AWS are reserved, and the variables that control a build are read from the app's settings, before the specification.",
		Bad:    "version: 1\nenv:\n  variables:\n    _BUILD_TIMEOUT: 60\n" + minimalFrontend,
		Good:   "version: 1\nenv:\n  variables:\n    HUGO_VERSION: 0.120.0\n" + minimalFrontend,
		Source: "documentation of environment variables",
	},
}
