package axes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/trees"
)

// manifest is the package.json of a site with what many have.
const manifest = `{
  "name": "site", "version": "1.0.0", "private": true,
  "dependencies": {"aws-amplify": "6", "react": "19", "react-dom": "19", "@mui/material": "6", "@emotion/react": "11", "@emotion/styled": "11"},
  "devDependencies": {"typescript": "5", "eslint": "9", "webpack": "5", "jest": "29", "vite": "6"}
}
`

func install() Axis {
	return Axis{
		Name: "install",
		About: "The install step of a build of which nothing has changed, as result.json has it, against the same step without any cache: aws-amplify, " +
			"react, MUI, typescript, eslint, webpack, jest and vite, from the registry that npm uses here. With .npm there, npm ci still " +
			"unpacks every package on one thread: what it is spared is the transfer. The last row is the same without preamp.",
		Rows: []report.Row{
			{ID: "install", What: "`npm install`, node_modules cached", Against: "without a cache", Unit: report.Seconds, Goal: report.AtMost(0.10)},
			{ID: "ci", What: "`npm ci`, .npm cached", Against: "without a cache", Unit: report.Seconds, Goal: report.AtMost(0.75)},
			{ID: "ci-alone", What: dockerRun + " of `npm ci`, .npm there", Against: "without a cache", Unit: report.Seconds},
		},
		Measure: measureInstall,
	}
}

func measureInstall(ctx context.Context, b *Bench, s *Sheet) error {
	docker, err := b.Docker(ctx)
	if err != nil {
		return err
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("needs npm, to lock the versions")
	}
	var app *repository
	for _, c := range []struct{ id, command, cache string }{
		{"install", "npm install --no-audit --no-fund", "node_modules/**/*"},
		{"ci", npmCI, ".npm/**/*"},
	} {
		app, err = b.npmApp(ctx, npm, c.command, c.cache)
		if err != nil {
			return err
		}
		got, err := b.Race(ctx, Plan{}, app.step(ctx, c.id+", no cache", false), app.step(ctx, c.id+", cached", true))
		if err != nil {
			return err
		}
		if err := s.Pair(c.id, walls(got[1]), walls(got[0])); err != nil {
			return err
		}
	}
	return app.measureAlone(ctx, docker, s)
}

const npmCI = "npm ci --no-audit --no-fund --cache .npm --prefer-offline"

// measureAlone measures npm ci without preamp, in folders of its own.
func (r *repository) measureAlone(ctx context.Context, docker string, s *Sheet) error {
	kept := ""
	side := func(name string, cached bool) Side {
		dir := ""
		return Side{Name: name, Prepare: func(int) (err error) {
			if dir, err = r.bench.Folder("alone"); err != nil {
				return err
			}
			from := []string{"package.json", "package-lock.json"}
			if cached && kept != "" {
				from = append(from, filepath.Join(kept, ".npm"))
			}
			_, err = proc.Run(ctx, proc.Cmd{Args: append(append([]string{"cp", "--archive"}, from...), dir), Dir: r.dir})
			return err
		}, Run: func(int) (proc.Result, error) {
			cmd := r.bench.FloorOf(docker, dir, ". ~/.bashrc && "+npmCI)
			if ca := authorityFile(); ca != "" {
				cmd.Args = slices.Insert(cmd.Args, 2, "--volume", ca+":/ca.crt:ro", "--env", "NODE_EXTRA_CA_CERTS=/ca.crt")
			}
			res, err := proc.Run(ctx, cmd)
			kept = cmp.Or(kept, dir)
			return res, err
		}}
	}
	got, err := r.bench.Race(ctx, Plan{WarmUp: true}, side("npm ci by docker run, no cache", false), side("npm ci by docker run, .npm there", true))
	if err != nil {
		return err
	}
	return s.Pair("ci-alone", walls(got[1]), walls(got[0]))
}

// npmApp is a repository that installs its packages, with a lock file, and was built once.
func (b *Bench) npmApp(ctx context.Context, npm, command, cache string) (*repository, error) {
	app, err := b.newRepository(ctx, []string{command}, []string{cache}, "public", map[string]string{
		"package.json": manifest, "public/index.html": "<p>Hello\n", ".gitignore": "node_modules\n.npm\n",
	})
	if err != nil {
		return nil, err
	}
	app.online = true
	// As npm writes it unless it is told otherwise: without the packages' addresses, npm ci asks the registry about every one.
	lock := proc.Cmd{Args: []string{
		npm, "install", "--package-lock-only", "--omit-lockfile-registry-resolved=false",
		"--ignore-scripts", "--no-audit", "--no-fund",
	}, Dir: app.dir}
	if _, err := proc.Run(ctx, lock); err != nil {
		return nil, fmt.Errorf("needs a registry of npm: %w", err)
	}
	if err := trees.Commit(ctx, app.dir); err != nil {
		return nil, err
	}
	b.Say("  building once: %s", command)
	_, built, err := app.Build(ctx, app.dir, nil)
	if err == nil && (built.Cache.Save == nil || !built.Cache.Save.Saved) {
		err = errors.New("the first build has saved no cache")
	}
	return app, err
}

// step is the time of the one command, with or without the cache.
func (r *repository) step(ctx context.Context, name string, cached bool) Side {
	return Side{Name: name, Run: func(int) (proc.Result, error) {
		var args []string
		if !cached {
			args = append(args, "--no-cache")
		}
		res, built, err := r.Build(ctx, r.dir, nil, args...)
		if err != nil {
			return res, err
		}
		if hit := built.Cache.Restore != nil && built.Cache.Restore.Hit; hit != cached {
			return res, fmt.Errorf("a cache was used: %v", hit)
		}
		took := built.took()
		if len(took) != 1 {
			return res, fmt.Errorf("there were %d commands", len(took))
		}
		res.Wall = time.Duration(took[0] * float64(time.Second))
		return res, nil
	}}
}
