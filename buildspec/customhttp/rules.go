package customhttp

// Ids of the findings. They are stable: people silence and search them.
const (
	ruleTooMany     = "headers-too-many-problems" // the rest is not shown
	ruleNotAMap     = "headers-not-a-map"         // the top level is a list or a single value
	ruleMissing     = "headers-missing"           // no customHeaders anywhere
	ruleNotAList    = "headers-not-a-list"        // customHeaders, headers or applications is no list
	ruleEmpty       = "headers-empty"             // a list without entries
	ruleEntry       = "headers-entry-format"      // an entry of a list is no map
	ruleUnknownKey  = "headers-unknown-key"       // a key with no meaning here
	ruleMisplaced   = "headers-misplaced-key"     // customHeaders beside applications
	ruleAppRoot     = "headers-missing-app-root"  // an application without a string appRoot
	ruleAppRootTwo  = "headers-duplicate-app"     // two applications with one appRoot
	rulePattern     = "headers-missing-pattern"   // a rule without a pattern
	ruleName        = "headers-invalid-name"      // no name of a header, or none at all
	ruleValue       = "headers-invalid-value"     // a value that no header can have, or none at all
	ruleValueType   = "headers-unquoted-value"    // a number, a boolean or a date as a value
	ruleVariable    = "headers-variable"          // a variable in a value or pattern
	ruleBraces      = "headers-braces"            // {a,b} in a pattern
	rulePatternForm = "headers-pattern-format"    // a regular expression, a URL or a query as a pattern
	ruleDuplicate   = "headers-duplicate-header"  // one name twice in a rule
	ruleOverlap     = "headers-overlap"           // one header set differently by rules that match the same paths
)

// amplifyNotAList is the service's own message.
const amplifyNotAList = "CustomerError: Invalid custom header config file. The `customHeaders` key should be an array"
