package main

import (
	"slices"
	"time"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
)

// A documented case is a situation that a log of the service shows. The same situation here has to give the same lines of
// the runner in the same order.
type documentedCase struct {
	name string
	// section is where amplify-behaviour.md describes it.
	section string
	// log names the service's log, from and to the texts of the first and last line that belong to the case. "" = its ends.
	log, from, to string
	// args and spec are a real build on the host engine; without spec, events are rendered: those that no build sends yet,
	// or that need the service. Files are added to the repository.
	spec  string
	args  []string
	files map[string]string
	// commit builds exactly a commit, as the service does when the job names one.
	commit bool
	events []runner.Event
	// differs are markers of the service that are not printed here, and why.
	differs map[string]string
}

// notSentYet are markers whose events real builds do not send yet. Once they do, the name goes from here.
var notSentYet = []string{"# Retrieving environment cache...", "! environment cache"}

// why markers of the service have no counterpart here.
const (
	oldForm    = "only the runner of earlier years prints it"
	cacheAfter = "a build without artifacts does not replace a good cache here"
	untouched  = "a skip does not touch the cache here"
	noGen1     = "there are no generated names of Gen 1 environments here"
	unknowable = "whether the version can be had is known only when it is installed"
)

const npmFails = "echo npm error code EUSAGE >&2; exit 1"

func documentedCases() []documentedCase {
	return []documentedCase{
		{
			name: "Next.js without required-server-files", section: "2.2, 2.4, 8.4", log: "01",
			events: concatEvents(opening("main", true), sections(false, "preBuild", "build"), []runner.Event{
				runner.HeadersRead{Headers: runner.Headers{File: "customHttp.yml", Rules: 1}},
				runner.EnvCacheSaved{},
				failed(runner.ClassOutput, "CustomerError: Can't find required-server-files.json in build output directory"),
				ended(),
			}),
		},
		{
			name: "backend fails", section: "2.2, 2.4", log: "02", commit: true,
			spec: "version: 1\nbackend:\n  phases: { build: { commands: ['" + npmFails + "'] } }\nfrontend:\n  phases: { build: { commands: [echo never] } }\n  artifacts: { baseDirectory: /, files: ['*.html'] }\n",
		},
		{
			name: "frontend fails after a cd", section: "2.1, 2.4", log: "03", commit: true, files: map[string]string{"frontend/package.json": "{}"},
			spec: "version: 1\nfrontend:\n  phases: { build: { commands: [cd frontend, '" + npmFails + "'] } }\n  artifacts: { baseDirectory: /, files: ['*.html'] }\n",
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
			name: "end of a good build", section: "2.2, 8.1", log: "05", from: "# Creating cache artifact...", to: "Terminating logging...",
			events:  concatEvents(opening("main", true), sections(false, "build"), goodEnd(runner.EnvCacheSaved{Saved: true, Keys: 1})),
			differs: map[string]string{"Terminating logging...": oldForm},
		},
		{
			name: "end of a good build, built here", section: "2.2, 8.1", log: "05", from: "# Creating cache artifact...", to: "# Build artifact upload completed",
			spec: "version: 1\nfrontend:\n  phases: { build: { commands: [mkdir -p x && echo 1 > x/y] } }\n  artifacts: { baseDirectory: /, files: ['*.html'] }\n  cache: { paths: ['x/**/*'] }\n",
		},
		{
			name: "end of a good build in 2020", section: "2.2", log: "06", from: "# Caching completed",
			events:  concatEvents(opening("main", true), sections(false, "build"), goodEnd(runner.EnvCacheSaved{})),
			differs: map[string]string{"# Build artifact is: *": oldForm},
		},
		{
			name: "live update of Node.js", section: "4.6", log: "07", from: "# Node version 17 is available", to: "# Patching NPM package '@aws-amplify/cli' to 7.6.22...",
			events: concatEvents(opening("main", true), liveUpdate("node", "nvm", "17", ""), liveUpdate("@aws-amplify/cli", "npm", "7.6.22", ""), sections(false, "build")),
			differs: map[string]string{
				"# Node version * is available for installation": unknowable,
			},
		},
		{
			name: "live update of a package", section: "4.6", log: "07", from: "# Patching NPM package ‘@aws-amplify/cli’ from 12.8.2", to: "# Done patching NPM package ‘@aws-amplify/cli’ to version",
			events: concatEvents(opening("main", true), liveUpdate("@aws-amplify/cli", "npm", "12.10.1", "12.8.2"), sections(false, "build")),
		},
		{
			name: "frontend unchanged", section: "5.3", log: "08", from: "# NOTE: Set the AMPLIFY_DIFF_DEPLOY_ROOT", to: "# No custom headers found.",
			events: concatEvents(opening("main", true), []runner.Event{
				runner.DiffDecided{Diff: runner.Diff{What: "frontend", Root: "src", Skip: true, Why: "no changes"}},
				runner.SectionStarted{Section: "backend"},
				runner.SectionEnded{Section: "backend", OK: true},
				runner.Skipped{What: "frontend", Code: runner.SkipDiff},
				runner.HeadersRead{},
				runner.EnvCacheSaved{},
				ended(),
			}),
			differs: markers(untouched, caching...),
		},
		{
			name: "backend unchanged", section: "5.4", log: "08", from: "# Determining if there are buildable backend changes",
			events: concatEvents(opening("main", true), []runner.Event{
				runner.DiffDecided{Diff: runner.Diff{What: "backend", Root: "amplify", Base: commitID, Skip: true, Why: "no changes"}},
				runner.Skipped{What: "backend", Code: runner.SkipDiff},
			}),
		},
		{
			name: "the specification is no YAML", section: "1.1, 2.4", log: "09", commit: true,
			spec: "version: 1\nbackend:\nphases:\nbuild:\ncommands:\n- npm ci --cache .npm --prefer-offline\n- npx ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID\nfrontend:\nphases:\npreBuild:\ncommands:\n- echo\n",
		},
		{
			name: "a command is not found, 2019", section: "2.1, 2.4", log: "10", from: "# Executing command: amplifyPushFyz", to: "Terminating logging...",
			spec:    "version: 1\nbackend:\n  phases: { build: { commands: ['# Execute Amplify CLI with the helper script', amplifyPushFyz] } }\nfrontend:\n  phases: {}\n  artifacts: { baseDirectory: /, files: ['*.html'] }\n",
			differs: map[string]string{"Terminating logging...": oldForm},
		},
		{
			name: "the environment cache is kept although the build fails", section: "2.4, 3", log: "10", from: "!!! Build failed@2021-12-16", to: "Terminating logging...@2021-12-16",
			events: concatEvents(opening("main", true), failingSection("backend"), []runner.Event{
				runner.EnvCacheSaved{Saved: true, Keys: 1}, failed(runner.ClassCommand, "Error: Command failed with exit code 1"), ended(),
			}),
			differs: map[string]string{"Terminating logging...": oldForm, "# Uploaded environment cache artifact": "+ the copy lacks it"},
		},
		{
			name: "Gen 2: backend passes, frontend fails", section: "2.2, 2.4", log: "11",
			spec: "version: 1\nbackend:\n  phases: { build: { commands: [echo deployed] } }\nfrontend:\n  phases: { preBuild: { commands: ['exit 1'] } }\n  artifacts: { baseDirectory: /, files: ['*.html'] }\n",
			differs: map[string]string{
				"# Uploading environment cache artifact...": "nothing is set in this build", "# Uploaded environment cache artifact": "nothing is set in this build",
			},
		},
		{
			name: "clone and switch", section: "2.2, 5.1", log: "12", from: "# Cloning repository", to: "# Switching to commit", commit: true,
			spec: "version: 1\nfrontend:\n  phases: {}\n  artifacts: { baseDirectory: /, files: ['*.html'] }\n",
		},
		{
			name: "a managed backend", section: "7", log: "13", from: "## Checking for associated backend environment...", to: "## Backend environment association found",
			events: concatEvents(opening("main", true), []runner.Event{runner.SectionStarted{Section: "backend", Backend: "production"}}),
		},
		{
			name: "only the backend's configuration is pulled", section: "7", log: "13", from: "## Starting Backend Build@pull-only", to: "## Running amplify pull",
			events:  concatEvents(opening("main", true), []runner.Event{runner.SectionStarted{Section: "backend", Defined: true, PullOnly: true}}),
			differs: map[string]string{"# Starting phase: build": "the pull is no phase of the specification here"},
		},
	}
}

// What follows are the events of builds that nothing can provoke yet, or not without the service.

const commitID = "11f29bdbdd1833c078975f02aa01e7f60e4f8f5f"

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

func concatEvents(lists ...[]runner.Event) []runner.Event { return slices.Concat(lists...) }

func opening(branch string, switched bool) []runner.Event {
	return []runner.Event{
		runner.BuildStarted{Engine: engine.Info{Kind: "docker", CPUs: 8, Memory: 32 << 30}, Limits: runner.StandardLimits, Timeout: 30 * time.Minute},
		runner.SourceStarted{From: "git@git.example.com:o/r.git"},
		runner.SourceReady{Source: runner.Source{Name: "r", Branch: branch, Commit: commitID, Subject: "S", Head: !switched}, Dir: "/codebuild/output/src1/src/r"},
		runner.Planned{Plan: &runner.Plan{}, App: "d1abcdefghijkl", Branch: branch},
		runner.EnvCacheRestored{},
	}
}

// sections are a backend and a frontend with these phases, all of which pass.
func sections(backend bool, phases ...string) []runner.Event {
	list := []runner.Event{
		runner.SectionStarted{Section: "backend", Defined: backend},
		runner.SectionEnded{Section: "backend", OK: true},
		runner.SectionStarted{Section: "frontend", Defined: true},
	}
	for _, p := range phases {
		list = append(list, runner.PhaseStarted{Section: "frontend", Phase: p}, runner.PhaseEnded{Section: "frontend", Phase: p, OK: true})
	}
	return append(list, runner.SectionEnded{Section: "frontend", OK: true})
}

func failingSection(name string) []runner.Event {
	return []runner.Event{
		runner.SectionStarted{Section: name, Defined: true},
		runner.PhaseStarted{Section: name, Phase: "build"},
		runner.PhaseEnded{Section: name, Phase: "build"},
		runner.SectionEnded{Section: name},
	}
}

func goodEnd(saved runner.EnvCacheSaved) []runner.Event {
	return []runner.Event{
		saved,
		runner.CacheSaved{CacheSave: runner.CacheSave{Saved: true}},
		runner.HeadersRead{},
		runner.ArtifactsReady{Kind: "build", Artifacts: runner.Artifacts{Zip: "artifacts.zip", Hashes: "hashes.zip"}},
		ended(),
	}
}

func liveUpdate(pkg, kind, version, from string) []runner.Event {
	u := runner.LiveUpdate{Pkg: pkg, Type: kind, Version: version}
	return []runner.Event{
		runner.LiveUpdateStarted{Update: u, From: from},
		runner.LiveUpdateEnded{LiveUpdateResult: runner.LiveUpdateResult{LiveUpdate: u, From: from, To: u.Version, OK: true}},
	}
}

func failed(class runner.Class, service string) runner.Event {
	return runner.Failed{Failure: &runner.Failure{Class: class, Message: "failed", Service: service}}
}

func ended() runner.Event {
	return runner.BuildEnded{Result: &runner.Result{}}
}
