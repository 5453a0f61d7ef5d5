package axes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/proc"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/report"
	"github.com/preamp-build/preamp/cmd/preamp-bench/internal/work"
)

// folder is what is asked about in the large repository.
const folder = "packages/p7"

const depthOne = "`git clone --depth 1`"

// noGit hides git from a process, so that go-git does all of its work.
const noGit = "PATH=/nonexistent"

// nobody is git without anybody's configuration.
var nobody = []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}

func cloneCold() Axis {
	return Axis{
		Name:  "clone-cold",
		About: "The last commit of a repository that was never seen (package; in a process that runs already), over HTTP on this machine. Without git, go-git does all of it.",
		Rows: []report.Row{
			{ID: "git", What: "depth 1, with git", Against: depthOne, Unit: report.Seconds, Goal: report.AtMost(1.10)},
			{ID: "go-git", What: "depth 1, without git", Against: depthOne, Unit: report.Seconds, Goal: report.AtMost(2.5)},
			{ID: "full", What: "full history, with git", Against: depthOne, Unit: report.Seconds},
		},
		Measure: func(ctx context.Context, b *Bench, s *Sheet) error {
			h, err := b.served(ctx)
			if err != nil {
				return err
			}
			got, err := b.Race(ctx, Plan{WarmUp: true}, h.gitClone(ctx, b),
				h.side(ctx, b, "source, git", work.Request{Depth: 1}),
				h.side(ctx, b, "source, go-git", work.Request{Depth: 1}, noGit),
				h.side(ctx, b, "source, git, full history", work.Request{}),
			)
			if err != nil {
				return err
			}
			for n, id := range []string{"git", "go-git", "full"} {
				err = errors.Join(err, s.Pair(id, walls(got[n+1]), walls(got[0])))
			}
			return err
		},
	}
}

func cloneWarm() Axis {
	return Axis{
		Name: "clone-warm",
		About: "The same repository when it was built before (package; in a process that runs already): one new commit is fetched, and the checkout has the full history of " +
			"its branch.",
		Rows: []report.Row{
			{ID: "git", What: "full history, with git", Against: depthOne, Unit: report.Seconds, Goal: report.AtMost(0.60)},
			{ID: "go-git", What: "full history, without git", Against: depthOne, Unit: report.Seconds},
		},
		Measure: func(ctx context.Context, b *Bench, s *Sheet) error {
			h, err := b.served(ctx)
			if err != nil {
				return err
			}
			var mirrors [2]string
			for n := range mirrors {
				if mirrors[n], err = b.New("mirror"); err != nil {
					return err
				}
				if _, err := h.side(ctx, b, "", work.Request{Mirror: mirrors[n]}).Run(0); err != nil {
					return err
				}
			}
			got, err := b.Race(ctx, Plan{WarmUp: true, Each: func(int) error { return h.big.Grow(ctx) }}, h.gitClone(ctx, b),
				h.side(ctx, b, "source, git, warm mirror", work.Request{Mirror: mirrors[0]}),
				h.side(ctx, b, "source, go-git, warm mirror", work.Request{Mirror: mirrors[1]}, noGit),
			)
			if err != nil {
				return err
			}
			return errors.Join(s.Pair("git", walls(got[1]), walls(got[0])), s.Pair("go-git", walls(got[2]), walls(got[0])))
		},
	}
}

func (h *served) gitClone(ctx context.Context, b *Bench) Side {
	return Side{Name: "git clone --depth 1", Run: func(int) (proc.Result, error) {
		to, err := b.New("clone")
		if err != nil {
			return proc.Result{}, err
		}
		return proc.Run(ctx, proc.Cmd{Args: []string{"git", "clone", "--quiet", "--depth", "1", h.url, to}, Env: nobody})
	}}
}

// side clones with preamp's package.
func (h *served) side(ctx context.Context, b *Bench, name string, r work.Request, env ...string) Side {
	return Side{Name: name, Run: func(int) (proc.Result, error) {
		to, err := b.New("clone")
		if err != nil {
			return proc.Result{}, err
		}
		r := r
		r.Do, r.URL, r.To = "clone", h.url, to
		res, answer, err := b.Work(ctx, r, append(nobody[:len(nobody):len(nobody)], env...)...)
		res.Wall = answer.Took
		if err == nil && len(answer.Commit) != 40 {
			err = fmt.Errorf("the commit is %q", answer.Commit)
		}
		return res, err
	}}
}

func skip() Axis {
	return Axis{
		Name: "skip",
		About: "Is there anything to build in a folder, since a commit 300 commits ago? Local: by a clone that is there. Remote: by what the " +
			"remote has, without a clone and without a container.",
		Rows: []report.Row{
			{ID: "local", What: "decide by a clone (package; in a process that runs already)", Against: "`git diff --quiet`", Unit: report.Seconds, Goal: report.AtMost(4)},
			{ID: "remote", What: "decide by the remote (package; in a process that runs already)", Against: "`git ls-remote`", Unit: report.Seconds, Goal: report.AtMost(1.5)},
			{ID: "build", What: "`preamp build URL` that is skipped", Against: "`git ls-remote`", Unit: report.Seconds},
		},
		Measure: measureSkip,
	}
}

func measureSkip(ctx context.Context, b *Bench, s *Sheet) error {
	h, err := b.served(ctx)
	if err != nil {
		return err
	}
	clone, err := b.New("clone")
	if err != nil {
		return err
	}
	mirror, err := b.New("mirror")
	if err != nil {
		return err
	}
	_, answer, err := b.Work(ctx, work.Request{Do: "clone", URL: h.url, To: clone, Mirror: mirror}, nobody...)
	if err != nil {
		return err
	}
	r, err := proc.Run(ctx, proc.Cmd{Args: []string{"git", "-C", clone, "rev-parse", fmt.Sprintf("HEAD~%d", b.Scaled(300))}, Env: nobody})
	if err != nil {
		return err
	}
	base := strings.TrimSpace(string(r.Out))

	question := work.Request{URL: h.url, Root: clone, Mirror: mirror, Base: base, Watch: folder}
	ask := func(do string) func(int) (proc.Result, error) {
		return func(int) (proc.Result, error) {
			question := question
			question.Do = do
			res, answer, err := b.Work(ctx, question, nobody...)
			res.Wall = answer.Took
			return res, err
		}
	}
	got, err := b.Race(ctx, Plan{WarmUp: true},
		Side{Name: "git diff --quiet", Run: func(int) (proc.Result, error) {
			return proc.Run(ctx, proc.Cmd{Args: []string{"git", "-C", clone, "diff", "--quiet", base, "HEAD", "--", folder}, Env: nobody, OK: []int{1}})
		}},
		Side{Name: "source.Compare", Run: ask("compare")},
		Side{Name: "git ls-remote", Run: func(int) (proc.Result, error) {
			return proc.Run(ctx, proc.Cmd{Args: []string{"git", "ls-remote", h.url}, Env: nobody})
		}},
		Side{Name: "source.Peek and Compare", Run: ask("peek")},
	)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Pair("local", walls(got[1]), walls(got[0])), s.Pair("remote", walls(got[3]), walls(got[2]))); err != nil {
		return err
	}
	return measureSkippedBuild(ctx, b, s, h, answer.Commit)
}

// measureSkippedBuild is the same as a user sees it: a whole build of which there is nothing to do.
func measureSkippedBuild(ctx context.Context, b *Bench, s *Sheet, h *served, head string) error {
	if _, err := b.Docker(ctx); err != nil {
		return s.NotRun("build", err)
	}
	home, err := b.Folder("home")
	if err != nil {
		return err
	}
	app := &repository{bench: b, home: home}
	got, err := b.Race(ctx, Plan{WarmUp: true},
		Side{Name: "git ls-remote", Run: func(int) (proc.Result, error) {
			return proc.Run(ctx, proc.Cmd{Args: []string{"git", "ls-remote", h.url}, Env: nobody})
		}},
		Side{Name: "preamp build, skipped", Run: func(int) (proc.Result, error) {
			res, built, err := app.Build(ctx, h.url, nil, "--env", "AMPLIFY_DIFF_DEPLOY=true", "--env", "AMPLIFY_DIFF_DEPLOY_ROOT="+folder, "--diff-base", head)
			if err == nil && len(built.took()) > 0 {
				err = errors.New("the build was not skipped")
			}
			return res, err
		}},
	)
	if err != nil {
		return s.NotRun("build", err)
	}
	return s.Pair("build", walls(got[1]), walls(got[0]))
}
