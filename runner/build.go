package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/preamp-build/preamp/buildspec"
	"github.com/preamp-build/preamp/buildspec/detect"
	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/redact"
	"github.com/preamp-build/preamp/runner/source"
)

// build is one build under way.
type build struct {
	r        *Runner
	job      Job
	id       string
	owner    engine.Owner
	emit     func(Stamped)
	redactor *redact.Redactor
	result   *Result

	head    *source.Head      // what is to be built, where that is known before the checkout
	view    *source.View      // of it: there will be no checkout
	early   bool              // everything was decided by it
	wanted  bool              // nothing speaks for a skip, as far as that can be seen without a checkout
	numbers map[string]string // of jobs that were counted, by application and branch
	ahead   *ahead            // the container, before there is a plan for it

	workspace  string    // the repository's folder on this machine
	composed   *composed // nil: the workspace is one folder
	later      []Event   // to be told when the cache has been saved
	tidying    func()    // stops the tidying of layers, and waits for that
	scratch    *scratch
	sourceTook time.Duration
	checkout   *source.Checkout
	repoID     string // of the repository, whichever application of it is built
	before     []string
	spec       *buildspec.Spec
	found      buildspec.Diagnostics
	specRaw    []byte
	app        *buildspec.App
	selection  string // what selecting the application had to say
	plan       *Plan
	container  engine.Container
	testsBegan time.Time // zero: they were not run
	framework  string    // one of package detect's ids
	dry        bool      // a preview: nothing is counted

	reapNow        chan struct{}     // closed when the reaping is not to be put off any longer
	reaping        chan func()       // gets what is to be told of the clean-up
	imageKit       string            // which kit the image holds, see kit.Label
	envBefore      map[string][]byte // what was kept by envCache when the build began
	envAfter       map[string][]byte // and when it had ended
	envUnchanged   bool
	envRead        bool
	envErr         error
	sweeping       chan struct{} // closed when the files of builds that have ended are gone
	closing        chan error    // gets the end of the container's removal, once that has begun
	restoreNotices []string      // what restoring the cache had to say
	cached         cachedParts
}

func newBuild(r *Runner, job Job, emit func(Stamped)) *build {
	if emit == nil {
		emit = func(Stamped) {}
	}
	if job.Limits == (engine.Limits{}) {
		job.Limits, job.Size = StandardLimits, "standard"
	}
	if job.DefaultBranch == "" {
		job.DefaultBranch = "main"
	}
	id := engine.NewBuildID()
	b := &build{
		r: r, job: job, id: id, owner: engine.NewOwner(id), emit: emit, redactor: redact.New(job.secrets()...),
		numbers: map[string]string{},
		result:  &Result{Version: ResultVersion, Preamp: r.Version, Build: id, Started: time.Now().UTC(), Timeout: job.Timeout},
	}
	b.result.Request = b.job.request()
	return b
}

// identify fills in what the build is known by: application and branch.
func (b *build) identify(co *source.Checkout) error {
	b.result.App = b.job.AppID
	if b.result.App == "" {
		b.result.App = appID(co.CloneURL, b.job)
	}
	b.repoID = b.result.App
	branch := b.job.Branch
	if branch == "" {
		branch = co.Branch
	}
	if branch == "" {
		branch = b.job.DefaultBranch
		b.notice("the branch is not known (detached HEAD): taking it for %s; --branch says another", branch)
	}
	b.result.Branch, b.result.Source.Branch = branch, branch
	if pr := b.job.PullRequest; pr != nil {
		b.result.Branch = pr.branch()
		if pr.Source == "" {
			b.job.PullRequest = &PullRequest{ID: pr.ID, Source: branch, Target: pr.Target}
		}
		if pr.Target != "" {
			b.job.DefaultBranch = pr.Target // whose cache the preview begins with
		}
	}
	b.job.settle(branch)
	b.result.Request = b.job.request()
	if b.view != nil {
		return nil
	}
	// The folder has the repository's name, as in the service; builds print it and some use it.
	named := filepath.Join(b.scratch.dir, b.folderName())
	if named == b.workspace {
		return nil
	}
	if err := os.Rename(b.workspace, named); err != nil {
		return fail(ClassOutput, err)
	}
	b.workspace = named
	return nil
}

// number gives the build its place among those of its application and branch. An application of a monorepo is one of its
// own for the service, so where nobody named it, it is known by its folder too.
func (b *build) number() error {
	if b.job.AppID == "" && b.spec.Monorepo {
		b.result.App = "d" + longHash(b.result.App + "#" + cleanFolder(b.app.AppRoot.Value))[:13]
	}
	of := b.result.App + "\n" + b.result.Branch
	if b.numbers[of] == "" {
		n := 0
		if !b.dry {
			var err error
			if n, err = b.r.nextJob(b.result.App, b.result.Branch); err != nil {
				return fail(ClassOutput, err)
			}
		}
		b.numbers[of] = fmt.Sprintf("%010d", n)
	}
	b.result.Job = b.numbers[of]
	return nil
}

// appID is an application id like the service's, the same for every build of a repository.
func appID(cloneURL string, job Job) string {
	name := cloneURL
	if name == "" {
		name = job.Path
		if abs, err := filepath.Abs(name); err == nil {
			name = abs
		}
	}
	return "d" + longHash(name)[:13]
}

func longHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// containerDir is the folder in which a container sees the repository. It looks like the service's, and stays the same
// from build to build because tools write absolute paths into what gets cached.
func containerDir(repoID, folder string) string {
	sum := sha256.Sum256([]byte(repoID))
	var digits strings.Builder
	for _, c := range sum[:10] {
		digits.WriteByte('0' + c%10)
	}
	return path.Join("/codebuild/output", "src"+digits.String(), "src", folder)
}

// folderName is the repository's name as the name of one folder.
func (b *build) folderName() string { return folderName(b.result.Source.Name) }

func folderName(repository string) string {
	name := path.Base(path.Clean("/" + repository))
	if name == "/" || name == "." || name == engine.OwnerFile {
		return "app"
	}
	return name
}

// appRoot is the application that the job asks for; "" where it leaves the choice.
func (b *build) appRoot() string {
	if b.job.AppRoot != "" {
		return b.job.AppRoot
	}
	v, _ := b.job.env("AMPLIFY_MONOREPO_APP_ROOT")
	return v
}

// files is what the repository holds: the workspace, which no link leaves, or what is seen of it before there is one.
func (b *build) files() (files fs.FS, closeFiles func(), err error) {
	if b.view != nil {
		return b.view, func() {}, nil
	}
	root, err := os.OpenRoot(b.workspace)
	if err != nil {
		return nil, nil, err
	}
	return root.FS(), func() { _ = root.Close() }, nil // it is only read from
}

// findSpec reads the specification. Where there is none it is the one that the service would generate.
func (b *build) findSpec(files fs.FS) (file string, raw []byte, err error) {
	file, also, err := buildspec.Find(files, b.appRoot())
	if errors.Is(err, buildspec.ErrNotFound) {
		return b.generateSpec(files)
	}
	if err != nil {
		return "", nil, &Failure{
			Class: ClassSpec, Message: fmt.Sprintf("the build specification cannot be read: %v", err),
			Hint: "is it a link that leaves the repository?", err: err,
		}
	}
	for _, other := range also {
		b.notice("%s is not used: %s comes first", other, file)
	}
	raw, err = fs.ReadFile(files, file)
	if err != nil {
		return "", nil, fail(ClassSpec, err)
	}
	return file, raw, nil
}

// generatedSpec is the name of a specification that no file holds.
const generatedSpec = "amplify.yml (generated)"

func (b *build) generateSpec(files fs.FS) (file string, raw []byte, err error) {
	project, err := detect.Detect(files, b.appRoot())
	if err != nil {
		return "", nil, fail(ClassSpec, fmt.Errorf("the repository has no amplify.yml, and none could be generated: %w", err))
	}
	b.notice("the repository has no amplify.yml: building with what Amplify would generate for %s (preamp init writes it)", project.Framework.Name)
	return generatedSpec, project.Spec(), nil
}

// checkStart makes sure that the folders in which the build is to begin exist, and remembers which folders there are.
func (b *build) checkStart() error {
	files, closeFiles, err := b.files()
	if err != nil {
		return fail(ClassBug, err)
	}
	defer closeFiles()
	for _, dir := range []string{b.plan.Start, b.plan.Project} {
		if info, err := fs.Stat(files, orDot(dir)); err != nil || !info.IsDir() {
			return &Failure{
				Class: ClassSpec, Message: fmt.Sprintf("%s: the repository has no folder %q", b.plan.Spec, dir),
				Hint: "appRoot and buildPath are relative to the repository's root",
			}
		}
	}
	if b.view != nil {
		return nil
	}
	b.before, err = artifactsDirs(b.workspace)
	if err != nil {
		return fail(ClassBug, err)
	}
	return nil
}

// finish completes the result, writes it, and sends the last events.
func (b *build) finish(ctx context.Context, err error) *Result {
	res := b.result
	res.Ended = time.Now().UTC()
	res.Took = res.Ended.Sub(res.Started)
	res.Status = StatusSucceeded
	if b.container == nil {
		res.Status = StatusSkipped
	}
	if err != nil {
		f := classify(ctx, err)
		b.maskFailure(f)
		res.Failure, res.ExitCode, res.Status = f, f.ExitCode(), StatusFailed
		switch f.Class {
		case ClassTimeout:
			res.Status = StatusTimedOut
		case ClassCancelled:
			res.Status = StatusCancelled
		}
		b.send(Failed{Failure: f, Source: b.excerpts(f)})
	}
	b.advise()
	masked := mask(b.redactor, res)
	if b.job.Out != "" {
		if log := filepath.Join(b.job.Out, LogFile); exists(log) {
			res.Log = log
			masked = mask(b.redactor, res)
		}
		if err := writeResult(b.job.Out, masked); err != nil {
			b.warn("%v", err)
			masked = mask(b.redactor, res)
		}
	}
	b.send(BuildEnded{Result: masked})
	return masked
}

// excerpts is the file that a failure's diagnostics are about, where that is the specification.
func (b *build) excerpts(f *Failure) []byte {
	for _, d := range f.Diagnostics {
		if d.File != b.result.Spec {
			return nil
		}
	}
	return b.specRaw
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
