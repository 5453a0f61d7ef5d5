package check

// Ids of the findings. They are stable: people silence and search them.
const (
	ruleNoServerFiles = "output-required-server-files" // Next.js: the base directory is not its output
	ruleNoServer      = "output-server-missing"        // Next.js: no server folder
	ruleNoStandalone  = "output-standalone-missing"    // Next.js: no standalone folder
	ruleNextVersion   = "output-next-version"          // Next.js: its version cannot be read
	ruleNode          = "output-node-version"          // a Node.js that servers are not run with
	ruleNoManifest    = "output-manifest-missing"      // no deploy-manifest.json
	ruleUnreadable    = "output-unreadable"            // a file that should be there and cannot be read
	ruleNotSelected   = "output-not-selected"          // a file that is needed is not among the artifacts
	ruleTooLarge      = "output-too-large"             // more than an artifact may have
	ruleComputeLarge  = "output-compute-too-large"     // more than a server may have
	ruleHeadersPlace  = "headers-not-in-root"          // customHttp.yml where it is not read
	ruleHeadersApp    = "headers-other-applications"   // customHttp.yml has nothing for this application
	ruleHeadersLegacy = "legacy-headers"               // customHeaders in the build specification
)

// The service's own messages, as collected from its logs. The one about the manifest goes on about .amplify-hosting; how
// is not known.
const (
	serviceServerFiles = "CustomerError: Can't find required-server-files.json in build output directory"
	serviceNoServer    = "CustomerError: Build output not found in %s, please check your build artifacts path"
	serviceStandalone  = "CustomerError: Standalone directory not found in %s/standalone. Please enable output standalone on your next.config.js"
	serviceNext        = "CustomerError: Cannot read 'next' version in package.json. If you are using monorepo, please ensure that AMPLIFY_MONOREPO_APP_ROOT is set correctly."
	serviceNode        = "CustomerError: Unsupported NodeJS version: %s. Supported versions are 20 and 22."
	serviceManifest    = "CustomerError: Failed to find the deploy-manifest.json file in the build output. Please verify that it exists within the \"baseDirectory\" specified in your buildSpec."
	// The missing blanks are the service's.
	serviceTooLarge = "CustomerError: The size of the build output (%d) exceeds the max allowed size of%d bytes. Please reduce the size ofyour build output and try again."

	// MissingBase is what the service says of an application with a server whose base directory does not exist. Of
	// others it says what [artifacts.MissingBaseError] does.
	MissingBase = "CustomerError: Artifacts base directory not found in build output, please check your buildSpec"
)

// Limits of the service, in bytes.
const (
	// MaxArtifact is the documented size of a build's artifact. It does not say whether packed or not; files are what
	// is counted here.
	MaxArtifact = 5 << 30
	// MaxCompute is the size of what a server consists of.
	MaxCompute = 230686720
)

// Platforms of the service.
const (
	Web     = "WEB"         // files only
	Compute = "WEB_COMPUTE" // files and a server
)

// nodeVersions are the major versions that servers are run with.
var nodeVersions = []string{"20", "22"}
