package cache

import (
	"io"
	"time"
)

// backend is where the objects of a store are: chunks and entries. It is what a store elsewhere has to bring along; all
// else about caches is the same everywhere.
//
// Names are slash-separated and hold only what safeName makes, hexadecimal digits, and dots inside of a part. The first
// part is the application's folder. An error about an object that is not there is fs.ErrNotExist. All methods are safe
// for concurrent use, by several processes too.
type backend interface {
	// open opens an object, which stays readable although its name may get another one or none.
	open(name string) (object, error)
	// create begins an object. Nobody sees it before its commit.
	create(name string) (pending, error)
	// list describes the objects whose names begin with folder and a slash. If there are none, that is no error.
	list(folder string) ([]objectInfo, error)
	// folders lists the parts that can follow folder in names of objects, "" standing for their beginning.
	folders(folder string) ([]string, error)
	// remove removes an object; that it is gone already is no error.
	remove(name string) error
	// use notes that an object was used just now.
	use(name string) error
	// lock locks an application's folder, for itself alone or shared with others who share it. It waits only if told
	// to, and answers nil if it then could not have the lock.
	lock(app string, shared, wait bool) (unlock func(), err error)
	// sweep removes what was created below an application's folder and never committed. Its lock must be held alone.
	sweep(app string) error
	// unswept reports whether sweep would find something, maybe of a writer who is still at it.
	unswept(app string) bool
}

// object is an object opened for reading.
type object interface {
	io.ReaderAt
	io.Closer
	size() int64
	// expect says that all of it will be read before long.
	expect()
}

// objectInfo is what a list tells of an object.
type objectInfo struct {
	name string
	size int64
	used time.Time // when it was committed, or used the last time
}

// pending is an object that is being written by one goroutine.
type pending interface {
	io.Writer
	// commit makes the object visible under its name, in place of one that may be there. After an error it is
	// discarded.
	commit() error
	// discard gives the object up. After a commit it does nothing.
	discard() error
}
