package buildspec

const (
	minimalFrontend = "frontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - '**/*'\n"
	listSource      = "documentation of the build specification"
)

// structureRules are about keys and about the kinds of their values.
var structureRules = []RuleInfo{
	{
		ID: ruleUnknownKey, Severity: Warning, Title: "unknown key", Fixable: true,
		Why:    "The service looks for the keys that it knows and ignores all others. Keys are case-sensitive.",
		Bad:    "version: 1\n" + minimalFrontend + "  caches:\n    paths: []\n",
		Good:   "version: 1\n" + minimalFrontend + "  cache:\n    paths: []\n",
		Source: listSource,
	},
	{
		ID: ruleUnknownPhase, Severity: Warning, Title: "unknown phase", Fixable: true,
		Why:    "Only preBuild, build and postBuild are run, and preTest, test and postTest in the test section. Commands of other phases are never run.",
		Bad:    "version: 1\nfrontend:\n" + phaseOf("prebuild", "npm ci") + artifactsIn("dist"),
		Good:   "version: 1\nfrontend:\n" + phaseOf("preBuild", "npm ci") + artifactsIn("dist"),
		Source: listSource,
	},
	{
		ID: ruleMisplacedKey, Severity: Warning, Title: "key in the wrong place", Fixable: true,
		Why: "The key has a meaning, but not where it stands, so that it is ignored. Mostly it is indented too far: artifacts and " +
			"cache stand beside phases, not below.",
		Bad:    "version: 1\nbuildPath: /\n" + minimalFrontend,
		Good:   "version: 1\n" + minimalFrontend + "  buildPath: /\n",
		Source: "amplify-hosting #3170",
	},
	{
		ID: ruleLegacyHeaders, Severity: Warning, Title: "custom headers in the build specification",
		Why:    "Headers in the build specification are deprecated; they belong into customHttp.yml, at the root of the repository.",
		Bad:    "version: 1\n" + minimalFrontend + "customHeaders: []\n",
		Good:   "version: 1\n" + minimalFrontend,
		Source: "amplify-hosting #1563",
	},
	{
		ID: ruleWrongType, Title: "value of the wrong kind",
		Why:  "There is a map where a list is needed, or a list where a text is needed, and so on.",
		Bad:  "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: [dist]\n",
		Good: "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n",
	},
	{
		ID: ruleAlternatives, Severity: Warning, Title: "two spellings of one key",
		Why:    "The documentation has two spellings of some keys. If both are written, one of them has no effect.",
		Bad:    "version: 1\n" + minimalFrontend + "  buildpath: /\n  buildPath: /\n",
		Good:   "version: 1\n" + minimalFrontend + "  buildPath: /\n",
		Source: listSource,
	},
	{
		ID: ruleSpelling, Severity: Hint, Title: "spelling that no example has", Fixable: true,
		Why:    "One list of keys in the documentation has base-directory; all examples, and nearly all specifications, have baseDirectory.",
		Bad:    "version: 1\nfrontend:\n  artifacts:\n    base-directory: dist\n",
		Good:   "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n",
		Source: listSource,
	},
	{
		ID: ruleNoApps, Title: "no application in applications",
		Why:  "A specification with applications builds one of them, so there must be one.",
		Bad:  "version: 1\napplications: []\n",
		Good: monorepo("apps/web", "artifacts:\n  baseDirectory: dist\n"),
	},
	{
		ID: ruleAppsNotAList, Severity: Warning, Title: "applications is a map", Fixable: true,
		Why:    "The documented form is a list, one entry for each application. A map is read as the only application here; what the service makes of it is not known.",
		Bad:    "version: 1\napplications:\n  appRoot: web\n  frontend:\n    artifacts:\n      baseDirectory: dist\n",
		Good:   "version: 1\napplications:\n  - appRoot: web\n    frontend:\n      artifacts:\n        baseDirectory: dist\n",
		Source: "amplify-hosting #1618",
	},
	{
		ID: ruleNoAppRoot, Title: "application without appRoot",
		Why:    "Each entry of applications needs an appRoot that is text. An extra dash before frontend makes another entry of it, without one.",
		Bad:    "version: 1\napplications:\n  - frontend:\n      artifacts:\n        baseDirectory: dist\n",
		Good:   "version: 1\napplications:\n  - appRoot: web\n    frontend:\n      artifacts:\n        baseDirectory: dist\n",
		Source: "amplify-hosting #3900",
	},
	{
		ID: ruleNoFrontend, Title: "no frontend", Fixable: true,
		Why:    "Every application needs a frontend, also one that has only a backend.",
		Bad:    "version: 1\nbackend:\n" + phaseOf("build", "npx ampx pipeline-deploy"),
		Good:   "version: 1\nbackend:\n" + phaseOf("build", "npx ampx pipeline-deploy") + minimalFrontend,
		Source: "amplify-hosting #2450",
	},
	{
		ID: ruleNoArtifacts, Title: "frontend without artifacts",
		Why:    "Without artifacts there is nothing to deploy, and the build fails at its end.",
		Bad:    "version: 1\nfrontend:\n" + phaseOf("build", "npm run build"),
		Good:   site("npm run build"),
		Source: "amplify-hosting #3170",
	},
	{
		ID: ruleNoBaseDir, Title: "artifacts without baseDirectory",
		Why:    "The service does not guess the folder that the build writes.",
		Bad:    "version: 1\nfrontend:\n  artifacts:\n    files:\n      - '**/*'\n",
		Good:   "version: 1\n" + minimalFrontend,
		Source: "amplify-hosting #2917",
	},
	{
		ID: ruleNoFiles, Title: "artifacts with an empty list of files",
		Why:    "Nothing would be deployed, so the service refuses the file. Without the key all files are meant.",
		Bad:    "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files: []\n",
		Good:   "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n",
		Source: "amplify-hosting #2917",
	},
	{
		ID: ruleNoPhases, Severity: Warning, Title: "phase directly in a section", Fixable: true,
		Why:    "Phases stand below the key phases. One page of the documentation leaves it out, so that the form is read; it is not the documented one.",
		Bad:    "version: 1\nfrontend:\n  build:\n    commands:\n      - npm run build\n" + artifactsIn("dist"),
		Good:   site("npm run build"),
		Source: "documentation of framework adapters",
	},
	{
		ID: rulePhaseFormat, Severity: Warning, Title: "phase without the key commands", Fixable: true,
		Why:    "A phase is a map with the key commands. It is not known that the service runs commands that stand directly in a phase.",
		Bad:    "version: 1\nfrontend:\n  phases:\n    build:\n      - npm run build\n" + artifactsIn("dist"),
		Good:   site("npm run build"),
		Source: listSource,
	},
	{
		ID: ruleCommandsList, Severity: Warning, Title: "commands is a single value", Fixable: true,
		Why:    "The documented form is a list, also for one command.",
		Bad:    "version: 1\nfrontend:\n  phases:\n    build:\n      commands: npm run build\n" + artifactsIn("dist"),
		Good:   site("npm run build"),
		Source: listSource,
	},
	{
		ID: ruleListFormat, Severity: Warning, Title: "single value instead of a list", Fixable: true,
		Why:    "The documented form of files and paths is a list, also for one entry.",
		Bad:    "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files: '**/*'\n",
		Good:   "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - '**/*'\n",
		Source: listSource,
	},
	{
		ID: ruleCommandMap, Title: "command that YAML reads as a map", Fixable: true,
		Why:  "A colon with a blank after it makes a key of what stands before it. The whole command needs quotes.",
		Bad:  site(`echo "Branch: $AWS_BRANCH"`),
		Good: site(`'echo "Branch: $AWS_BRANCH"'`),
	},
	{
		ID: ruleCommandList, Title: "command that is a list", Fixable: true,
		Why:  "Two dashes make a list in the list.",
		Bad:  site("- npm run build"),
		Good: site("npm run build"),
	},
	{
		ID: ruleVariableName, Severity: Warning, Title: "name that no variable can have",
		Why:  "The environment cannot hold a variable of this name, so it is ignored.",
		Bad:  "version: 1\nenv:\n  variables:\n    A=B: c\n" + minimalFrontend,
		Good: "version: 1\nenv:\n  variables:\n    A: b\n" + minimalFrontend,
	},
	{
		ID: ruleVariableValue, Title: "variable with a list or a map as its value",
		Why:  "A variable holds text. Braces and brackets that belong to it need quotes.",
		Bad:  "version: 1\nenv:\n  variables:\n    FLAGS: {a: 1}\n" + minimalFrontend,
		Good: "version: 1\nenv:\n  variables:\n    FLAGS: '{a: 1}'\n" + minimalFrontend,
	},
}
