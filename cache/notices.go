package cache

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// notice is a kind of remark about many paths; its text has a place for how many and one for which.
type notice string

const (
	noticeSpecial notice = "sockets, pipes and devices are not cached (%d): %s"
	noticeDeep    notice = "folders 128 or more levels below the project root are not cached (%d): %s"
	noticeGit     notice = "nothing called .git is cached, a repository must come from a clone (%d): %s"
	noticeLinkUp  notice = "cache paths that lead through a symbolic link are not followed, nothing behind it is cached (%d): %s"

	noticeContent notice = "files that package managers call by the hash of what they hold hold something else, so that something has " +
		"changed them; they are cached as they are (%d): %s"

	noticeOverwritten notice = "files of the checkout were replaced by different ones from the cache, as Amplify does; " +
		"leave tracked files out of cache.paths (%d): %s"
	noticeInWay notice = "cached folders were not restored, because the checkout has a symbolic link in their place " +
		"and nothing is written through links (%d): %s"
	noticeFolderInWay notice = "cached files were not restored, because the checkout has a folder in their place (%d): %s"
	noticeBadName     notice = "cached files were not restored, because this file system does not take their names (%d): %s"
)

const (
	examplesShown = 3
	skippedKept   = 100
)

// notices collects remarks in bounded memory, however many paths there are.
type notices struct {
	count    map[notice]int
	examples map[notice][]string
}

func (n *notices) add(kind notice, path string) {
	if n.count == nil {
		n.count, n.examples = map[notice]int{}, map[notice][]string{}
	}
	n.count[kind]++
	// The first ones of the tree, whatever the order in which they come.
	list := append(n.examples[kind], path)
	slices.SortFunc(list, inWalk)
	n.examples[kind] = list[:min(len(list), examplesShown)]
}

func (n *notices) sentences() []string {
	var s []string
	for _, kind := range slices.Sorted(maps.Keys(n.count)) {
		var quoted []string
		for _, path := range n.examples[kind] {
			quoted = append(quoted, fmt.Sprintf("%q", path))
		}
		list := strings.Join(quoted, ", ")
		if more := n.count[kind] - len(quoted); more > 0 {
			list += fmt.Sprintf(" and %d more", more)
		}
		s = append(s, fmt.Sprintf(string(kind), n.count[kind], list))
	}
	return s
}
