// Package artifacts takes from a build what it hands over: it selects the files that the buildspec's artifacts section
// names, and writes them as a folder or as a zip.
//
// The tree it reads was written by untrusted code, and some process of the build may still be writing to it. So every path is followed
// through an [os.Root], only regular files are opened, and a file that is not the one that was selected is an error.
//
// # Links
//
// An artifact is unpacked where nothing but itself exists, so no link in it may lead out of it:
//
//   - A link to something in the base directory that is selected too stays a link, rewritten to be relative and to name its
//     final target. (A folder is selected when something in it is.)
//   - A link to any other file of the repository, or to a folder of it outside the base directory, is replaced by a copy of that. Inside
//     a folder that is copied so, the patterns apply to the path through the link.
//   - A link to a folder in the base directory of which nothing is selected is copied, too, if a pattern names the link
//     without a wildcard ("link/*.html"), otherwise left out: "**" does not look for files behind links, which in a tree
//     such as pnpm's would find each of them many times.
//   - A link that leaves the repository, dangles, or leads into a .git folder is left out, with a notice. All absolute links
//     leave the repository: they were made in the container, where it lies elsewhere.
//   - A link to a folder in which it lies itself, if that is to be copied, and links nested more than 20 deep are left out, with a notice.
//
// Devices, sockets and pipes are left out with a notice; hard links are files like others. Nothing named .git is ever
// selected. Of a file's mode only whether it is executable survives.
package artifacts

import (
	"io/fs"
)

// Options say what to select.
type Options struct {
	// Root is the repository's folder on this machine. It is trusted, its content is not.
	Root string
	// Base is the base directory, relative to Root and with slashes; "", "." and "/" are Root itself. It may contain ".."
	// as long as it stays in Root, and it may lead through relative links that do.
	Base string
	// BaseAsWritten is the base directory as the buildspec has it, for messages. Default: Base.
	BaseAsWritten string
	// Files are patterns relative to Base: "*" and "?" match within a name, "**" any number of folders, "[a-z]" and "{a,b}"
	// as usual. Names that begin with a dot are like others. A pattern that ends in "/" and one without wildcards
	// match a folder with all below it. "!" in front excludes; the last pattern that matches a file decides. Default, also when there
	// are only exclusions: everything.
	Files []string
	// DiscardPaths puts all files into the top folder of the artifact. Links become copies.
	DiscardPaths bool
	// Before are the folders that were there before the build, from [Dirs]. When given, a [MissingBaseError] knows
	// which folders the build did create. Default: nil, it does not.
	Before []string
	// Final says that nobody has a use for the files below Root afterwards: [Selection.WriteDir] may then hand them over
	// instead of copying them. Their modes change, and what is written to the artifact's files is written to them.
	Final bool
}

// A File is one entry of an artifact.
type File struct {
	Path   string      // in the artifact, with slashes; the names have any encoding
	Source string      // relative to Root; leads through no links
	Size   int64       // bytes; 0 for a link
	Mode   fs.FileMode // 0644, 0755 or fs.ModeSymlink
	Link   string      // the target of a link, relative to its folder
}

// A Selection is the list of what belongs to an artifact, and writes it. Its methods may be called more than once and
// from several goroutines.
type Selection struct {
	Base    string   // the base directory without links, relative to Root; "." is Root itself
	Files   []File   // sorted by Path, without duplicates
	Bytes   int64    // of all files
	Notices []string // what a person should know: patterns without a match, files that were left out

	root    string
	final   bool
	sources map[string]fs.FileInfo // what Select saw, by File.Source
}
