package buildspec_test

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
)

// mutation changes one thing of a file's lines, at or around the line at; it may change the slice in place.
type mutation struct {
	name  string
	apply func(r *rand.Rand, lines []string, at int) []string
}

var mutationKinds = []mutation{
	{"delete a line", func(_ *rand.Rand, lines []string, at int) []string { return slices.Delete(lines, at, at+1) }},
	{"repeat a line", func(_ *rand.Rand, lines []string, at int) []string { return slices.Insert(lines, at, lines[at]) }},
	{"move a line", moveLine},
	{"indent a line", func(r *rand.Rand, lines []string, at int) []string {
		return edit(lines, at, strings.Repeat(" ", 1+r.IntN(4))+lines[at])
	}},
	{"indent less", func(r *rand.Rand, lines []string, at int) []string {
		line := lines[at]
		for range 1 + r.IntN(3) {
			line = strings.TrimPrefix(line, " ")
		}
		return edit(lines, at, line)
	}},
	{"indent the rest", func(_ *rand.Rand, lines []string, at int) []string {
		for i := at; i < len(lines); i++ {
			lines[i] = " " + lines[i]
		}
		return lines
	}},
	{"tab before a line", func(_ *rand.Rand, lines []string, at int) []string { return edit(lines, at, "\t"+lines[at]) }},
	{"tab for indentation", func(_ *rand.Rand, lines []string, at int) []string {
		text := strings.TrimLeft(lines[at], " ")
		return edit(lines, at, strings.Repeat("\t", (len(lines[at])-len(text)+1)/2)+text)
	}},
	{"tab somewhere", insertOne("\t")},
	{"tab after a colon", replaceOne(":", ":\t")},
	{"tab after a dash", replaceOne("- ", "-\t")},
	{"quote somewhere", insertOne("'", "\"", "`")},
	{"bracket somewhere", insertOne("[", "]", "{", "}", ",")},
	{"indicator somewhere", insertOne(": ", ":", " #", "- ", "? ", "&a ", "*", "!", "!x ", "| ", "> ", "%", "@", "\\")},
	{"drop a quote or bracket", func(r *rand.Rand, lines []string, at int) []string {
		return dropOne(r, lines, at, "'\"[]{}")
	}},
	{"drop a colon or dash", func(r *rand.Rand, lines []string, at int) []string { return dropOne(r, lines, at, ":-") }},
	{"repeat a key", func(r *rand.Rand, lines []string, at int) []string {
		key, _, ok := strings.Cut(lines[at], ":")
		if !ok {
			return nil
		}
		return slices.Insert(lines, at+1+r.IntN(min(3, len(lines)-at)), key+": x")
	}},
	{"anchor before a value", replaceOne(": ", ": &a ", "- ", "- &a ")},
	{"alias for a value", func(r *rand.Rand, lines []string, at int) []string {
		key, _, ok := strings.Cut(lines[at], ":")
		if !ok {
			return nil
		}
		if r.IntN(2) == 0 {
			lines = slices.Insert(lines, 0, "x: &a {b: c}")
			at++
		}
		return edit(lines, at, key+": *a")
	}},
	{"document marker", func(r *rand.Rand, lines []string, at int) []string {
		return slices.Insert(lines, at, pick(r, "---", "...", "--- x", "%YAML 1.2"))
	}},
	{"cut off", func(r *rand.Rand, lines []string, at int) []string {
		return append(lines[:at], lines[at][:r.IntN(len(lines[at])+1)])
	}},
	{"scalar for a value", replaceOne(": ", ": |\n", "- ", "- >-\n", ": ", ": [", "- ", "- {")},
}

// mutate makes n files, each one of the files with one to three mutations. They are always the same for the same files,
// and most of them stay the same when a file is added.
func mutate(files []yamlFile, n int) []yamlFile {
	var mutated []yamlFile
	for seed := uint64(0); len(mutated) < n; seed++ {
		f := slices.MinFunc(files, func(a, b yamlFile) int { return cmp.Compare(a.draw(seed), b.draw(seed)) })
		if len(f.src) > 64<<10 {
			continue // those are about limits
		}
		r := rand.New(rand.NewPCG(seed, f.draw(seed)))
		lines := strings.Split(string(f.src), "\n")
		name := fmt.Sprintf("mutation %d of %s:", seed, f.name)
		for range 1 + r.IntN(3) {
			m := mutationKinds[r.IntN(len(mutationKinds))]
			if len(lines) == 0 {
				break
			}
			at := r.IntN(len(lines))
			if changed := m.apply(r, slices.Clone(lines), at); changed != nil {
				name += fmt.Sprintf(" %s at line %d,", m.name, at+1)
				lines = changed
			}
		}
		src := []byte(strings.Join(lines, "\n"))
		if !bytes.Equal(src, f.src) {
			mutated = append(mutated, yamlFile{name: strings.TrimSuffix(name, ","), src: src})
		}
	}
	return mutated
}

// draw is the file's lot in the drawing with the given number.
func (f yamlFile) draw(seed uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", seed, f.name)
	return h.Sum64()
}

func edit(lines []string, at int, line string) []string {
	lines[at] = line
	return lines
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

func moveLine(r *rand.Rand, lines []string, at int) []string {
	line := lines[at]
	lines = slices.Delete(lines, at, at+1)
	return slices.Insert(lines, r.IntN(len(lines)+1), line)
}

// insertOne puts one of the texts somewhere into the line.
func insertOne(texts ...string) func(*rand.Rand, []string, int) []string {
	return func(r *rand.Rand, lines []string, at int) []string {
		line := lines[at]
		i := r.IntN(len(strings.TrimRight(line, "\r\n")) + 1)
		return edit(lines, at, line[:i]+pick(r, texts...)+line[i:])
	}
}

// replaceOne takes pairs of texts and puts the second of a pair in the place of the first.
func replaceOne(pairs ...string) func(*rand.Rand, []string, int) []string {
	return func(r *rand.Rand, lines []string, at int) []string {
		i := 2 * r.IntN(len(pairs)/2)
		if !strings.Contains(lines[at], pairs[i]) {
			return nil
		}
		return edit(lines, at, strings.Replace(lines[at], pairs[i], pairs[i+1], 1))
	}
}

// dropOne removes one of the characters from the line.
func dropOne(r *rand.Rand, lines []string, at int, chars string) []string {
	var places []int
	for i := range len(lines[at]) {
		if strings.IndexByte(chars, lines[at][i]) >= 0 {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return nil
	}
	i := places[r.IntN(len(places))]
	return edit(lines, at, lines[at][:i]+lines[at][i+1:])
}
