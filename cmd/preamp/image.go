package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/preamp-build/preamp/images"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/engine/docker"
)

func newImage(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build, list and check build images",
	}
	cmd.AddCommand(newImageBuild(g), newImageList(g), newImageCheck(g))
	return cmd
}

// onEngine runs f with the container engine that the flags name.
func onEngine(g *global, f func(*docker.Engine) error) error {
	e, err := g.docker()
	if err != nil {
		return engineError(err)
	}
	defer func() { _ = e.Close() }()
	return engineError(f(e))
}

func newImageBuild(g *global) *cobra.Command {
	var ifMissing bool
	cmd := &cobra.Command{
		Use:   "build [RECIPE]",
		Short: "Build one of preamp's own images",
		Long:  "Build one of preamp's own images (default: the one that builds use by default). preamp image list shows the recipes.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return onEngine(g, func(e *docker.Engine) error {
				began := time.Now()
				p := &runner.Images{Engine: e, Builder: e}
				progress := func(p engine.Progress) { fmt.Fprintln(cmd.ErrOrStderr(), p.Message) }
				recipe, err := p.Recipe(cmd.Context(), strings.Join(args, ""))
				if err != nil {
					return err
				}
				if ifMissing {
					if _, ok := p.Current(cmd.Context(), recipe); ok {
						fmt.Fprintf(cmd.OutOrStdout(), "%s is there\n", recipe.Latest)
						return nil
					}
				}
				img, err := p.Build(cmd.Context(), recipe, progress)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s, %s, built in %s\n", recipe.Latest, img.ID, humanize.Bytes(uint64(img.Size)), time.Since(began).Round(time.Second))
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&ifMissing, "if-missing", false, "do nothing when the image is there and made from the current recipe")
	return cmd
}

// imageRow is one line of preamp image list.
type imageRow struct {
	Recipe  string     `json:"recipe"`
	Image   string     `json:"image"`
	Present bool       `json:"present"`
	Current bool       `json:"current"` // built from the recipe as it is now
	ID      string     `json:"id,omitempty"`
	Size    int64      `json:"size,omitempty"`
	Created *time.Time `json:"created,omitempty"`
	Summary string     `json:"summary"`
}

func newImageList(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the recipes and which of their images the engine has",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return onEngine(g, func(e *docker.Engine) error {
				rows, err := imageRows(cmd, e)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(rows)
				}
				return printRows(cmd.OutOrStdout(), rows)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

func imageRows(cmd *cobra.Command, e *docker.Engine) ([]imageRow, error) {
	var rows []imageRow
	for _, r := range images.Recipes() {
		row := imageRow{Recipe: r.Name, Image: r.Latest, Summary: r.Summary}
		img, err := e.Image(cmd.Context(), r.Latest, engine.Pull{Policy: engine.PullNever}, nil)
		var ee *engine.Error
		switch {
		case err == nil:
			row.Present, row.Current = true, img.Labels[images.LabelRecipe] == r.Hash
			row.ID, row.Size, row.Created = img.ID, img.Size, &img.Created
		case errors.As(err, &ee) && ee.Kind == engine.KindImageMissing:
		default:
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func printRows(w io.Writer, rows []imageRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RECIPE\tIMAGE\tSTATE\tSIZE\tWHAT IT IS")
	for _, r := range rows {
		state, size := "not built", "-"
		if r.Present {
			state, size = "built "+humanize.Time(*r.Created), humanize.Bytes(uint64(r.Size))
			if !r.Current {
				state += ", older recipe"
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Recipe, r.Image, state, size, r.Summary)
	}
	return t.Flush()
}

func newImageCheck(g *global) *cobra.Command {
	var asJSON bool
	var noNode bool
	cmd := &cobra.Command{
		Use:   "check IMAGE",
		Short: "Say whether an image has what Amplify requires of a build image",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return onEngine(g, func(e *docker.Engine) error {
				report, err := checkImage(cmd, e, args[0], !noNode)
				if err != nil {
					return err
				}
				if asJSON {
					err = json.NewEncoder(cmd.OutOrStdout()).Encode(report)
				} else {
					err = report.Render(cmd.OutOrStdout())
				}
				if err == nil && !report.OK {
					err = exitCode(runner.ClassEngine)
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.Flags().BoolVar(&noNode, "no-node", false, "the builds need no Node.js")
	return cmd
}

func checkImage(cmd *cobra.Command, e *docker.Engine, name string, node bool) (images.Report, error) {
	ref, err := images.Resolve(name)
	if err != nil {
		return images.Report{}, &runner.Failure{Class: runner.ClassUsage, Message: err.Error()}
	}
	pull := engine.PullMissing
	if ref.Local {
		pull = engine.PullNever
	}
	if _, err := e.Image(cmd.Context(), ref.Image, engine.Pull{Policy: pull}, nil); err != nil {
		return images.Report{}, err
	}
	out, err := e.Probe(cmd.Context(), ref.Image, images.ProbeScript)
	var ee *engine.Error
	if errors.As(err, &ee) && ee.Kind == engine.KindImageUnfit {
		return images.CheckFailed(err), nil
	}
	if err != nil {
		return images.Report{}, err
	}
	return images.Check(out, images.Want{NeedNode: node}), nil
}
