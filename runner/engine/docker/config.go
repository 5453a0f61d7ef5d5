package docker

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"

	apicontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

// keptCapabilities is what package managers need of a root user in a container. Making devices, raw sockets, tracing
// across users and changing the capability sets are not among it.
var keptCapabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETFCAP", "SYS_CHROOT", "NET_BIND_SERVICE",
}

// sharedMemory is the size of /dev/shm in bytes: browsers under test crash with the engine's default of 64 MiB.
const sharedMemory = 512 << 20

// hostConfig is what the container may do and use on its host: nothing is mounted by it.
func hostConfig(spec engine.Spec, host hostFacts) *apicontainer.HostConfig {
	h := &apicontainer.HostConfig{
		CapDrop:     []string{"ALL"},
		CapAdd:      keptCapabilities,
		SecurityOpt: []string{"no-new-privileges"},
		LogConfig:   apicontainer.LogConfig{Type: "none"}, // we are attached; a second copy on the engine's disk serves nobody
		ShmSize:     sharedMemory,
	}
	if spec.Limits.PIDs > 0 && host.PidsLimit {
		h.PidsLimit = ptr(spec.Limits.PIDs)
	}
	if m := spec.Limits.Memory; m > 0 && host.MemoryLimit {
		if host.MemTotal > 0 {
			m = min(m, host.MemTotal)
		}
		h.Memory = m
		if host.SwapLimit {
			h.MemorySwap = m // no swap on top: the service has none, and a build that swaps takes the host with it
		}
	}
	if cpus := spec.Limits.CPUs; cpus > 0 && host.CPUCfsQuota {
		if host.NCPU > 0 {
			cpus = min(cpus, float64(host.NCPU))
		}
		h.NanoCPUs = int64(cpus * 1e9)
	}
	return h
}

// podmanSpecial are the characters with a meaning in comma-separated values.
const podmanSpecial = ",\"\n"

// traits are what an engine wants to be known about a mount.
type traits struct {
	podman  bool
	selinux bool // the engine confines containers by SELinux
}

func (e *Engine) mountTraits(ctx context.Context, folder string, host hostFacts) traits {
	return traits{
		podman:  strings.ContainsAny(folder, podmanSpecial) && e.isPodman(ctx), // it matters only then
		selinux: hasOption(host, "selinux"),
	}
}

// mountFolder mounts a folder of this machine into a container, and reports false when that cannot be done.
//
// Two cases need the older notation SOURCE:TARGET:OPTIONS, which cannot hold a colon: Podman makes a line of comma-separated
// values out of a mount and reads it again without having quoted the path; and only the older notation can ask for a
// label under which SELinux lets the container in.
func mountFolder(h *apicontainer.HostConfig, folder, target string, t traits) bool {
	if !t.selinux && !(t.podman && strings.ContainsAny(folder, podmanSpecial)) {
		h.Mounts = []mount.Mount{{
			Type: mount.TypeBind, Source: folder, Target: target,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate},
		}}
		return true
	}
	if strings.Contains(folder+target, ":") {
		return false
	}
	options := "rprivate"
	if t.selinux {
		options += ",Z"
	}
	h.Binds = []string{folder + ":" + target + ":" + options}
	return true
}

// bindFailed recognises an engine that does not have our folder.
func bindFailed(err error) bool {
	text := err.Error()
	return strings.Contains(text, "bind source path does not exist") || strings.Contains(text, "statfs") || strings.Contains(text, "mounts denied")
}

func hasOption(host hostFacts, name string) bool {
	return slices.ContainsFunc(host.SecurityOptions, func(o string) bool { // such as "name=seccomp,profile=default"
		return strings.HasPrefix(o+",", "name="+name+",") || o == name
	})
}

// sharesUsers reports whether root in a container can write into our folders. Where the engine maps it to a user
// without any rights (userns-remap), or is the rootless engine of somebody else, it cannot.
func (e *Engine) sharesUsers(host hostFacts) bool {
	if hasOption(host, "userns") {
		return false
	}
	uid, ok := e.endpoint.user()
	return !ok || uid == 0 || uid == os.Geteuid()
}

// filesGoTo is the user ("uid:gid", as a container sees users) to whom everything in a mounted workspace has to be given
// in the end; "" when our user can read and remove it all anyway, as root can. An engine that runs as root leaves root's
// files. The root of an engine that runs as our user is we; what a build gives to other users of the container is not
// ours then. Podman does not say that it is rootless, but its socket is ours. Engines of a Mac run in a virtual machine
// that shares folders with everything in them belonging to their user.
func (e *Engine) filesGoTo(host hostFacts) string {
	if runtime.GOOS != "linux" || os.Geteuid() == 0 {
		return ""
	}
	if uid, ok := e.endpoint.user(); hasOption(host, "rootless") || ok && uid == os.Geteuid() {
		return rootless
	}
	return ourUser()
}

// Where the extra certificates lie in the container. The bundle is for programs that read one file instead of another.
const (
	caFolder = "/usr/local/share/preamp"
	caExtra  = caFolder + "/extra-ca.pem"
	caBundle = caFolder + "/ca-bundle.pem"
)

// haltFile keeps the shell from beginning what was sent ahead.
const haltFile = caFolder + "/halt"

const bundleScript = `for f in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  if [ -r "$f" ]; then break; fi
done
cat "$f" ` + caExtra + ` > ` + caBundle

// profileScripts load what a login to the image would: its .bashrc, and nvm where the .bashrc does not. That builds use
// nvm without loading it shows that the service does this; how exactly is not documented.
var profileScripts = []string{
	`if [ -r "$HOME/.bashrc" ]; then . "$HOME/.bashrc"; fi`,
	`if ! command -v nvm; then
  NVM_DIR=${NVM_DIR:-$HOME/.nvm}
  if [ -s "$NVM_DIR/nvm.sh" ]; then export NVM_DIR; . "$NVM_DIR/nvm.sh"; else unset NVM_DIR; fi
fi`,
}

// setup is how the session in the container begins.
func (c *buildContainer) setup() session.Setup {
	s := session.Setup{Dir: c.spec.Dir, Files: c.typedFiles(), Init: c.spec.Init, Halt: haltFile}
	if c.spec.Start != "" {
		s.Dir += "/" + c.spec.Start
	}
	if len(c.spec.CACerts) > 0 {
		s.Scripts = append(s.Scripts, bundleScript)
		s.Env = session.TrustEnv(caExtra, caBundle)
	}
	if c.copied || os.Geteuid() != 0 {
		// Our user's files under root's git: the folder is the build's own, whoever owns it.
		s.Env = append(s.Env, session.SafeDirectoryEnv()...)
	}
	s.Scripts = append(s.Scripts, profileScripts...)
	for _, v := range c.spec.Env {
		s.Env = append(s.Env, session.Assignment{Name: v.Name, Value: v.Value})
	}
	return s
}
