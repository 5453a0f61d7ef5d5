package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/buildspec/detect"
	"github.com/preamp-build/preamp/buildspec/schema"
	"github.com/preamp-build/preamp/runner"
	"github.com/preamp-build/preamp/runner/contract"
)

func newInit() *cobra.Command {
	var o struct {
		appRoot             string
		best, print, asJSON bool
		force               bool
	}
	cmd := &cobra.Command{
		Use:   "init [PATH]",
		Short: "Write the amplify.yml that Amplify would generate, or a better one",
		Long: `Look at a repository, say what it is, and write its amplify.yml: the one that Amplify would generate, or with --best one
that caches what is worth it and says why.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := orDefault(strings.Join(args, ""), ".")
			root, err := os.OpenRoot(dir)
			if err != nil {
				return usage(err)
			}
			defer func() { _ = root.Close() }()
			p, err := detect.Detect(root.FS(), o.appRoot)
			if err != nil {
				return &runner.Failure{Class: runner.ClassSpec, Message: err.Error()}
			}
			text := p.Spec()
			if o.best {
				text = p.BestSpec()
			}
			switch {
			case o.asJSON:
				return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
					detect.Project
					Spec string `json:"spec"`
				}{p, string(text)})
			case o.print:
				_, err := cmd.OutOrStdout().Write(text)
				return err
			}
			if name, _, err := buildspec.Find(root.FS(), o.appRoot); err == nil && !o.force {
				return usage(fmt.Errorf("%s is there already; --force replaces it, --print only shows what would be written", name))
			} else if err != nil && !errors.Is(err, buildspec.ErrNotFound) {
				return usage(err)
			}
			if err := root.WriteFile("amplify.yml", text, 0o644); err != nil {
				return &runner.Failure{Class: runner.ClassOutput, Message: err.Error()}
			}
			return told(cmd.OutOrStdout(), filepath.Join(dir, "amplify.yml"), p)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.appRoot, "app-root", "", "the application's folder in a monorepo")
	f.BoolVar(&o.best, "best", false, "write a better one than Amplify would: caches that help, with the reasons as comments")
	f.BoolVar(&o.print, "print", false, "print it instead of writing it")
	f.BoolVar(&o.asJSON, "json", false, "print what was found and the specification as a JSON object")
	f.BoolVar(&o.force, "force", false, "replace an amplify.yml that is there")
	return cmd
}

func told(w io.Writer, file string, p detect.Project) error {
	var b strings.Builder
	fmt.Fprintf(&b, "wrote %s for %s (%s)\n", file, p.Framework.Name, p.Platform)
	for _, r := range p.Reasons {
		fmt.Fprintf(&b, "  %s\n", r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [amplify.yml | job | event | result]",
		Short: "Print the JSON schema of amplify.yml, for editors, or of preamp's own documents",
		Long: `Print the JSON schema of amplify.yml. Editors with the YAML language server check and complete a file that begins with

    # yaml-language-server: $schema=./amplify.schema.json

job is what preamp build --job reads; event is a line, and result the file, that it writes.`,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: append([]string{"amplify.yml"}, contract.Documents...),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := schema.JSON()
			if len(args) > 0 && args[0] != "amplify.yml" {
				var err error
				if text, err = contract.Schema(args[0]); err != nil {
					return err
				}
			}
			_, err := cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
