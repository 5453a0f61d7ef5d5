package axes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
)

func peers() Axis {
	const act, gitlab = "act " + actVersion, "gitlab-ci-local " + gitlabVersion
	faster := func(id, what, against string) report.Row {
		return report.Row{ID: id, What: what, Against: against, Unit: report.Seconds, Goal: report.LessThan(1)}
	}
	return Axis{
		Name: "peers",
		About: "The same jobs in other runners, side by side, with the same image, which none of them pulls. act runs them in its quickest form: " +
			"one step for all commands. gitlab-ci-local uses the image as its helper, too.",
		Rows: []report.Row{
			faster("true-act", "three `true`", act), faster("true-gitlab", "three `true`", gitlab),
			faster("echo-act", "50 × `echo`", act), faster("echo-gitlab", "50 × `echo`", gitlab),
		},
		Measure: measurePeers,
	}
}

func measurePeers(ctx context.Context, b *Bench, s *Sheet) error {
	docker, err := b.Docker(ctx)
	if err != nil {
		return err
	}
	defer keepVolumes(ctx, docker)()
	act, actErr := b.Act(ctx)
	gitlab, gitlabErr := b.Gitlab(ctx)
	if gitlabErr == nil {
		_, gitlabErr = b.Tool(ctx, "rsync", "rsync") // which it calls
	}
	for id, err := range map[string]error{"act": actErr, "gitlab": gitlabErr} {
		if err != nil {
			if err := errors.Join(s.NotRun("true-"+id, err), s.NotRun("echo-"+id, err)); err != nil {
				return err
			}
		}
	}
	for id, commands := range map[string][]string{"true": threeTrue, "echo": fiftyEchos()} {
		app, err := b.peersApp(ctx, commands)
		if err != nil {
			return err
		}
		sides := []Side{app.side(ctx, "preamp build, "+id, app.dir)}
		var names []string
		if actErr == nil {
			names, sides = append(names, "act"), append(sides, app.act(ctx, act))
		}
		if gitlabErr == nil {
			names, sides = append(names, "gitlab"), append(sides, app.gitlab(ctx, gitlab))
		}
		got, err := b.Race(ctx, Plan{WarmUp: true}, sides...)
		if err != nil {
			return err
		}
		for n, name := range names {
			if err := s.Pair(id+"-"+name, walls(got[0]), walls(got[n+1])); err != nil {
				return err
			}
		}
	}
	return nil
}

// actVolume is what act makes for its tools, and leaves.
const actVolume = "act-toolcache"

// keepVolumes returns what removes act's volume, unless it was there before.
func keepVolumes(ctx context.Context, docker string) func() {
	if _, err := proc.Run(ctx, proc.Cmd{Args: []string{docker, "volume", "inspect", actVolume}}); err == nil {
		return func() {}
	}
	return func() {
		// When it cannot be removed, it is as when act was run by hand.
		_, _ = proc.Run(context.WithoutCancel(ctx), proc.Cmd{Args: []string{docker, "volume", "rm", actVolume}})
	}
}

// peersApp is a repository with the same job for all of them.
func (b *Bench) peersApp(ctx context.Context, commands []string) (*repository, error) {
	var gitlab strings.Builder
	fmt.Fprintf(&gitlab, "build:\n  image: %s\n  script:\n", b.Image)
	for _, c := range commands {
		fmt.Fprintf(&gitlab, "    - %q\n", c)
	}
	app, err := b.newRepository(ctx, commands, nil, "public", map[string]string{
		"public/index.html": "<p>Hello\n",
		".gitlab-ci.yml":    gitlab.String(),
		".github/workflows/build.yml": "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n      - run: |\n          " +
			strings.Join(commands, "\n          ") + "\n",
		".gitignore": ".gitlab-ci-local/\n",
	})
	if err != nil {
		return nil, err
	}
	// gitlab-ci-local wants to know where the repository comes from. Nobody is asked there.
	return app, trees.Remote(ctx, app.dir, "http://127.0.0.1/bench/app.git")
}

func (r *repository) act(ctx context.Context, program string) Side {
	return Side{Name: "act", Run: func(int) (proc.Result, error) {
		return proc.Run(ctx, proc.Cmd{
			Args: []string{
				program, "push", "--platform", "ubuntu-latest=" + r.bench.Image, "--pull=false", "--action-offline-mode", "--rm",
				"--no-cache-server",
			},
			Dir: r.dir, Env: r.elsewhere(),
		})
	}}
}

func (r *repository) gitlab(ctx context.Context, program []string) Side {
	return Side{Name: "gitlab-ci-local", Run: func(int) (proc.Result, error) {
		return proc.Run(ctx, proc.Cmd{
			Args: append(program[:len(program):len(program)], "--helper-image", r.bench.Image, "--pull-policy", "if-not-present", "build"),
			Dir:  r.dir, Env: r.elsewhere(),
		})
	}}
}

// elsewhere keeps the peers' files and a person's configuration apart.
func (r *repository) elsewhere() []string {
	return []string{"HOME=" + r.home, "XDG_CONFIG_HOME=" + r.home, "XDG_CACHE_HOME=" + r.home}
}
