// Package deploymanifest reads deploy-manifest.json, which tells the service how to deploy a server: what is static, what
// the server answers, and what it runs on. It checks every rule that the service's deployment specification states, at
// once and with places, where the service itself names one problem after the deployment has begun.
//
// With the bundle at hand, the folder that holds the manifest, it also checks that the files are there. The bundle was
// made by a build and is untrusted: nothing in it is followed out of it.
//
// Nothing in this package keeps state; all functions may be called concurrently.
package deploymanifest
