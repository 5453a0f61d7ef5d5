package runner

import (
	"os"
	"path"

	"github.com/preamp-build/preamp/buildspec/detect"
)

// The service's kinds of application.
const (
	platformStatic  = "WEB"
	platformCompute = "WEB_COMPUTE"
)

// platform is the service's kind of this application, and whether it is Next.js with a server. Nobody but the console
// knows it; where the job does not say it, it is what the service would propose for the repository.
func (b *build) platform() (kind string, next bool) {
	root, err := os.OpenRoot(b.workspace)
	if err != nil {
		return b.job.Platform, false
	}
	defer func() { _ = root.Close() }() // it is only read from
	project, err := detect.Detect(root.FS(), b.app.AppRoot.Value)
	if err != nil { // what is wrong with a package.json is npm's to say
		return b.job.Platform, false
	}
	kind = b.job.Platform
	if kind == "" {
		kind = project.Platform
	}
	written := b.app.Frontend.Artifacts.BaseDirectory.Value
	return kind, kind == platformCompute && project.Framework.ID == "next" && path.Base(path.Clean(written)) == ".next"
}
