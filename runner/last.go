package runner

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
)

// lastBuild is what is remembered of the last successful builds of a branch, for AMPLIFY_DIFF_DEPLOY and
// AMPLIFY_DIFF_BACKEND: for each section the build in which it was really run.
type lastBuild struct {
	Version  int                   `json:"version"`
	Sections map[string]*builtFrom `json:"sections"`
}

const lastVersion = 1

// builtFrom is what a section was built from. Of variables it holds keyed hashes, by which a change can be seen and
// named, and from which no value can be guessed without the key beside them.
type builtFrom struct {
	Build  string            `json:"build"`
	Commit string            `json:"commit"`
	Ended  time.Time         `json:"ended"`
	Spec   string            `json:"spec"` // hash of the file
	Image  string            `json:"image,omitempty"`
	Key    string            `json:"key"`
	Env    map[string]string `json:"env"`
}

// builtNow is what this build is made from.
func (b *build) builtNow(key string) *builtFrom {
	if key == "" {
		key = rand.Text()
	}
	from := &builtFrom{
		Build: b.id, Commit: b.result.Source.Commit, Ended: time.Now().UTC(), Spec: longHash(string(b.specRaw)),
		Image: b.imageName(), Key: key, Env: map[string]string{},
	}
	for _, v := range slices.Concat(b.job.Env, b.job.Secrets) { // of a name given twice the last one counts
		if transient(v) {
			continue
		}
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(v.Value))
		from.Env[v.Name] = hex.EncodeToString(mac.Sum(nil)[:16])
	}
	return from
}

// transient reports whether a variable differs from build to build without meaning anything for its outcome.
func transient(v engine.Var) bool {
	return strings.HasPrefix(v.Name, "AMPLIFY_DIFF_") || slices.Contains(
		[]string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "_BUILD_TIMEOUT"}, v.Name)
}

// differs says in words what besides the files has changed, or "".
func (now *builtFrom) differs(last *builtFrom) string {
	switch {
	case now.Spec != last.Spec:
		return "the build specification has changed"
	case now.Image != last.Image:
		return "the build image has changed"
	}
	var names []string
	for name, sum := range now.Env {
		if last.Env[name] != sum {
			names = append(names, name)
		}
	}
	for name := range last.Env {
		if _, ok := now.Env[name]; !ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "the environment has changed: " + strings.Join(names, ", ")
}

func (r *Runner) lastFile(app, branch string) string {
	return filepath.Join(r.State, "last", safeName(app), safeName(branch)+".json")
}

// readLast gives what is remembered of a branch; a file that cannot be read is as good as none.
func (r *Runner) readLast(app, branch string) (last lastBuild, note string) {
	raw, err := os.ReadFile(r.lastFile(app, branch))
	if errors.Is(err, fs.ErrNotExist) {
		return last, ""
	}
	if err == nil {
		err = json.Unmarshal(raw, &last)
	}
	if err == nil && last.Version != lastVersion {
		err = fmt.Errorf("version %d", last.Version)
	}
	if err != nil {
		return lastBuild{}, fmt.Sprintf("what is remembered of the last build cannot be used: %v", err)
	}
	return last, ""
}

// remember keeps what the sections that were run were built from. A work tree with changes is no commit that a later
// build could be compared with.
func (b *build) remember() {
	src := b.result.Source
	if b.dry || src.Commit == "" || src.Changed+src.Untracked > 0 {
		return
	}
	last, _ := b.r.readLast(b.result.App, b.result.Branch)
	last.Version = lastVersion
	if last.Sections == nil {
		last.Sections = map[string]*builtFrom{}
	}
	for _, s := range b.plan.Sections {
		if s.Skip == "" && s.Defined && s.Name != "test" {
			last.Sections[s.Name] = b.builtNow("")
		}
	}
	file := b.r.lastFile(b.result.App, b.result.Branch)
	raw, err := json.Marshal(last)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = engine.ReplaceFile(file, raw, 0o600)
	}
	if err != nil {
		b.warn("this build cannot be remembered, so the next one is compared with an earlier one: %v", err)
	}
}
