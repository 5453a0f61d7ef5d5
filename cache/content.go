package cache

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
)

// Stores of package managers name a file by the hash of what it holds, never write to it again, and check the hash
// when they read it. Which files those are is told by how their paths end, wherever the store lies:
//
//	npm   content-v2/ALGORITHM/xx/yy/REST
//	pnpm  files/xx/REST, and -exec behind it for programs
//
// with xx, yy and REST being the hash in lower-case hexadecimal. Yarn's names hold a piece of a hash only. npm's old
// packages are named by SHA-1, for which there are two files with one name: they are like all other files.

// address is what a file of such a store is called by.
type address struct {
	algorithm string
	digest    string // lower-case hexadecimal
}

// digests are the hashes that are good enough to trust a name.
var digests = map[string]struct {
	size int // of the hash, in bytes
	make func() hash.Hash
}{
	"sha256": {sha256.Size, sha256.New},
	"sha384": {sha512.Size384, sha512.New384},
	"sha512": {sha512.Size, sha512.New},
}

const (
	npmContent  = "content-v2"
	pnpmContent = "files"
	pnpmProgram = "-exec"
	// shortestRest is the least length of the last name: most files are told apart by that.
	shortestRest = 2*sha256.Size - 4
)

// addressOf answers what a file with this path has to hold; ok is false for one that may hold anything.
func addressOf(path string) (a address, ok bool) {
	up, rest := cutLast(path)
	if len(rest) < shortestRest {
		return a, false
	}
	up, y := cutLast(up)
	if len(y) != 2 {
		return a, false
	}
	up, x := cutLast(up)
	if x == pnpmContent {
		a = address{"sha512", y + strings.TrimSuffix(rest, pnpmProgram)}
		return a, a.possible()
	}
	up, algorithm := cutLast(up)
	_, folder := cutLast(up)
	a = address{algorithm, x + y + rest}
	return a, len(x) == 2 && folder == npmContent && a.possible()
}

// cutLast cuts the last name off a path.
func cutLast(path string) (up, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// possible reports whether there is such a hash.
func (a address) possible() bool {
	return len(a.digest) == 2*digests[a.algorithm].size && strings.Trim(a.digest, "0123456789abcdef") == ""
}

// poolName is what a pool calls the file n: two that share it are the same in all that a cache keeps.
func (a address) poolName(n node) string {
	return fmt.Sprintf("%s-%s-%o-%d-%d.%09d", a.algorithm, a.digest, n.mode, n.size, n.mtime.Unix(), n.mtime.Nanosecond())
}
