package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/google/renameio/v2"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/buildspec/customhttp"
	"github.com/preamp-build/preamp/buildspec/deploymanifest"
	"github.com/preamp-build/preamp/cmd/preamp/internal/report"
	"github.com/preamp-build/preamp/runner"
)

func newValidate() *cobra.Command {
	var v validation
	cmd := &cobra.Command{
		Use:   "validate [PATH]",
		Short: "Check an amplify.yml, and say what to write instead",
		Long: `Check a build specification: everything that would make Amplify fail, that it would silently ignore, or that costs
time or money, each with its place and what to write instead.

PATH is a repository (default: the current folder), whose amplify.yml, customHttp.yml and deploy manifest are checked
against its files, or one file, or - for standard input. preamp explain RULE tells more about a rule.

The exit code is 3 when there are errors, with --strict also when there are warnings.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(report.Formats, v.format) {
				return usage(fmt.Errorf("--format %s: there are %s", v.format, strings.Join(report.Formats, ", ")))
			}
			files, err := v.check(cmd.InOrStdin(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			if err := report.Write(cmd.OutOrStdout(), v.format, files); err != nil {
				return err
			}
			if c := report.Count(files); c.Errors > 0 || v.strict && c.Warnings > 0 {
				return exitCode(runner.ClassSpec)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&v.format, "format", "text", "form of the findings: text, json, sarif, github")
	f.BoolVar(&v.fix, "fix", false, "apply the fixes that are safe; comments and layout stay")
	f.BoolVar(&v.strict, "strict", false, "exit with code 3 for warnings too")
	f.StringVar(&v.appRoot, "app-root", "", "the application that is built, as AMPLIFY_MONOREPO_APP_ROOT")
	return cmd
}

// validation is one run of preamp validate.
type validation struct {
	format, appRoot string
	fix, strict     bool
}

func (v validation) check(stdin io.Reader, target string) ([]report.File, error) {
	if target == "-" {
		src, err := io.ReadAll(io.LimitReader(stdin, buildspec.MaxFileSize+1))
		if err != nil {
			return nil, err
		}
		_, found := buildspec.Check("<stdin>", src, buildspec.Facts{AppRoot: v.appRoot})
		return []report.File{{Name: "<stdin>", Source: src, Found: found}}, nil
	}
	if target == "" {
		target = "."
	}
	info, err := os.Stat(target)
	if err != nil {
		return nil, usage(err)
	}
	if info.IsDir() {
		return v.checkRepository(target)
	}
	f, err := v.checkFile(target, target, buildspec.Facts{AppRoot: v.appRoot})
	return []report.File{f}, err
}

// checkRepository checks all files of a repository that Amplify reads.
func (v validation) checkRepository(dir string) ([]report.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usage(err)
	}
	defer func() { _ = root.Close() }()
	fsys := root.FS()
	name, _, err := buildspec.Find(fsys, v.appRoot)
	if err != nil {
		hint := "preamp init writes one"
		if !errors.Is(err, buildspec.ErrNotFound) {
			hint = ""
		}
		return nil, &runner.Failure{Class: runner.ClassSpec, Message: fmt.Sprintf("%s: %v", dir, err), Hint: hint}
	}
	facts := buildspec.Facts{FS: fsys, Dir: strings.TrimPrefix(path.Dir(name), "."), AppRoot: v.appRoot}
	spec, err := v.checkFile(filepath.Join(dir, filepath.FromSlash(name)), name, facts)
	if err != nil {
		return nil, err
	}
	files := []report.File{spec}
	for _, more := range []struct {
		names []string
		check func(file string, src []byte) buildspec.Diagnostics
	}{
		{[]string{"customHttp.yml", "customHttp.yaml"}, func(file string, src []byte) buildspec.Diagnostics {
			_, found := customhttp.Parse(file, src)
			return found
		}},
		{[]string{".amplify-hosting/deploy-manifest.json"}, func(file string, src []byte) buildspec.Diagnostics {
			return checkManifest(fsys, file, src)
		}},
	} {
		for _, name := range more.names {
			src, err := fs.ReadFile(fsys, name)
			if err != nil {
				continue // both files are optional
			}
			files = append(files, report.File{Name: name, Source: src, Found: more.check(name, src)})
			break
		}
	}
	return files, nil
}

func checkManifest(fsys fs.FS, file string, src []byte) buildspec.Diagnostics {
	bundle, err := fs.Sub(fsys, path.Dir(file))
	if err != nil {
		bundle = nil
	}
	_, found := deploymanifest.Parse(file, src, bundle)
	return found
}

// checkFile checks one specification and repairs it where it was asked for. The file is then checked as it is afterwards.
func (v validation) checkFile(file, name string, facts buildspec.Facts) (report.File, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return report.File{}, usage(err)
	}
	_, found := buildspec.Check(name, src, facts)
	if v.fix {
		fixed := src
		// Fixes that overlap take turns; each round repairs at least one finding.
		for range 10 {
			out, n, err := buildspec.ApplyFixes(fixed, found)
			if err != nil {
				return report.File{}, fmt.Errorf("repair %s: %w", name, err)
			}
			if n == 0 {
				break
			}
			fixed = out
			_, found = buildspec.Check(name, fixed, facts)
		}
		if string(fixed) != string(src) {
			if err := replaceFile(file, fixed); err != nil {
				return report.File{}, fmt.Errorf("repair %s: %w", name, err)
			}
		}
		src = fixed
	}
	return report.File{Name: name, Source: src, Found: found}, nil
}

// replaceFile writes a file so that it is never half written, and keeps its mode.
func replaceFile(file string, content []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(file) // a link stays a link
	if err != nil {
		return err
	}
	return renameio.WriteFile(target, content, info.Mode().Perm())
}

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [RULE]",
		Short: "Tell what a rule of preamp validate is about; without a rule, list them",
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, r := range buildspec.Rules() {
				ids = append(ids, r.ID)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			for _, r := range buildspec.Rules() {
				switch {
				case len(args) == 0:
					fmt.Fprintf(w, "%-30s %-8s %s\n", r.ID, r.Severity, r.Title)
				case r.ID == args[0]:
					return explain(w, r)
				}
			}
			if len(args) > 0 {
				return usage(fmt.Errorf("there is no rule %q; preamp explain lists them", args[0]))
			}
			return nil
		},
	}
}

func explain(w io.Writer, r buildspec.RuleInfo) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n\n%s\n\n%s\n", r.ID, r.Severity, r.Title, r.Why)
	if r.Source != "" {
		fmt.Fprintf(&b, "\nSee %s.\n", r.Source)
	}
	for _, example := range []struct{ name, text string }{{"Instead of", r.Bad}, {"write", r.Good}} {
		if example.text != "" {
			fmt.Fprintf(&b, "\n%s:\n\n    %s\n", example.name, strings.ReplaceAll(strings.TrimRight(example.text, "\n"), "\n", "\n    "))
		}
	}
	if r.Fixable {
		b.WriteString("\npreamp validate --fix repairs it.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
