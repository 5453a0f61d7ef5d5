package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/engine"
)

func newGC(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what killed preamp processes left behind",
		Long: `Remove the containers, processes and workspaces of preamp processes that no longer live. Every build does the same
when it starts; running builds are not touched.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, closeEngine, err := g.runner()
			if err != nil {
				return err
			}
			defer closeEngine()
			reaped, err := r.Reap(cmd.Context())
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
