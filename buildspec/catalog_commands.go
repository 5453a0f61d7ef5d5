package buildspec

const oneShell = "amplify-hosting #546"

// commandRules are about single commands.
var commandRules = []RuleInfo{
	{
		ID: ruleShellSyntax, Severity: Warning, Title: "command that bash cannot read", Fixable: true,
		Why: "Commands are run by bash, and one with a syntax error fails before any part of it is run. Often YAML has joined lines that " +
			"belong on lines of their own: write a | behind the dash.",
		Bad:  site("if [ \"$AWS_BRANCH\" = main ]\nthen npm run build\nfi"),
		Good: site("|\n  if [ \"$AWS_BRANCH\" = main ]\n  then npm run build\n  fi"),
	},
	{
		ID: ruleFoldedBackslash, Severity: Warning, Title: "backslash at the end of a line that YAML joins", Fixable: true,
		Why:  "YAML joins the lines of an unquoted command with blanks, so that the backslash takes the meaning from a blank instead of a line's end.",
		Bad:  site("npm run build -- \\\n  --mode production"),
		Good: site("npm run build --\n  --mode production"),
	},
	{
		ID: ruleLostOption, Severity: Warning, Title: "option that npm takes for itself", Fixable: true,
		Why:  "npm run gives a script only what stands behind --. Options before it are npm's own, and those that npm does not know are ignored.",
		Bad:  site("npm run build --configuration=production"),
		Good: site("npm run build -- --configuration=production"),
	},
	{
		ID: ruleEnvInLog, Severity: Warning, Title: "variables in the log",
		Why:    "The log is shown to everyone who may see the app, and the service masks nothing in it.",
		Bad:    site("printenv", "npm run build"),
		Good:   site("printenv | cut -d= -f1", "npm run build"),
		Source: "amplify-hosting #2821",
	},
}

// sessionRules are about commands that share one shell.
var sessionRules = []RuleInfo{
	{
		ID: ruleExit, Severity: Warning, Title: "exit that ends the build",
		Why:    "All commands of all phases share one shell. An exit without an error ends it: the commands after it are not run, and the build is good.",
		Bad:    site(`if [ "$AWS_BRANCH" != main ]; then exit 0; fi`, "npm run build"),
		Good:   site(`if [ "$AWS_BRANCH" = main ]; then npm run build; fi`),
		Source: oneShell,
	},
	{
		ID: ruleNotExported, Severity: Warning, Title: "variable that programs do not see", Fixable: true,
		Why:    "NAME=value alone sets a variable of the shell. Programs see only those that are exported.",
		Bad:    site("VITE_STAGE=beta", "npm run build"),
		Good:   site("export VITE_STAGE=beta", "npm run build"),
		Source: "amplify-hosting #731",
	},
	{
		ID: rulePipeline, Severity: Warning, Title: "pipeline that hides a failure",
		Why:    "The status of a pipeline is that of its last program. If the build before it fails, the service goes on and deploys what there is.",
		Bad:    site("npm run build | tee build.log"),
		Good:   site("set -o pipefail", "npm run build | tee build.log"),
		Source: "amplify-hosting #537",
	},
	{
		ID: rulePushAndAmpx, Severity: Warning, Title: "backends of both generations",
		Why: "amplifyPush deploys a backend of Gen 1 and ampx pipeline-deploy one of Gen 2. An app has one of them; the other command fails or deploys what nobody uses.",
		Bad: "version: 1\nbackend:\n" + phaseOf("build", "amplifyPush --simple", "npx ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID") + minimalFrontend,
		Good: "version: 1\nbackend:\n" + phaseOf("build", "npx ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID") +
			minimalFrontend,
		Source: "documentation of Gen 2",
	},
	{
		ID: ruleNodeEnv, Severity: Warning, Title: "NODE_ENV=production before an install",
		Why:  "npm and others then leave out devDependencies, where most projects have what their build needs.",
		Bad:  site("export NODE_ENV=production", "npm ci", "npm run build"),
		Good: site("npm ci", "export NODE_ENV=production", "npm run build"),
	},
	{
		ID: ruleForeground, Severity: Warning, Title: "server in the foreground",
		Why:    "A server does not end, so the build runs until its time is over, and fails without a message.",
		Bad:    site("npm ci", "npx next start"),
		Good:   site("npm ci", "npx next build"),
		Source: "amplify-hosting #1967",
	},
	{
		ID: ruleNotWaited, Severity: Warning, Title: "server that nothing waits for",
		Why:    "A server in the background needs some seconds until it answers. Tests that begin at once fail now and then.",
		Bad:    tested("npm start &"),
		Good:   tested("npm start &", "npx wait-on http://localhost:3000"),
		Source: "documentation of tests",
	},
}

// repositoryRules are about commands and what is there for them.
var repositoryRules = []RuleInfo{
	{
		ID: ruleToolMissing, Severity: Warning, Title: "tool that the build image does not have",
		Why:    "The service's image has npm and Yarn, and neither pnpm nor Bun, Go or Docker. With an image of your own the rule does not apply.",
		Bad:    site("pnpm install", "pnpm build"),
		Good:   site("npm install -g pnpm", "pnpm install", "pnpm build"),
		Source: "amplify-hosting #3742",
	},
	{
		ID: ruleManagerMismatch, Severity: Warning, Title: "package manager without its lockfile",
		Why:   "The repository has the lockfile of another package manager. Other versions are installed than those that were tested.",
		Files: map[string]string{"package.json": "{}", "package-lock.json": "{}"},
		Bad:   site("yarn install", "yarn build"),
		Good:  site("npm ci", "npx vite build"),
	},
	{
		ID: ruleNoLockfile, Severity: Warning, Title: "npm ci without a lockfile",
		Why:   "npm ci installs what package-lock.json says, and fails without one.",
		Files: map[string]string{"package.json": "{}", "yarn.lock": ""},
		Bad:   site("npm ci", "npx vite build"),
		Good:  site("yarn install", "npx vite build"),
	},
	{
		ID: ruleNoScript, Severity: Warning, Title: "script that package.json does not have",
		Why:   "npm run and pnpm run fail for a script that is not in the package.json of the current folder.",
		Files: map[string]string{"package.json": `{"scripts": {"build": "vite build"}}`},
		Bad:   site("npm run bulid"),
		Good:  site("npm run build"),
	},
	{
		ID: ruleNoFolder, Severity: Warning, Title: "cd to a folder that is not there",
		Why:   "The repository does not have the folder, and no command before makes it. A cd holds for all later commands, which makes it easy to do twice.",
		Files: map[string]string{"app/index.html": ""},
		Bad:   site("cd ap", "hugo"),
		Good:  site("cd app", "hugo"),
	},
}
