package deploymanifest

// Ids of the findings. They are stable: people silence and search them.
const (
	ruleTooLarge      = "manifest-too-large"
	ruleTooMany       = "manifest-too-many-problems" // the rest is not shown
	ruleSyntax        = "manifest-syntax"            // not JSON
	ruleEncoding      = "manifest-encoding"          // a byte order mark, or not UTF-8
	ruleTooDeep       = "manifest-too-deep"          // nested without end
	ruleDuplicateKey  = "manifest-duplicate-key"     // a key twice in an object
	ruleType          = "manifest-wrong-type"        // a string where a list is needed, and so on
	ruleMissingKey    = "manifest-missing-key"       // a required key
	ruleUnknownKey    = "manifest-unknown-key"       // a key with no meaning here
	ruleVersion       = "manifest-version"           // another version than 1
	ruleFramework     = "manifest-framework-version" // no semantic version
	ruleTooManyRoutes = "manifest-too-many-routes"   // more than 25
	ruleCatchAll      = "manifest-catch-all"         // no route /* at the end
	ruleUnreachable   = "manifest-unreachable-route" // behind the catch-all, or a path for the second time
	rulePath          = "manifest-route-path"        // a path that is not allowed
	ruleKind          = "manifest-target-kind"       // a kind that does not exist
	ruleSource        = "manifest-target-src"        // src missing, misplaced, or naming nothing
	ruleCacheControl  = "manifest-cache-control"     // on a target that takes none
	ruleFallback      = "manifest-fallback"          // a fallback of the target's own kind
	ruleServerRoute   = "manifest-server-route"      // a server that the catch-all does not reach
	ruleNoContent     = "manifest-no-content-route"  // neither Static nor Compute
	ruleCompute       = "manifest-compute"           // a resource without a route, two of one name, or another than default
	ruleRuntime       = "manifest-runtime"           // a runtime that does not exist or may be refused
	ruleEntrypoint    = "manifest-entrypoint"        // no file name, or a file that is not there
	ruleFolder        = "manifest-folder"            // compute or static is missing from the bundle
	ruleImages        = "manifest-image-settings"    // image routes without settings or a server, values out of range
	ruleRemotePattern = "manifest-remote-pattern"    // protocol or hostname not allowed
)

// Names and limits of the deployment specification.
const (
	kindStatic  = "Static"
	kindCompute = "Compute"
	kindImage   = "ImageOptimization"

	maxRoutes  = 25
	maxPath    = 255 // characters
	computeDir = "default"
)

var (
	kinds = []string{kindStatic, kindCompute, kindImage}
	// runtimes are those that are documented; newRuntimes are known to adapters, and the service was seen to refuse them.
	runtimes    = []string{"nodejs20.x", "nodejs22.x"}
	newRuntimes = []string{"nodejs24.x"}
	// imageFormats are the documented ones and image/gif, which adapters allow themselves.
	imageFormats = []string{"image/avif", "image/webp", "image/gif", "image/png", "image/jpeg"}
	// misspelt is how the documentation itself spells a key.
	misspelt = map[string]string{"minumumCacheTTL": "minimumCacheTTL"}
)

// amplifyEntrypoint is the only refusal whose text is known.
const amplifyEntrypoint = "CustomerError: We failed to validate the deploy-manifest.json file found in your build output directory - " +
	"An invalid 'deploy-manifest.json' file was provided. The entrypoint file '%s' cannot be found for the specified compute resource. " +
	"Please ensure that the file exists.. When using a framework adapter for hosting on Amplify, double-check that the adapter settings are correct."
