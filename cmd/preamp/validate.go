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
against its files; or one of these files by itself; or - for an amplify.yml on standard input. Beside a .git an amplify.yml
is checked against the repository too. preamp explain RULE tells more about a rule.

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
		if v.fix {
			return nil, usage(errors.New("--fix needs a file to repair, and standard input is none"))
		}
		src, err := readBounded(stdin)
		if err != nil {
			return nil, err
		}
		_, found := buildspec.Check("<stdin>", src, buildspec.Facts{AppRoot: v.appRoot})
		return []report.File{{Name: "<stdin>", Source: src, Found: found}}, nil
	}
	target = filepath.Clean(orDefault(target, "."))
	info, err := os.Stat(target)
	if err != nil {
		return nil, usage(err)
	}
	if info.IsDir() {
		return v.checkRepository(target)
	}
	f, err := v.checkFile(target)
	return []report.File{f}, err
}

// checkFile checks one file by itself: without its repository nothing is known of what lies around it, except that an
// amplify.yml beside a .git lies at the root of its repository.
func (v validation) checkFile(file string) (report.File, error) {
	dir, name := filepath.Split(file)
	root, err := os.OpenRoot(orDefault(dir, "."))
	if err != nil {
		return report.File{}, usage(err)
	}
	defer func() { _ = root.Close() }()
	facts := buildspec.Facts{AppRoot: v.appRoot}
	if _, err := root.Stat(".git"); err == nil && slices.Contains([]string{"amplify.yml", "amplify.yaml"}, name) {
		facts.FS = root.FS()
	}
	f, err := os.Open(file) // a link may lead anywhere: the file was named by who runs this
	if err != nil {
		return report.File{}, usage(err)
	}
	defer func() { _ = f.Close() }()
	src, err := readBounded(f)
	if err != nil {
		return report.File{}, usage(err)
	}
	return v.repair(file, src, checkerOf(name, root.FS(), facts))
}

// checker finds what is wrong with a file's content.
type checker func(file string, src []byte) buildspec.Diagnostics

// checkerOf returns what checks a file, which its name says. dir is the file's folder.
func checkerOf(name string, dir fs.FS, facts buildspec.Facts) checker {
	switch {
	case strings.HasSuffix(name, "customHttp.yml"), strings.HasSuffix(name, "customHttp.yaml"):
		return checkHeaders
	case name == "deploy-manifest.json":
		return func(file string, src []byte) buildspec.Diagnostics {
			_, found := deploymanifest.Parse(file, src, dir)
			return found
		}
	}
	return func(file string, src []byte) buildspec.Diagnostics {
		_, found := buildspec.Check(file, src, facts)
		return found
	}
}

func checkHeaders(file string, src []byte) buildspec.Diagnostics {
	_, found := customhttp.Parse(file, src)
	return found
}

// checkRepository checks all files of a repository that Amplify reads. Its links are not followed out of it.
func (v validation) checkRepository(dir string) ([]report.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usage(err)
	}
	defer func() { _ = root.Close() }()
	fsys := root.FS()
	spec, _, err := buildspec.Find(fsys, v.appRoot)
	if err != nil {
		hint := ""
		if errors.Is(err, buildspec.ErrNotFound) {
			hint = missingHint(fsys)
		}
		return nil, &runner.Failure{Class: runner.ClassSpec, Message: fmt.Sprintf("%s: %v", dir, err), Hint: hint}
	}
	facts := buildspec.Facts{FS: fsys, Dir: strings.TrimPrefix(path.Dir(spec), "."), AppRoot: v.appRoot}
	var files []report.File
	for _, name := range []string{spec, "customHttp.yml", "customHttp.yaml", ".amplify-hosting/deploy-manifest.json"} {
		info, err := fs.Stat(fsys, name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue // only the specification must be there, and it was found
		}
		src, err := readIn(root, name)
		if err != nil {
			return nil, usage(err)
		}
		folder, err := fs.Sub(fsys, path.Dir(name))
		if err != nil {
			return nil, err
		}
		f, err := v.repair(filepath.Join(dir, filepath.FromSlash(name)), src, checkerOf(path.Base(name), folder, facts))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func readIn(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readBounded(f)
}

// readBounded reads a byte more than any file may have, which is then refused for its size.
func readBounded(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, buildspec.MaxFileSize+1))
}

// missingHint says what to do in a repository without a specification at its root.
func missingHint(fsys fs.FS) string {
	for _, pattern := range []string{"*/amplify.y*ml", "*/*/amplify.y*ml"} {
		if found, err := fs.Glob(fsys, pattern); err == nil && len(found) > 0 {
			return fmt.Sprintf("there is %s; --app-root %s looks for it", found[0], path.Dir(found[0]))
		}
	}
	return "preamp init writes one"
}

// repair checks a file and repairs it where it was asked for. What is found is then that of the repaired file.
func (v validation) repair(file string, src []byte, check checker) (report.File, error) {
	found := check(file, src)
	fixed := src
	for range 10 { // fixes that overlap take turns; each round repairs at least one finding
		if !v.fix {
			break
		}
		out, n, err := buildspec.ApplyFixes(fixed, found)
		if err != nil {
			return report.File{}, fmt.Errorf("repair %s: %w", file, err)
		}
		if n == 0 {
			break
		}
		fixed = out
		found = check(file, fixed)
	}
	if string(fixed) != string(src) {
		if err := replaceFile(file, fixed); err != nil {
			return report.File{}, fmt.Errorf("repair %s: %w", file, err)
		}
	}
	return report.File{Name: file, Source: fixed, Found: found}, nil
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
