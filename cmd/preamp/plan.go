package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/preamp-build/preamp/cmd/preamp/internal/render"
	"github.com/preamp-build/preamp/images"
	"github.com/preamp-build/preamp/runner"
)

func newPlan(g *global) *cobra.Command {
	var b buildFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan [PATH | URL]",
		Short: "Show what a build would do, without a container",
		Long: `Show what preamp build with the same flags would do: which commands in which order, what would be skipped and why, the
names of the environment variables, the image, caches and artifacts. Nothing is run and no engine is needed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			job, err := b.job(args)
			if err != nil {
				return usage(err)
			}
			r, closeEngine, err := g.runner()
			if err != nil {
				return err
			}
			defer closeEngine()
			p, src, err := r.Preview(cmd.Context(), job, nil)
			if err != nil {
				return explainFailure(cmd, src, err)
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(p)
			}
			return printPlan(cmd.OutOrStdout(), p)
		},
	}
	b.jobFlags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// explainFailure shows a failure as a build would, with the excerpts of a specification that cannot be used.
func explainFailure(cmd *cobra.Command, src []byte, err error) error {
	var f *runner.Failure
	if !as(err, &f) || len(f.Diagnostics) == 0 {
		return err
	}
	render.Failure(cmd.ErrOrStderr(), f, src)
	return exitCode(f.ExitCode())
}

func printPlan(w io.Writer, p *runner.Preview) error {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("source", "%s %s %.8s %q", p.Source.Name, p.Branch, p.Source.Commit, p.Source.Subject)
	if p.Source.WorkTree {
		row("", "the work tree, with %d changed and %d untracked files", p.Source.Changed, p.Source.Untracked)
	}
	row("buildspec", "%s", p.Plan.Spec)
	if p.Plan.AppRoot != "" {
		row("application", "%s", p.Plan.AppRoot)
	}
	row("image", "%s", orDefault(p.Image, "the default one ("+images.Recipes()[0].Name+" where it can be built)"))
	row("timeout", "%s", p.Plan.Timeout)
	row("starts in", "/%s", p.Plan.Start)
	for i, u := range p.Plan.LiveUpdates {
		row([]string{"updates", ""}[min(i, 1)], "%s to %s (%s)", u.Pkg, u.Version, u.Type)
	}
	for _, d := range p.Diff {
		if !d.Skip {
			row("diff", "%s: %s", d.What, d.Why)
		}
	}
	for _, s := range p.Plan.Sections {
		printSection(&b, s)
	}
	printArtifacts(row, "artifacts", p.Plan.Artifact)
	printArtifacts(row, "tests", p.Plan.Tests)
	for i, path := range p.Plan.Cache {
		row([]string{"cache", ""}[min(i, 1)], "%s", path)
	}
	row("environment", "%s", strings.Join(p.Plan.EnvNames, " "))
	for _, n := range p.Plan.Notices {
		row("note", "%s", n)
	}
	for _, x := range p.Plan.Warnings {
		row("warning", "%s", x)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printSection(b *strings.Builder, s runner.Section) {
	switch {
	case s.Skip != "":
		fmt.Fprintf(b, "%-12s skipped: %s\n", s.Name, s.Skip)
		return
	case s.Backend != "":
		fmt.Fprintf(b, "%s, not in the specification: the backend environment %q belongs to the branch\n", s.Name, s.Backend)
	case !s.Defined:
		fmt.Fprintf(b, "%-12s nothing to do\n", s.Name)
		return
	default:
		fmt.Fprintf(b, "%s\n", s.Name)
	}
	if s.Dir != "" {
		fmt.Fprintf(b, "  changes to /%s\n", strings.TrimPrefix(s.Dir, "."))
	}
	for _, ph := range s.Phases {
		always := ""
		if ph.Always {
			always = " (also after a failed test)"
		}
		fmt.Fprintf(b, "  %s%s\n", ph.Name, always)
		for _, c := range ph.Commands {
			fmt.Fprintf(b, "    %4s  %s\n", lineText(c.Pos.Line), strings.ReplaceAll(strings.TrimRight(c.Text, "\n"), "\n", "\n          "))
		}
	}
}

// lineText is empty for what is written nowhere.
func lineText(line int) string {
	if line == 0 {
		return ""
	}
	return strconv.Itoa(line)
}

func printArtifacts(row func(string, string, ...any), name string, a *runner.ArtifactPlan) {
	if a == nil {
		return
	}
	row(name, "%s: %s", a.Base, strings.Join(a.Files, " "))
}
