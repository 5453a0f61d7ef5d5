// Package customhttp reads customHttp.yml, the file with the HTTP headers that the service adds to responses, and checks
// it. As package buildspec does, it reports all problems at once, with their places, and says what to write instead.
//
// The service publishes little about the file: the format, and one message. That patterns are globs without braces, and
// that values are taken literally, is what its users found out; which of two rules wins changed over the years, so that
// the findings about it are warnings.
//
// Nothing in this package keeps state; all functions may be called concurrently.
package customhttp
