// Package kit holds the programs that preamp gives to every build, as the service does: envCache and amplifyPush. They are
// scripts for any POSIX shell, because a build's image may have no more than that.
//
// The values of envCache lie in the kit, one file each: they go in with it and are read back when the build has ended.
package kit

import (
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

//go:embed envCache.sh
var envCache string

//go:embed amplifyPush.sh
var amplifyPush string

// Values is the folder of a kit in which the values of envCache lie.
const Values = "values"

// MaxValue is how many bytes one value of envCache may have.
const MaxValue = 16 << 20

// Limits bound the values that one branch may keep.
var Limits = engine.KitLimits{Files: 4096, Bytes: 64 << 20}

// Programs are the names of what a build can call.
var Programs = []string{"amplifyPush", "envCache"}

// Files is the kit for a build that will find it in the folder dir. values are what builds before it have kept.
func Files(dir string, values map[string][]byte) []engine.KitFile {
	files := []engine.KitFile{
		{Name: "bin", Mode: fs.ModeDir | 0o755},
		{Name: "bin/amplifyPush", Mode: 0o755, Data: script(amplifyPush, dir)},
		{Name: "bin/envCache", Mode: 0o755, Data: script(envCache, dir)},
		{Name: "unfinished", Mode: fs.ModeDir | 0o777}, // a build may do its work as another user than root
		{Name: Values, Mode: fs.ModeDir | 0o777},
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		files = append(files, engine.KitFile{Name: Values + "/" + fileName(key), Mode: 0o644, Data: values[key]})
	}
	return files
}

func script(text, dir string) []byte {
	return []byte(strings.NewReplacer("@KIT@", session.Quote(dir), "@MAX@", strconv.Itoa(MaxValue)).Replace(text))
}

// Setup is lines of bash that make the programs known to a session. envCache is a function besides, because the kernel bounds
// what a program can be given as one argument, and the shell does not.
func Setup(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "export PATH=%s/bin${PATH:+:$PATH}\n", session.Quote(dir))
	fmt.Fprintf(&b, `envCache() (
set +eux
case $#${1-} in
3--set) builtin printf %%s "$3" | %[1]s/bin/envCache --set-stdin "$2" ;;
*) %[1]s/bin/envCache "$@" ;;
esac
)`, session.Quote(dir))
	return b.String()
}

// Changed is a command that prints something when a value was set or removed since the build began.
func Changed(dir string) string {
	return "if [ -e " + session.Quote(dir+"/unfinished/changed") + " ]; then echo changed; fi"
}

// longestName is the longest file name that envCache makes.
const longestName = 240

// fileName is the file of a key, as envCache makes it.
func fileName(key string) string {
	if strings.Trim(key, plain) == "" {
		return "k." + key
	}
	return "x." + hex.EncodeToString([]byte(key))
}

const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

// Keys gives the values by their keys, out of the files that a build has left. What no envCache of ours has made is left
// out and counted: the build may have written there itself.
func Keys(files map[string][]byte) (values map[string][]byte, foreign int) {
	values = map[string][]byte{}
	for name, data := range files {
		key, err := keyOf(name)
		if err != nil || len(data) > MaxValue {
			foreign++
			continue
		}
		if len(data) > 0 { // an empty value is none
			values[key] = data
		}
	}
	return values, foreign
}

var errForeign = errors.New("no file of envCache")

func keyOf(name string) (string, error) {
	key := strings.TrimPrefix(name, "k.")
	if raw, ok := strings.CutPrefix(name, "x."); ok {
		decoded, err := hex.DecodeString(raw)
		if err != nil {
			return "", errForeign
		}
		key = string(decoded)
	}
	if key == "" || len(name) > longestName || fileName(key) != name {
		return "", errForeign
	}
	return key, nil
}
