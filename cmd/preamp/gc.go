package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
)

func newGC(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what killed preamp processes left behind",
		Long: `Remove the containers, processes and workspaces of preamp processes that no longer live, parts of caches that nothing
needs any more, and all files in the trash, where builds leave large workspaces. Every build does the same, but for the
trash, which it leaves alone while builds follow each other. Running builds are not touched.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reaped, err := reapAll(cmd.Context(), g)
			if asJSON {
				if reaped == nil {
					reaped = []engine.Reaped{}
				}
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(reaped); err != nil {
					return err
				}
			} else {
				for _, x := range reaped {
					fmt.Fprintf(cmd.OutOrStdout(), "removed %s %s of %s\n", x.What, x.ID, x.Owner)
				}
			}
			if err != nil {
				return &runner.Failure{Class: runner.ClassEngine, Message: err.Error()}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

// reapAll looks at what was left on this machine and in the engine that the flags name. That there is no container engine
// is no reason to leave the rest.
func reapAll(ctx context.Context, g *global) ([]engine.Reaped, error) {
	var all []engine.Reaped
	var errs []error
	for _, kind := range slices.Compact([]string{"host", g.engine}) {
		one := *g
		one.engine = kind
		r, closeEngine, err := one.runner()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if r.Layers == nil { // with PREAMP_LAYERS=off, but there may be a trash of builds without it
			if r.Layers, err = openLayers(r.State, false); err != nil {
				errs = append(errs, err)
			}
		}
		reaped, err := r.Reap(ctx)
		all, errs = append(all, reaped...), append(errs, err, r.Tidy(ctx))
		closeEngine()
	}
	return all, errors.Join(errs...)
}
