// Package trees makes the inputs of the benchmarks. The same call makes the same files on any machine, without a network.
package trees

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Tree is a folder of files that looks to a cache or an archive like node_modules.
type Tree struct {
	Root  string `json:"root"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

// perFolder and perPackage are how many files a folder and a package have: an installation of some well known packages had
// 40,341 files in 5,042 folders.
const (
	perFolder  = 8
	perPackage = 90
)

// Modules makes a tree of so many files below root/node_modules. Half of the files have less than 1 KB, a tenth more than
// 9 KB, one of a thousand some megabytes: 40,000 have about 500 MB, as that installation. Text in them packs to about a
// quarter, a tenth of the files are copies of others, and of the large ones a fifth does not pack.
func Modules(root string, files int) (Tree, error) {
	t := Tree{Root: root, Files: files}
	made := ""
	for i := range files {
		name := name(root, i)
		if dir := filepath.Dir(name); dir != made {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return t, err
			}
			made = dir
		}
		content := moduleFile(i)
		t.Bytes += int64(len(content))
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return t, err
		}
	}
	return t, nil
}

func name(root string, i int) string {
	return filepath.Join(root, "node_modules", fmt.Sprintf("package-%d", i/perPackage), fmt.Sprintf("lib%d", i%perPackage/perFolder),
		fmt.Sprintf("file%d.js", i))
}

func moduleFile(i int) []byte {
	seed := uint64(i)
	if i%10 == 9 { // packages bring copies of the same files
		seed = uint64(i % 1000)
	}
	rnd := random(1, seed)
	length := moduleLength(rnd)
	if length >= 1<<20 && seed%5 == 0 || seed%50 == 0 { // a program, an image
		return Noise(seed, length)
	}
	return text(rnd, length)
}

func moduleLength(rnd *rand.Rand) int {
	switch n := rnd.IntN(1000); {
	case n < 500:
		return 50 + rnd.IntN(906)
	case n < 900:
		return 956 + rnd.IntN(8000)
	case n < 999:
		return 9000 + rnd.IntN(40_000)
	}
	return 1<<20 + rnd.IntN(12<<20)
}

// random is a source of numbers for one file. What follows directly upon seeds that are alike is alike too, so those are spread.
func random(kind, seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(kind*0x9e3779b97f4a7c15, (seed+1)*0xbf58476d1ce4e5b9))
}

// Noise is content that does not pack.
func Noise(seed uint64, length int) []byte {
	content := make([]byte, length)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)}).Read(content) // never fails
	return content
}

// Change changes one file of a hundred, others in each round, and answers how many bytes the changed files have. Of a file
// of more than limit bytes only that many count: what is new in it is less than the file.
func (t Tree) Change(round int, limit int64) (changed int64, err error) {
	for i := round % 100; i < t.Files; i += 100 {
		f, err := os.OpenFile(name(t.Root, i), os.O_RDWR, 0)
		if err != nil {
			return changed, err
		}
		size, err := rewrite(f, round)
		if err != nil {
			return changed, err
		}
		changed += min(size, limit)
	}
	return changed, nil
}

func rewrite(f *os.File, round int) (size int64, err error) {
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	if _, err := fmt.Fprintf(f, "// round %d\n", round); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Site makes the output of a build below root/dist: so many files, of which four in 25 are images of some 110 KB and the others
// pages of some 15 KB. 5,000 have 152 MB, of which two thirds do not pack.
func Site(root string, files int) (Tree, error) {
	t := Tree{Root: root, Files: files}
	for i := range files {
		dir := filepath.Join(root, "dist", fmt.Sprintf("d%d", i%50))
		if i < 50 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return t, err
			}
		}
		name, content := siteFile(i)
		t.Bytes += int64(len(content))
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return t, err
		}
	}
	return t, nil
}

func siteFile(i int) (name string, content []byte) {
	rnd := random(2, uint64(i))
	if i%25%6 == 0 && i%25 < 24 {
		return fmt.Sprintf("image%d.png", i), Noise(uint64(i), 60_000+rnd.IntN(100_000))
	}
	return fmt.Sprintf("page%d.js", i), text(rnd, 5_000+rnd.IntN(20_400))
}
