package schema

// The grammar of amplify.yml as Go types. Nothing is ever decoded into them: they are there to be described. A field's
// tags say
//
//	json        the key; with omitempty it may be absent
//	jsonschema  what an editor shows for it
//	default     what its absence means, as JSON
//	examples    values as JSON, between blanks
//	deprecated  what to write instead; the key is accepted, and an editor doesn't propose it
//	without     the key beside which this one has no effect
//	spelling    the key that this is a second spelling of; an editor doesn't propose it
//
// Types without fields are forms that Go has no type for; forms.go describes them.

// file is the whole of amplify.yml: a single application, or a list of them.
type file struct {
	Version       version       `json:"version,omitempty" jsonschema:"The version of the format. Amplify writes 1 and never checks it." default:"1" examples:"1"`
	Applications  applications  `json:"applications,omitempty" jsonschema:"The applications of a monorepo, each with its appRoot. One build builds one of them: that of AMPLIFY_MONOREPO_APP_ROOT, or else the first. Nothing but version has an effect beside it."`
	AppRoot       path          `json:"appRoot,omitempty" jsonschema:"The application's folder. It has an effect only in the entries of applications."`
	Env           env           `json:"env,omitempty" jsonschema:"Environment variables of the build."`
	Backend       backend       `json:"backend,omitempty" jsonschema:"What deploys the backend. It runs before the frontend, in the same shell: working directory and exports go on."`
	Frontend      frontend      `json:"frontend,omitempty" jsonschema:"What builds the website. Required."`
	Test          test          `json:"test,omitempty" jsonschema:"End-to-end tests, after the frontend."`
	CustomHeaders customHeaders `json:"customHeaders,omitempty" jsonschema:"Headers of the responses." deprecated:"Move the headers into customHttp.yml at the root of the repository."`
}

// application is an entry of applications.
type application struct {
	AppRoot       appRoot       `json:"appRoot" jsonschema:"The application's folder, relative to the root of the repository. It must be the value of AMPLIFY_MONOREPO_APP_ROOT." examples:"\"apps/web\""`
	Env           env           `json:"env,omitempty" jsonschema:"Environment variables of the build."`
	Backend       backend       `json:"backend,omitempty" jsonschema:"What deploys the backend. It runs before the frontend, in the same shell: working directory and exports go on."`
	Frontend      frontend      `json:"frontend" jsonschema:"What builds the website. Required."`
	Test          test          `json:"test,omitempty" jsonschema:"End-to-end tests, after the frontend."`
	CustomHeaders customHeaders `json:"customHeaders,omitempty" jsonschema:"Headers of the responses." deprecated:"Move the headers into customHttp.yml at the root of the repository."`
}

type envSection struct {
	Variables variables `json:"variables,omitempty" jsonschema:"Names and values."`
}

type backendSection struct {
	Phases    phases     `json:"phases,omitempty" jsonschema:"The commands, phase by phase."`
	Artifacts artifacts  `json:"artifacts,omitempty" jsonschema:"Has no effect in a backend."`
	Cache     cache      `json:"cache,omitempty" jsonschema:"Has no effect in a backend; caching belongs to the frontend."`
	PreBuild  loosePhase `json:"preBuild,omitempty" jsonschema:"The phase preBuild." deprecated:"Put the phases under phases." without:"phases"`
	Build     loosePhase `json:"build,omitempty" jsonschema:"The phase build." deprecated:"Put the phases under phases." without:"phases"`
	PostBuild loosePhase `json:"postBuild,omitempty" jsonschema:"The phase postBuild." deprecated:"Put the phases under phases." without:"phases"`
}

type frontendSection struct {
	BuildPath     path              `json:"buildPath,omitempty" jsonschema:"The folder in which the commands start, and which baseDirectory is relative to. The default is the application's root; / is the root of the repository." examples:"\"/\""`
	Buildpath     path              `json:"buildpath,omitempty" jsonschema:"The folder in which the commands start." spelling:"buildPath"`
	Phases        phases            `json:"phases,omitempty" jsonschema:"The commands, phase by phase."`
	Artifacts     frontendArtifacts `json:"artifacts" jsonschema:"What is deployed. Required."`
	Cache         cache             `json:"cache,omitempty" jsonschema:"What is kept for the next build."`
	CustomHeaders customHeaders     `json:"customHeaders,omitempty" jsonschema:"Headers of the responses." deprecated:"Move the headers into customHttp.yml at the root of the repository."`
	PreBuild      loosePhase        `json:"preBuild,omitempty" jsonschema:"The phase preBuild." deprecated:"Put the phases under phases." without:"phases"`
	Build         loosePhase        `json:"build,omitempty" jsonschema:"The phase build." deprecated:"Put the phases under phases." without:"phases"`
	PostBuild     loosePhase        `json:"postBuild,omitempty" jsonschema:"The phase postBuild." deprecated:"Put the phases under phases." without:"phases"`
}

type testSection struct {
	Phases    testPhases `json:"phases,omitempty" jsonschema:"The commands, phase by phase."`
	Artifacts artifacts  `json:"artifacts,omitempty" jsonschema:"The results of the tests."`
	Cache     cache      `json:"cache,omitempty" jsonschema:"Has no effect in test; caching belongs to the frontend."`
	PreTest   loosePhase `json:"preTest,omitempty" jsonschema:"The phase preTest." deprecated:"Put the phases under phases." without:"phases"`
	Test      loosePhase `json:"test,omitempty" jsonschema:"The phase test." deprecated:"Put the phases under phases." without:"phases"`
	PostTest  loosePhase `json:"postTest,omitempty" jsonschema:"The phase postTest." deprecated:"Put the phases under phases." without:"phases"`
}

type phasesSection struct {
	PreBuild  phase `json:"preBuild,omitempty" jsonschema:"Before the build: choose the version of Node, install dependencies."`
	Build     phase `json:"build,omitempty" jsonschema:"The build itself."`
	PostBuild phase `json:"postBuild,omitempty" jsonschema:"After the build and before the artifacts are taken."`
}

type testPhasesSection struct {
	PreTest  phase `json:"preTest,omitempty" jsonschema:"Before the tests: install, start the server in the background and wait for it."`
	Test     phase `json:"test,omitempty" jsonschema:"The tests themselves."`
	PostTest phase `json:"postTest,omitempty" jsonschema:"After the tests: stop the server, gather the results."`
}

type phaseSection struct {
	Commands commands `json:"commands,omitempty" jsonschema:"Shell commands. All commands of all phases run in one bash: cd, export and functions go on. The first that fails ends the build."`
}

type artifactsSection struct {
	BaseDirectory  path  `json:"baseDirectory,omitempty" jsonschema:"The folder that files is relative to, itself relative to the application's root or to buildPath. A leading slash means that too. Variables are not expanded." examples:"\"dist\" \"build\" \".next\""`
	BaseDirectory2 path  `json:"base-directory,omitempty" jsonschema:"The folder that files is relative to." spelling:"baseDirectory"`
	Files          globs `json:"files,omitempty" jsonschema:"Glob patterns of the files to take, relative to baseDirectory." default:"[\"**/*\"]" examples:"[\"**/*\"]"`
	DiscardPaths   flag  `json:"discard-paths,omitempty" jsonschema:"Put all files flat into the root of the artifact." default:"false"`
	ConfigFilePath path  `json:"configFilePath,omitempty" jsonschema:"The file with the results of the tests; for test only." examples:"\"**/mochawesome.json\""`
}

type cacheSection struct {
	Paths cachePaths `json:"paths,omitempty" jsonschema:"Glob patterns of what to keep, relative to the application's root. Variables are not expanded, and what lies outside of the repository is not kept." examples:"[\".npm/**/*\"] [\".next/cache/**/*\"]"`
}

// Forms: see forms.go.
type (
	version           struct{}
	path              struct{}
	appRoot           struct{}
	applications      struct{}
	env               struct{}
	variables         struct{}
	backend           struct{}
	frontend          struct{}
	test              struct{}
	phases            struct{}
	testPhases        struct{}
	phase             struct{}
	loosePhase        struct{}
	commands          struct{}
	artifacts         struct{}
	frontendArtifacts struct{}
	globs             struct{}
	cachePaths        struct{}
	flag              struct{}
	cache             struct{}
	customHeaders     struct{}
)
