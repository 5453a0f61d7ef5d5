package images

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Want is what the image is to be used for.
type Want struct {
	// Platform is the platform that builds run on; empty means "linux/amd64",
	// the only one that Amplify has.
	Platform string
	// NeedNode says that the build uses Node.js, so that its absence is an
	// error and not a warning.
	NeedNode bool
}

// Level is how much a finding matters.
type Level string

const (
	// LevelOK means that a requirement is met.
	LevelOK Level = "ok"
	// LevelWarning means that some builds will miss something.
	LevelWarning Level = "warning"
	// LevelError means that Amplify would not build in this image.
	LevelError Level = "error"
)

// Finding is the verdict on one requirement.
type Finding struct {
	Level Level `json:"level"`
	// Subject is the fact it is about: a key of [Report.Facts], or "probe".
	Subject string `json:"subject"`
	// Message says what was found.
	Message string `json:"message"`
	// Fix is one sentence on what to do; empty when the level is ok.
	Fix string `json:"fix,omitempty"`
}

// Report says what an image has and what it lacks. Its JSON form is stable:
// keys are added, never renamed.
type Report struct {
	// OK says that there is no finding of level error.
	OK bool `json:"ok"`
	// Facts holds what the probe printed, by key: versions as their programs
	// print them. A key that is missing means that the thing is missing.
	Facts map[string]string `json:"facts"`
	// Findings has one entry for each requirement, in a fixed order.
	Findings []Finding `json:"findings"`
}

// Limits on what a probe may print: it comes out of a foreign image.
const (
	maxProbe = 64 << 10 // bytes of output that are read
	maxFact  = 200      // characters of one value
)

// factKeys are the keys that [ProbeScript] prints, in the order of display.
var factKeys = []string{
	"os", "arch", "libc", "user", "uid", "home", "sh", "bash", "curl", "git", "git-lfs", "ssh", "tar", "wget",
	"node", "npm", "nvm", "yarn", "python3", "ca",
}

// Check judges what [ProbeScript] printed inside an image. It takes any bytes:
// whatever it does not understand is a finding, never a failure.
func Check(probe []byte, want Want) Report {
	facts, complete := parseProbe(probe)
	rep := Report{Facts: facts}
	if !complete {
		rep.add(LevelError, "probe", "the probe did not run to its end in this image",
			"Run the image with `sh -c 'echo ok'` and see what it says; its sh must be a POSIX shell.")
	}
	for _, t := range tools {
		rep.tool(t, want)
	}
	rep.checkArch(want)
	rep.checkLibc()
	rep.checkUser()
	return rep.close()
}

// CheckFailed returns the report on an image in which the probe could not even
// be started; engineErr is what the engine said, typically that there is no sh.
func CheckFailed(engineErr error) Report {
	rep := Report{Facts: map[string]string{}}
	message := "the probe could not be started in this image"
	if engineErr != nil {
		message += ": " + printable(engineErr.Error(), 4*maxFact)
	}
	rep.add(LevelError, "probe", message,
		"If the engine does not find sh, the image has no shell: add bash and sh, or choose an image that is not distroless.")
	return rep.close()
}

// tool is a requirement on one program.
type tool struct {
	key   string
	level Level  // when it is missing
	why   string // continues "X is missing: "
	fix   string
}

// tools follows the requirements that Amplify publishes for custom images.
var tools = []tool{
	{"sh", LevelError, "Amplify requires the Bourne shell", "Install a POSIX shell as /bin/sh."},
	{"bash", LevelError, "Amplify runs every command in bash", "Install the package bash."},
	{"curl", LevelError, "Amplify fetches its own runner with it, and without it a build there fails with no output", "Install the package curl."},
	{"git", LevelError, "Amplify clones the repository with it", "Install the package git."},
	{"ssh", LevelError, "Amplify clones private repositories through it", "Install the OpenSSH client (openssh-client or openssh-clients)."},
	{"node", LevelWarning, "most builds need Node.js", "Install Node.js 22, or nvm with a default version that ~/.bashrc selects."},
	{"npm", LevelWarning, "most builds need npm", "Install npm; it comes with Node.js from nodejs.org and from nvm."},
	{"nvm", LevelWarning, "Amplify recommends it, and `nvm use` in a build specification fails without it", "Install nvm in /root/.nvm and load it in /root/.bashrc."},
	{"tar", LevelWarning, "Amplify recommends it", "Install the package tar."},
	{"wget", LevelWarning, "Amplify recommends it", "Install the package wget."},
	{"ca", LevelWarning, "no bundle of CA certificates was found, so programs cannot trust any HTTPS server", "Install the package ca-certificates."},
}

func (rep *Report) tool(t tool, want Want) {
	level, why := t.level, t.why
	if want.NeedNode && (t.key == "node" || t.key == "npm") {
		level, why = LevelError, "this build needs it"
	}
	switch value := rep.Facts[t.key]; {
	case value != "":
		rep.add(LevelOK, t.key, value, "")
	case t.key == "ca":
		rep.add(level, t.key, why, t.fix)
	default:
		rep.add(level, t.key, t.key+" is missing: "+why, t.fix)
	}
}

// machines maps uname's names to the names in platforms.
var machines = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

func (rep *Report) checkArch(want Want) {
	platform := want.Platform
	if platform == "" {
		platform = "linux/amd64"
	}
	arch, ok := machines[rep.Facts["arch"]]
	if !ok {
		arch = rep.Facts["arch"]
	}
	switch {
	case arch == "":
		rep.add(LevelWarning, "arch", "the architecture is unknown: the image has no uname", "Install coreutils or busybox.")
	case platform != "linux/"+arch && !strings.HasPrefix(platform, "linux/"+arch+"/"):
		rep.add(LevelError, "arch", fmt.Sprintf("the image runs as linux/%s, the build wants %s", arch, platform),
			"Pull or build the image for "+platform+".")
	default:
		rep.add(LevelOK, "arch", "linux/"+arch, "")
	}
}

// oldestGlibc is what the official Node.js programs need from version 18 on.
var oldestGlibc = [2]int{2, 28}

func (rep *Report) checkLibc() {
	libc := rep.Facts["libc"]
	flavour, version, _ := strings.Cut(libc, " ")
	switch {
	case flavour == "musl":
		rep.add(LevelError, "libc", libc+": Amplify needs glibc, and so do most programs that npm downloads",
			"Choose an image on Debian, Ubuntu or Amazon Linux in place of Alpine.")
	case flavour != "glibc":
		rep.add(LevelWarning, "libc", "the C library is unknown; Amplify needs glibc",
			"Choose an image with glibc, such as Debian, Ubuntu or Amazon Linux.")
	case olderGlibc(version):
		rep.add(LevelWarning, "libc", fmt.Sprintf("%s is older than 2.28: Node.js 18 and newer do not start", libc),
			"Choose a newer distribution, such as Debian 12 or Amazon Linux 2023.")
	default:
		rep.add(LevelOK, "libc", libc, "")
	}
}

// olderGlibc is false for versions it can't read: the probe may know only the
// flavour.
func olderGlibc(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	if errA != nil || errB != nil {
		return false
	}
	return a < oldestGlibc[0] || a == oldestGlibc[0] && b < oldestGlibc[1]
}

func (rep *Report) checkUser() {
	uid, home := rep.Facts["uid"], rep.Facts["home"]
	switch {
	case uid == "":
		rep.add(LevelWarning, "user", "the user is unknown: the image has no id", "Install coreutils or busybox.")
	case uid != "0":
		rep.add(LevelWarning, "user", fmt.Sprintf("the image runs as user %s; Amplify builds as root", uid),
			"Remove USER from the Dockerfile, or set it to root.")
	default:
		rep.add(LevelOK, "user", "root", "")
	}
	if home == "/root" {
		rep.add(LevelOK, "home", home, "")
		return
	}
	rep.add(LevelWarning, "home", fmt.Sprintf("HOME is %q; on Amplify it is /root, and nvm and npm keep their files there", home),
		"Set ENV HOME=/root in the Dockerfile.")
}

func (rep *Report) add(level Level, subject, message, fix string) {
	rep.Findings = append(rep.Findings, Finding{Level: level, Subject: subject, Message: message, Fix: fix})
}

func (rep *Report) close() Report {
	rep.OK = true
	for _, f := range rep.Findings {
		rep.OK = rep.OK && f.Level != LevelError
	}
	return *rep
}

// parseProbe reads the lines between the probe's own marks. Keys it does not
// know and second values are dropped.
func parseProbe(probe []byte) (facts map[string]string, complete bool) {
	facts = map[string]string{}
	if len(probe) > maxProbe {
		probe = probe[:maxProbe]
	}
	known := map[string]bool{}
	for _, k := range factKeys {
		known[k] = true
	}
	inside := false
	for line := range strings.Lines(string(probe)) {
		switch line = strings.TrimRight(line, "\r\n"); line {
		case "probe=begin":
			inside = true
			continue
		case "probe=end":
			return facts, inside
		}
		key, value, found := strings.Cut(line, "=")
		if !inside || !found || !known[key] || facts[key] != "" {
			continue
		}
		if value = printable(value, maxFact); value != "" {
			facts[key] = value
		}
	}
	return facts, false
}

// printable makes foreign text fit for a terminal and a table: one line, no
// control characters, at most limit characters.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit-1]) + "…"
	}
	return s
}
