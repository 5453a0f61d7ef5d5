// Package check looks at what a build hands over as the service does after a build: whether it can be deployed. It finds
// all that is wrong at once, in the words that say what to do, and adds the service's own where they are known.
//
// The files are a build's, and the build is untrusted. They are opened through an [os.Root], only when they are regular, and read
// up to a bound; links are not followed out of the repository.
package check
