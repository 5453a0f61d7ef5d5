package cache

import (
	"context"
	"time"
)

// Store keeps cache entries. All methods are safe for concurrent use, by several processes too.
//
// The rules that callers rely on, whatever the store is made of:
//
//   - An entry is visible only when it is complete. A save that fails, is cancelled or dies leaves the previous entry as
//     it was. Of concurrent saves for one key the last one to complete wins; entries never mix.
//   - Restore gives back what the last completed Save of that key saw, or it is a miss.
//   - A damaged or hostile entry is a miss, not an error, and leaves the workspace as it was. If that is not possible any
//     more, because damage shows only after files of the checkout were replaced, it is an error.
//   - Contexts are obeyed promptly; the error then wraps context.Cause.
type Store interface {
	// Restore puts the cached files into the checkout at root, the root of the repository. It tries the entry of the
	// key's branch, then that of its default branch. Files in the way are overwritten, as Amplify does. It writes only
	// what the key's paths match, only below the key's project root, and never through a symbolic link: an entry whose
	// place in the workspace lies behind one is left out with a notice.
	//
	// An error means that the workspace may hold part of the cache (disk full, cancelled): start from a fresh one.
	// Nobody else may write to the workspace meanwhile.
	Restore(ctx context.Context, k Key, root string) (Restored, error)

	// Save keeps the files below root, the root of the repository, that p selects. p must be compiled from the same
	// project root and patterns as k has. Files that change while they are read make it fail, since what would be saved
	// never existed. Call it only after a build that succeeded.
	Save(ctx context.Context, k Key, p Paths, root string) (Saved, error)
}

// Restored is what Restore did.
type Restored struct {
	Hit         bool
	Reason      string        // why it was a hit or a miss, in words
	From        string        // the branch whose entry was used; meaningful only if Hit
	Files       int           // regular files and symbolic links written
	Bytes       int64         // content of the regular files written
	Stored      int64         // bytes the entry takes up in the store; 0 where nothing is packed
	Parts       []Part        // what that is, the largest first; none where it is not known
	Overwritten int           // files of the workspace whose content the cache has changed
	Notices     []string      // what a person should know, in sentences; at most one for each kind
	Took        time.Duration // wall time of the call
	Created     time.Time     // when the entry was saved; zero if not Hit
}

// Saved is what Save did.
type Saved struct {
	Written   bool          // a new entry is visible
	Reason    string        // why not, if neither Written nor Unchanged
	Unchanged bool          // the tree equals the stored one and was not written again
	Files     int           // regular files and symbolic links
	Bytes     int64         // content of the regular files
	Read      int           // regular files that had to be read; the others were known not to have changed
	Stored    int64         // bytes the entry takes up in the store, with what it shares with other entries
	Added     int64         // bytes that were new to the store; 0 if not Written
	Parts     []Part        // what the files are, the largest first; none where it is not known
	Skipped   []string      // paths that match but cannot be cached, relative to the project root; the first 100
	Notices   []string      // what a person should know, in sentences; at most one for each kind
	Took      time.Duration // wall time of the call
}
