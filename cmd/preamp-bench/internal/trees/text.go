package trees

import (
	"math/rand/v2"
	"strconv"
	"sync"
)

var words = [...]string{
	"const", "function", "return", "export", "default", "require", "module", "this", "null", "undefined", "value", "index",
	"length", "type", "props", "state", "error", "object", "string", "number", "boolean", "Promise", "async", "await", "import",
	"from", "class", "extends", "static", "readonly", "options", "callback", "context", "parent", "children", "render", "update",
	"node", "path", "name", "key", "result", "handler", "event", "target", "source", "config", "default", "plugin", "resolve",
}

var marks = [...]string{" = ", "(", ") {\n  ", ";\n  ", ", ", ".", " => ", ");\n", " === ", " || ", " ? ", ": ", "\n}\n", " "}

// text is something like JavaScript, of which gzip makes about a quarter. As in programs, much
// of what is said has been said before in the same words: in the same file, or, by licences and what compilers add, in others.
func text(rnd *rand.Rand, length int) []byte {
	return write(rnd, length, common())
}

// common is what files have in common: all of a tree draw on the same 256 KB.
var common = sync.OnceValue(func() []byte { return write(random(6, 0), 256<<10, nil) })

func write(rnd *rand.Rand, length int, others []byte) []byte {
	out := make([]byte, 0, length+512)
	for len(out) < length {
		n := rnd.Uint64()
		if n>>56 < 9 && len(others) > 0 {
			at, size := int(rnd.Uint64()%uint64(len(others)-512)), 200+int(n>>40%312)
			out = append(out, others[at:at+size]...)
			continue
		}
		if n>>56 < 40 && len(out) > 400 {
			at, size := int(rnd.Uint64()%uint64(len(out)-300)), 40+int(n>>40%260)
			out = append(out, out[at:at+size]...)
			continue
		}
		// Few words are in most places, as in any text.
		word := int(n % uint64(len(words)))
		if n>>8%3 != 0 {
			word %= 8
		}
		out = append(out, words[word]...)
		if n>>16%7 == 0 {
			out = strconv.AppendUint(append(out, '_'), n>>48, 36)
		}
		out = append(out, marks[n>>24%uint64(len(marks))]...)
	}
	return out[:length]
}
