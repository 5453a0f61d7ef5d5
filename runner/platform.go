package runner

import "github.com/preamp-build/preamp/buildspec/detect"

// The service's kinds of application.
const (
	platformStatic  = "WEB"
	platformCompute = "WEB_COMPUTE"
)

// platform is the service's kind of this application, and which framework it is made with. Nobody but the console knows
// the kind; where the job does not say it, it is what the service would propose for the repository.
func (b *build) platform() (kind, framework string) {
	files, closeFiles, err := b.files()
	if err != nil {
		return b.job.Platform, ""
	}
	defer closeFiles()
	project, err := detect.Detect(files, b.app.AppRoot.Value)
	if err != nil { // what is wrong with a package.json is npm's to say
		return b.job.Platform, ""
	}
	kind = b.job.Platform
	if kind == "" {
		kind = project.Platform
	}
	return kind, project.Framework.ID
}

// nextSSR reports whether the application is one of Next.js with a server.
func (b *build) nextSSR() bool {
	return b.result.Platform == platformCompute && b.framework == "next"
}
