package main

// A documented case is a situation that a log of the service shows. A real build is brought into the same situation, and has
// to give the same lines of the runner in the same order.
type documentedCase struct {
	name string
	// section is where amplify-behaviour.md describes it.
	section string
	// log names the service's log, from and to the texts of the first and last line that belong to the case. "" = its ends.
	log, from, to string
	// spec, args and files are the build. Files are added to the repository.
	spec  string
	args  []string
	files map[string]string
	// commit builds exactly a commit, as the service does when the job names one; again builds twice, and looks at the
	// second log; docker builds in a container rather than on this machine; cli brings an Amplify CLI that only says what it
	// is told.
	commit, again, docker, cli bool
	// differs are markers of the service that are not printed here, and why. A reason that begins with + is one of a marker
	// that is printed here only.
	differs map[string]string
}

// why markers of the service have no counterpart here.
const (
	oldForm    = "only the runner of earlier years prints it"
	cacheAfter = "a build without artifacts does not replace a good cache here"
	untouched  = "a skip does not touch the cache here"
	noHeaders  = "nothing is deployed after a skip, so headers are not looked for here"
	noGen1     = "there are no generated names of Gen 1 environments here"
	unknowable = "whether the version can be had is known only when it is installed"
	lastCommit = "+ the copy lacks it"
)

const (
	npmFails = "echo npm error code EUSAGE >&2; exit 1"
	page     = "  artifacts: { baseDirectory: /, files: ['*.html'] }\n"
	builds   = "version: 1\nfrontend:\n  phases: { build: { commands: [echo built] } }\n" + page
	// arn is how preamp is told of the backend environment that belongs to a branch.
	arn = "AWS_BACKEND_ENVIRONMENT_ARN=arn:aws:amplify:eu-west-1:1:apps/d7/backendenvironments/production"
)

var awsKeys = []string{"--env", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "--env", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI"}

func documentedCases() []documentedCase {
	return []documentedCase{
		{
			name: "Next.js without required-server-files", section: "2.2, 2.4, 8.4", log: "01", commit: true,
			spec: "version: 1\nfrontend:\n  phases:\n    preBuild: { commands: [export NODE_ENV=production] }\n" +
				"    build: { commands: [mkdir .next && echo x > .next/BUILD_ID] }\n  artifacts: { baseDirectory: .next, files: ['**/*'] }\n",
			files: map[string]string{
				"package.json":   `{ "scripts": { "build": "next build" }, "dependencies": { "next": "16.0.0" } }`,
				"customHttp.yml": "customHeaders:\n  - pattern: '**/*'\n    headers: [{ key: X-Frame-Options, value: DENY }]\n",
			},
		},
		{
			name: "backend fails", section: "2.2, 2.4", log: "02", commit: true,
			spec: "version: 1\nbackend:\n  phases: { build: { commands: ['" + npmFails + "'] } }\nfrontend:\n  phases: { build: { commands: [echo never] } }\n" + page,
		},
		{
			name: "frontend fails after a cd", section: "2.1, 2.4", log: "03", commit: true, files: map[string]string{"frontend/package.json": "{}"},
			spec: "version: 1\nfrontend:\n  phases: { build: { commands: [cd frontend, '" + npmFails + "'] } }\n" + page,
			differs: map[string]string{
				"BackendEnvironment name": noGen1, "Random environment name": noGen1,
			},
		},
		{
			name: "the artifacts' folder is missing", section: "2.2, 2.4, 3", log: "04",
			spec:    "version: 1\nfrontend:\n  phases: { preBuild: { commands: [sh make.sh] }, build: { commands: [] } }\n  artifacts: { baseDirectory: dist, files: ['**/*'] }\n  cache: { paths: ['x/**/*'] }\n",
			files:   map[string]string{"make.sh": "mkdir build\n"},
			differs: markers(cacheAfter, caching...),
		},
		{
			name: "end of a good build", section: "2.2, 7, 8.1", log: "05", from: "# Creating cache artifact...", to: "Terminating logging...",
			spec:    "version: 1\nfrontend:\n  phases: { build: { commands: [mkdir -p x && echo 1 > x/y, envCache --set stackInfo s] } }\n" + page + "  cache: { paths: ['x/**/*'] }\n",
			differs: map[string]string{"Terminating logging...": oldForm},
		},
		{
			name: "end of a good build in 2020", section: "2.2", log: "06", from: "# Caching completed",
			spec:    "version: 1\nfrontend:\n  phases: { build: { commands: [mkdir -p x && echo 1 > x/y] } }\n" + page + "  cache: { paths: ['x/**/*'] }\n",
			differs: map[string]string{"# Build artifact is: *": oldForm},
		},
		{
			name: "live update of Node.js", section: "4.6", log: "07", from: "# Node version 17 is available", to: "# Patching NPM package '@aws-amplify/cli' to 7.6.22...",
			spec: builds, docker: true,
			args: []string{"--env", `_LIVE_UPDATES=[{"pkg":"semver","type":"npm","version":"7.6.0"},{"name":"Node.js version","pkg":"node","type":"nvm","version":"20"}]`},
			differs: map[string]string{
				"# Node version * is available for installation": unknowable,
			},
		},
		{
			name: "live update of a package", section: "4.6", log: "07", from: "# Patching NPM package ‘@aws-amplify/cli’ from 12.8.2", to: "# Done patching NPM package ‘@aws-amplify/cli’ to version",
			spec: builds, docker: true,
			args: []string{"--env", `_LIVE_UPDATES=[{"pkg":"semver","type":"npm","version":"7.6.0"}]`},
		},
		{
			name: "frontend unchanged", section: "5.3", log: "08", from: "# NOTE: Set the AMPLIFY_DIFF_DEPLOY_ROOT", to: "# No custom headers found.",
			spec: builds, files: map[string]string{"src/page": "1\n"}, commit: true, again: true, args: []string{"--env", "AMPLIFY_DIFF_DEPLOY=true"},
			differs: merge(markers(untouched, caching...), markers(noHeaders, "# No custom headers found."), markers(lastCommit, "# Last built commit: *")),
		},
		{
			name: "backend unchanged", section: "5.4", log: "08", from: "# Determining if there are buildable backend changes",
			spec:  "version: 1\nbackend:\n  phases: { build: { commands: [amplifyPush --simple] } }\nfrontend:\n  phases: { build: { commands: [echo built] } }\n" + page,
			files: map[string]string{"amplify/backend/api": "1\n"}, commit: true, again: true, cli: true,
			args: append([]string{"--env", "AMPLIFY_DIFF_BACKEND=true"}, awsKeys...),
		},
		{
			name: "the specification is no YAML", section: "1.1, 2.4", log: "09", commit: true,
			spec: "version: 1\nbackend:\nphases:\nbuild:\ncommands:\n- npm ci --cache .npm --prefer-offline\n- npx ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID\nfrontend:\nphases:\npreBuild:\ncommands:\n- echo\n",
		},
		{
			name: "a command is not found, 2019", section: "2.1, 2.4", log: "10", from: "# Executing command: amplifyPushFyz", to: "Terminating logging...",
			spec:    "version: 1\nbackend:\n  phases: { build: { commands: ['# Execute Amplify CLI with the helper script', amplifyPushFyz] } }\nfrontend:\n  phases: {}\n" + page,
			differs: map[string]string{"Terminating logging...": oldForm},
		},
		{
			name: "the environment cache is kept although the build fails", section: "2.4, 3", log: "10", from: "!!! Build failed@2021-12-16", to: "Terminating logging...@2021-12-16",
			spec:    "version: 1\nbackend:\n  phases: { build: { commands: [envCache --set stackInfo s, amplify-is-not-here] } }\nfrontend:\n  phases: {}\n" + page,
			differs: map[string]string{"Terminating logging...": oldForm, "# Uploaded environment cache artifact": lastCommit},
		},
		{
			name: "Gen 2: backend passes, frontend fails", section: "2.2, 2.4, 7", log: "11",
			spec: "version: 1\nbackend:\n  phases: { build: { commands: [envCache --set stackInfo s] } }\nfrontend:\n  phases: { preBuild: { commands: ['exit 1'] } }\n" + page,
		},
		{
			name: "clone and switch", section: "2.2, 5.1", log: "12", from: "# Cloning repository", to: "# Switching to commit", commit: true,
			spec: "version: 1\nfrontend:\n  phases: {}\n" + page,
		},
		{
			name: "amplifyPush", section: "7", log: "13", from: "# Getting Amplify CLI", to: "# Initializing new Amplify environment",
			spec: "version: 1\nbackend:\n  phases: { build: { commands: [amplifyPush -s] } }\nfrontend:\n  phases: {}\n" + page,
			cli:  true, args: awsKeys,
		},
		{
			name: "a managed backend", section: "7", log: "13", from: "## Checking for associated backend environment...", to: "## Backend environment association found",
			spec: builds, cli: true, args: append([]string{"--env", arn}, awsKeys...),
		},
		{
			name: "only the backend's configuration is pulled", section: "7", log: "13", from: "## Starting Backend Build@pull-only", to: "## Running amplify pull",
			spec: "version: 1\nbackend:\n  phases: { build: { commands: [amplifyPush --simple] } }\nfrontend:\n  phases: {}\n" + page,
			cli:  true, args: append([]string{"--env", arn, "--env", "AMPLIFY_BACKEND_PULL_ONLY=true"}, awsKeys...),
		},
	}
}

var caching = []string{
	"# Starting caching...", "# Creating cache artifact...", "# Created cache artifact", "# Uploading cache artifact...", "# Uploaded cache artifact",
	"# Caching completed",
}

func markers(why string, names ...string) map[string]string {
	m := map[string]string{}
	for _, n := range names {
		m[n] = why
	}
	return m
}

func merge(maps ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}
