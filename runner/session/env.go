package session

// TrustEnv makes the usual tools trust certificates: extra holds only those on top of the system's, bundle holds both.
// Node adds a file to its own list; the others read one file instead of another.
func TrustEnv(extra, bundle string) []Assignment {
	env := []Assignment{{"NODE_EXTRA_CA_CERTS", extra}}
	for _, name := range []string{
		"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE",
	} {
		env = append(env, Assignment{name, bundle})
	}
	return env
}

// SafeDirectoryEnv lets git work in a repository whose files belong to another user.
func SafeDirectoryEnv() []Assignment {
	return []Assignment{
		{"GIT_CONFIG_COUNT", "1"}, {"GIT_CONFIG_KEY_0", "safe.directory"}, {"GIT_CONFIG_VALUE_0", "*"},
	}
}
