package buildspec

// Ids of the findings that parsing can report. They are stable: people silence and search them.
const (
	// The file as a whole.
	ruleTooLarge      = "too-large"           // over MaxFileSize
	ruleEncoding      = "encoding"            // not UTF-8
	ruleEmpty         = "empty-file"          // nothing in it but comments
	ruleNotABuildspec = "not-a-buildspec"     // recognisably something else
	ruleNotAMap       = "not-a-map"           // the top level is a list or a scalar
	ruleTooMany       = "too-many-problems"   // the rest is not shown
	ruleMultiDoc      = "multiple-documents"  // a second YAML document
	ruleConflict      = "merge-conflict"      // conflict markers of a version control system
	ruleSyntax        = "yaml-syntax"         // not YAML
	ruleTab           = "tab-indentation"     // a tab where YAML wants spaces
	ruleControlChar   = "control-character"   // a character that YAML forbids
	ruleUnclosed      = "unclosed"            // a quote or bracket without its end
	ruleUnknownAnchor = "unknown-anchor"      // an alias without its anchor
	ruleUnquoted      = "unquoted-text"       // text that YAML reads as syntax
	ruleDuplicateKey  = "duplicate-key"       // a key twice in a map
	ruleUnknownTag    = "unknown-tag"         // a tag that js-yaml doesn't know
	ruleBadTag        = "bad-tag"             // a known tag on a value that doesn't fit it
	ruleBadMerge      = "bad-merge"           // a merge key without maps
	ruleAliasCycle    = "alias-cycle"         // an alias to a node around it
	ruleAliasBomb     = "alias-bomb"          // aliases that expand beyond the budget
	ruleTooDeep       = "too-deep"            // nested beyond maxDepth
	ruleUnknownKey    = "unknown-key"         // a key with no meaning here
	ruleMisplacedKey  = "misplaced-key"       // a key with a meaning elsewhere
	ruleLegacyHeaders = "legacy-headers"      // customHeaders inside the buildspec
	ruleWrongType     = "wrong-type"          // a map where a list is needed, and so on
	ruleAlternatives  = "two-spellings"       // buildPath and buildpath in one map
	ruleNoApps        = "no-applications"     // an empty applications list
	ruleAppsNotAList  = "applications-format" // applications as a single map
	ruleNoAppRoot     = "missing-app-root"    // an application without a string appRoot
	ruleNoFrontend    = "missing-frontend"    // no frontend section
	ruleNoArtifacts   = "missing-artifacts"   // a frontend without artifacts
	ruleNoBaseDir     = "missing-base-directory"
	ruleNoFiles       = "missing-artifact-files"
	ruleNoPhases      = "missing-phases"        // phases written directly in a section
	rulePhaseFormat   = "phase-format"          // a phase without its commands key
	ruleCommandsList  = "commands-not-a-list"   // one command instead of a list
	ruleListFormat    = "not-a-list"            // one value instead of a list
	ruleCommandMap    = "command-is-a-map"      // an unquoted ": " in a command
	ruleCommandList   = "command-is-a-list"     // "- - command"
	ruleNUL           = "nul-character"         // "\0" in a text that goes to a shell
	ruleVariableName  = "invalid-variable-name" // a name that no environment can hold
	ruleVariableValue = "variable-not-a-scalar" // a map or list as a variable's value
	ruleUnknownPhase  = "unknown-phase"         // a phase that the service does not have
	ruleSpelling      = "second-spelling"       // a spelling that only the list of keys in the documentation has
)

// Ids of the findings that only Check reports.
const (
	// Folders and patterns.
	ruleVariableInPath    = "variable-in-path"
	ruleVariableInPattern = "variable-in-pattern"
	ruleBackslash         = "backslash-in-path"
	ruleBaseOutside       = "base-directory-outside"
	ruleGlobInBase        = "glob-in-base-directory"
	ruleBaseRepeatsRoot   = "base-directory-repeats-app-root"
	ruleBaseMissesRoot    = "base-directory-misses-app-root"
	ruleBaseNotFound      = "base-directory-not-found"
	ruleForgottenCd       = "base-directory-forgets-cd"
	ruleGlobNothing       = "glob-matches-nothing"
	ruleDuplicateEntry    = "duplicate-entry"
	ruleBuildPathNotFound = "build-path-not-found"
	// Applications and their environment.
	ruleRootNotFound     = "app-root-not-found"
	ruleRootMismatch     = "app-root-mismatch"
	ruleRootOutside      = "app-root-outside"
	ruleDuplicateRoot    = "duplicate-app-root"
	ruleAppRootAlone     = "app-root-without-applications"
	ruleReservedVariable = "reserved-variable"
	// The cache.
	ruleCacheOutside = "cache-path-outside"
	ruleNpmCiCache   = "npm-ci-node-modules-cache"
	// Commands by themselves.
	ruleShellSyntax     = "shell-syntax"
	ruleFoldedBackslash = "folded-backslash"
	ruleLostOption      = "npm-option-lost"
	ruleEnvInLog        = "environment-in-log"
	// Commands in their one shell.
	ruleExit        = "exit-ends-build"
	ruleNotExported = "variable-not-exported"
	rulePipeline    = "pipeline-hides-failure"
	rulePushAndAmpx = "amplify-push-with-ampx"
	ruleNodeEnv     = "node-env-before-install"
	ruleForeground  = "server-in-foreground"
	ruleNotWaited   = "server-without-wait"
	// Commands and the repository.
	ruleToolMissing     = "tool-not-installed"
	ruleManagerMismatch = "package-manager-mismatch"
	ruleNoLockfile      = "npm-ci-without-lockfile"
	ruleNoScript        = "missing-script"
	ruleNoFolder        = "missing-folder"
)
