// Package cache keeps what one build leaves for the next: the files under the cache.paths of a build specification.
//
// Three things meet here and stay apart. [Paths] says which files of a project are cached; [Key] says for which builds
// they are of use; a [Store] holds them. [Local] is the plain store of one machine: one compressed, checksummed file
// per key in a folder. Stores that are faster or further away replace it behind the same interface and have to pass
// the same suite, package cachetest.
//
// # What is cached
//
// Patterns are relative to the project root. A pattern that matches a folder means everything below it, so that x, x/,
// x/** and x/**/* say the same. Dot files are ordinary files. An exclusion (!pattern) holds wherever it stands in the
// list and cannot be undone by another pattern. Left out by default are node_modules/.cache at any depth (as Amplify
// does), unless a pattern names it, and everything called .git, always: a repository that an untrusted build wrote must
// not come back where somebody runs git.
//
// Regular files, folders (empty ones too) and symbolic links are kept with their permission bits and modification
// times to the nanosecond. Links are stored as links and never followed. Hard links come back as separate files.
// Owners, extended attributes, setuid, setgid and sticky bits are not kept; sockets, pipes and devices are left out and
// reported.
//
// # What can be relied on
//
// A build is untrusted code and so is what it left behind. A Store therefore verifies an entry's checksum and its structure before
// it writes the first byte to a workspace, and no chunk is unpacked whose name, which is its SHA-256, has not been checked. Where
// the workspace has something that a restore would replace, all chunks that it needs are verified before, too; elsewhere what was
// made is removed when one turns out to be damaged. Whatever is wrong with an entry, the result is a miss with a reason, and the
// workspace is as it was. Nothing outside the cache paths is ever written, and nothing through a symbolic link. What is moved into a
// workspace instead of unpacked ([Options].Links) was found to hold what its name says when it was saved.
package cache
