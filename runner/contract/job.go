// Package contract is what another program hands to preamp and gets back: the job as a JSON document that carries all that
// the command line's flags can say, and the JSON schemas of jobs, events and results.
//
// Documents have a version, MAJOR.MINOR. A reader ignores the fields of a newer minor version and refuses a newer major
// one. Within the versions that it knows, a job with an unknown field is refused: a misspelt field that was ignored would
// be a build of something else. Whatever is wrong with a job is told all at once, each problem with its field's path.
package contract

// Version is the newest version of the job document that this package knows.
const Version = "1.0"

// MaxJob bounds the size of a job document, in bytes.
const MaxJob = 16 << 20

// Job is the document. Its zero value asks for nothing; Repository has to be filled in. Whatever is left out is as on the
// command line.
type Job struct {
	Version     string       `json:"version" jsonschema:"version of this document: 1.0"`
	Repository  Repository   `json:"repository"`
	App         *App         `json:"app,omitempty"`
	Environment *Environment `json:"environment,omitempty"`
	// Secrets reach the build as one JSON object in the variable secrets.
	Secrets map[string]Secret `json:"secrets,omitempty" jsonschema:"values for the build's variable named secrets, a JSON object; masked in all output"`
	Image   *Image            `json:"image,omitempty"`
	Limits  *Limits           `json:"limits,omitempty"`
	Cache   *Cache            `json:"cache,omitempty"`
	Output  *Output           `json:"output,omitempty"`
	Diff    *Diff             `json:"diff,omitempty"`
	// WatchPaths are globs of further files, relative to the repository.
	WatchPaths  []string     `json:"watchPaths,omitempty" jsonschema:"globs of further files that count for AMPLIFY_DIFF_DEPLOY"`
	PullRequest *PullRequest `json:"pullRequest,omitempty"`
	Trigger     string       `json:"trigger,omitempty" jsonschema:"what asked for the build: manual (the default), or push, which heeds [skip-cd] in the commit's message"`
	// CACertificates are PEM blocks.
	CACertificates string `json:"caCertificates,omitempty" jsonschema:"PEM certificates that preamp and the build trust on top of the usual ones"`
}

// Repository is what to build.
type Repository struct {
	URL         string       `json:"url,omitempty" jsonschema:"repository to clone; either url or path is given"`
	Path        string       `json:"path,omitempty" jsonschema:"git work tree on this machine"`
	Branch      string       `json:"branch,omitempty" jsonschema:"branch to clone, and AWS_BRANCH; default: the current one, or the remote's own"`
	Commit      string       `json:"commit,omitempty" jsonschema:"the exact commit to build; default: the branch's head, or what is in the work tree now"`
	Submodules  string       `json:"submodules,omitempty" jsonschema:"all (the default), or none: their folders stay empty"`
	LFS         string       `json:"lfs,omitempty" jsonschema:"all (the default), or none: the files of Git LFS stay pointers"`
	Depth       int          `json:"depth,omitempty" jsonschema:"how many commits of a url's history are needed; 0 (the default): all. History that this machine has already is given nevertheless"`
	Credentials *Credentials `json:"credentials,omitempty"`
}

// Credentials are for cloning. The build gets none of them.
type Credentials struct {
	Token           Secret   `json:"token,omitempty" jsonschema:"access token"`
	Username        string   `json:"username,omitempty"`
	Password        Secret   `json:"password,omitempty"`
	SSHKey          Secret   `json:"sshKey,omitempty" jsonschema:"private key, in PEM"`
	SSHKeyFile      string   `json:"sshKeyFile,omitempty" jsonschema:"file with a private key, on this machine"`
	SSHPassphrase   Secret   `json:"sshPassphrase,omitempty" jsonschema:"decrypts the key"`
	SSHAgent        bool     `json:"sshAgent,omitempty" jsonschema:"offer the keys of the ssh agent of this machine"`
	KnownHosts      string   `json:"knownHosts,omitempty" jsonschema:"lines of known_hosts with the host keys to trust; default: those of this machine"`
	KnownHostsFiles []string `json:"knownHostsFiles,omitempty" jsonschema:"files of such lines, on this machine"`
}

// App is the application to build.
type App struct {
	ID            string `json:"id,omitempty" jsonschema:"AWS_APP_ID, also part of the cache key; default: made from the repository's address"`
	Root          string `json:"root,omitempty" jsonschema:"application of a monorepo, as AMPLIFY_MONOREPO_APP_ROOT"`
	Platform      string `json:"platform,omitempty" jsonschema:"WEB or WEB_COMPUTE; default: found out from the repository"`
	DefaultBranch string `json:"defaultBranch,omitempty" jsonschema:"branch whose cache a branch without its own begins with; default: main"`
}

// Environment are the build's variables. Of two values of one name, that of Variables wins over the console's.
type Environment struct {
	Variables map[string]Secret `json:"variables,omitempty" jsonschema:"variables of this build"`
	Console   *Console          `json:"console,omitempty"`
	// SpecificationWins turns the order of env.variables of the build specification and of all of these around.
	SpecificationWins bool `json:"specificationWins,omitempty" jsonschema:"let env.variables of the build specification win"`
}

// Console holds what the service's console would.
type Console struct {
	Variables map[string]Secret `json:"variables,omitempty" jsonschema:"variables of all branches"`
	Branches  []Branch          `json:"branches,omitempty" jsonschema:"those of single branches; exact names win over patterns, then later ones over earlier ones"`
}

// Branch holds the variables of the branches that a pattern matches.
type Branch struct {
	Pattern   string            `json:"pattern" jsonschema:"a branch's name, or a glob in which * stays within a part of the name and ** does not"`
	Variables map[string]Secret `json:"variables,omitempty"`
}

// Image is what the build runs in.
type Image struct {
	Name  string `json:"name,omitempty" jsonschema:"debian, al2023, an alias such as amplify:al2023, or any reference; default: _CUSTOM_IMAGE, or preamp's choice"`
	Pull  string `json:"pull,omitempty" jsonschema:"when to pull it: missing (the default), always, never"`
	Login *Login `json:"login,omitempty"`
}

// Login is for the image's registry.
type Login struct {
	Username string `json:"username,omitempty"`
	Password Secret `json:"password,omitempty"`
	Token    Secret `json:"token,omitempty" jsonschema:"bearer token, in place of username and password"`
}

// Limits bound the build: the size of an instance of the service, or single numbers in place of the standard one's.
type Limits struct {
	Size      string  `json:"size,omitempty" jsonschema:"standard (8 GiB of memory, 4 processors; the default), large (16 GiB, 8), xlarge (72 GiB, 36)"`
	Memory    int64   `json:"memory,omitempty" jsonschema:"bytes"`
	CPUs      float64 `json:"cpus,omitempty" jsonschema:"processors"`
	Processes int64   `json:"processes,omitempty" jsonschema:"processes and threads"`
	Timeout   float64 `json:"timeout,omitempty" jsonschema:"seconds, without the time that the image takes to be brought; default: _BUILD_TIMEOUT, or 1800"`
}

// Cache is about what cache.paths names.
type Cache struct {
	Off    bool   `json:"off,omitempty" jsonschema:"neither restore nor save"`
	Folder string `json:"folder,omitempty" jsonschema:"folder of this machine that keeps caches; default: the one in preamp's state folder"`
}

// Output is where the build leaves what it made.
type Output struct {
	Folder string `json:"folder,omitempty" jsonschema:"folder for artifacts, log and result; replaced by each build; default: preamp-out"`
}

// Diff is about AMPLIFY_DIFF_DEPLOY and AMPLIFY_DIFF_BACKEND.
type Diff struct {
	Base string `json:"base,omitempty" jsonschema:"full id of the commit to compare with; default: the last successful build that this machine remembers"`
}

// PullRequest makes the build the preview of one.
type PullRequest struct {
	ID     int    `json:"id" jsonschema:"its number"`
	Source string `json:"source,omitempty" jsonschema:"branch that it comes from; default: the branch that is built"`
	Target string `json:"target,omitempty" jsonschema:"branch that it goes to"`
}
