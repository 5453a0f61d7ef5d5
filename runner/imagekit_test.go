package runner

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/preamp-build/preamp/cache"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
	"github.com/preamp-build/preamp/runner/engine/dockertest"
	"github.com/preamp-build/preamp/runner/kit"
	"github.com/preamp-build/preamp/runner/source/sourcetest"
	"github.com/preamp-build/preamp/testdata/need"
)

const kitSpec = `version: 1
frontend:
  phases:
    build:
      commands:
        - n=$(envCache --get n); echo "found $n"; envCache --set n "$((n + 1))"
        - su nobody -s /bin/sh -c 'PATH=/usr/local/bin:/bin; envCache --set who nobody; envCache --get who' > public/who
        - env -i PATH=/usr/local/bin /bin/sh -c 'command -v amplifyPush' > public/where
        - echo "$n" > public/n
  artifacts: { baseDirectory: public, files: ['**/*'] }
`

// Builds have the same programs in an image that holds them, in one that holds those of another preamp, and in any other.
func TestKitOfImage(t *testing.T) {
	e := dockertest.Engine(t, docker.Options{})
	plain, err := e.Image(t.Context(), dockertest.Image(t, e), engine.Pull{Policy: engine.PullNever}, nil)
	must(t, err)
	images := &Images{Engine: e, Builder: e}
	dir := e.KitDir(engine.Spec{})
	for name, change := range map[string]func(tag string){
		"its own": func(tag string) {
			if got := images.withKit(t.Context(), plain, tag, func(line string) { t.Error(line) }); got.Labels[kit.Label] != kit.Sum(dir) {
				t.Fatalf("its labels are %v", got.Labels)
			}
		},
		"another's": func(tag string) {
			from := "FROM " + plain.ID + "\nRUN rm -rf " + dir + "/bin\nLABEL " + kit.Label + "=0123\n"
			buildFrom(t, e, from, tag)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tag := "preamp-test/kit-" + engine.NewBuildID() + ":1"
			t.Cleanup(func() { must(t, exec.Command(need.Program(t, "docker"), "rmi", tag).Run()) })
			change(tag)
			repo := filepath.Join(t.TempDir(), "app")
			sourcetest.Write(t, repo, map[string]string{"amplify.yml": kitSpec, "public/page": "1\n"})
			sourcetest.Git(t, repo, "init", "-q", "-b", "main")
			commit(t, repo, "one")
			r, _ := watchedRunner(t, e)
			r.EnvCache, err = cache.NewLocalEnv(filepath.Join(r.State, "env"))
			must(t, err)
			for _, want := range []string{"", "1", "2"} {
				out := t.TempDir()
				res := r.Run(t.Context(), Job{Path: repo, Out: out, Image: tag}, nil)
				if res.Status != StatusSucceeded {
					t.Fatal(res.Failure)
				}
				for file, want := range map[string]string{"n": want, "who": "nobody", "where": "/usr/local/bin/amplifyPush"} {
					if got := strings.TrimSpace(string(readFile(t, filepath.Join(out, "artifacts", file)))); got != want {
						t.Errorf("%s is %q, want %q", file, got, want)
					}
				}
			}
		})
	}
}
