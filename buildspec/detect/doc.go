// Package detect looks at a repository and says what it is: the framework, the package manager, the monorepo tool and the
// backend. From that it writes the amplify.yml that the service would generate, and a better one.
//
// The repository is untrusted. Detection reads a small number of files, each up to a limit, follows no symbolic link, and
// never evaluates code: from a configuration written in JavaScript it takes plain literals, and says so where there is
// none. It writes nothing and starts nothing.
//
// The way of one detection is: the files of the repository → facts (manifest, lockfile, workspace, framework) → Project →
// plan of a specification → text. What no source says about the service stands in guesses.go, in one place.
package detect
