package source

// Change is one path that differs. A rename is a deletion and an addition.
type Change struct {
	// Path is relative to the top of the repository, with slashes. Its bytes are as git has them, which need be neither
	// UTF-8 nor printable.
	Path string
	Kind ChangeKind
}

// ChangeKind says how a path differs.
type ChangeKind string

// The kinds of Change. A submodule differs when its commit does, or when a snapshot has changes inside it.
const (
	Added     ChangeKind = "added"
	Deleted   ChangeKind = "deleted"
	Modified  ChangeKind = "modified"  // the content of a file or the target of a link
	ModeOnly  ChangeKind = "mode"      // the exec bit
	Retyped   ChangeKind = "type"      // a file became a link or a submodule, or the other way around
	Submodule ChangeKind = "submodule" // its commit, or the files in it
)
