package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/preamp-build/preamp/runner/engine"
	"github.com/preamp-build/preamp/runner/session"
)

// liveInstall brings packages to the versions that _LIVE_UPDATES names, in the build's own shell. An update that fails
// fails no build, as in the service.
func (b *build) liveInstall(ctx context.Context) error {
	for _, u := range b.plan.LiveUpdates {
		began := time.Now()
		res := LiveUpdateResult{LiveUpdate: u, From: b.versionOf(ctx, u)}
		b.send(LiveUpdateStarted{Update: u, From: res.From})
		exit, _, err := b.runCommand(ctx, liveCommand(u))
		if err == nil && !exit.Ended && exit.Code == 0 {
			res.OK, res.To = true, b.versionOf(ctx, u)
		} else {
			res.Why = liveFailure(u, exit, err)
		}
		res.Took = time.Since(began)
		b.result.LiveUpdates = append(b.result.LiveUpdates, res)
		b.send(LiveUpdateEnded{res})
		switch {
		case err != nil && !errors.Is(err, engine.ErrEnded):
			return err
		case exit.Interrupted:
			return interrupted(ctx)
		case exit.Ended || err != nil:
			return &Failure{Class: ClassEngine, Message: fmt.Sprintf("the build's shell ended while %s was updated", u.Pkg), Hint: "take it out of _LIVE_UPDATES"}
		}
	}
	return nil
}

func liveFailure(u LiveUpdate, exit engine.Exit, err error) string {
	program := "npm"
	if u.Type == "nvm" {
		program = "nvm"
	}
	switch {
	case err != nil:
		return err.Error()
	case exit.Interrupted:
		return "the build was stopped"
	case exit.Code == noProgram:
		return "the image has no " + program
	case exit.OOM:
		return program + " ran out of memory"
	}
	return fmt.Sprintf("%s ended with exit code %d", program, exit.Code)
}

// noProgram is what a shell gives for a command that it does not find.
const noProgram = 127

// npmPackage is what npm has to install for an update.
func npmPackage(u LiveUpdate) string {
	if name := npmPackages[u.Type]; name != "" {
		return name
	}
	return u.Pkg
}

// liveCommand is the command line that does an update. nvm changes the shell that it is run in, for all commands after it.
// npm is forced, because images also have programs that npm did not install and would not replace.
func liveCommand(u LiveUpdate) string {
	if u.Type == "nvm" {
		version := u.Version
		if version == "latest" {
			version = "node" // nvm's word for it
		}
		version = session.Quote(version)
		return fmt.Sprintf("nvm install %[1]s && nvm alias default %[1]s && nvm use %[1]s", version)
	}
	return "npm install --global --force --no-audit --no-fund " + session.Quote(npmPackage(u)+"@"+u.Version)
}

// versionOf is the version of a package that is there; "" where there is none, or nobody can tell.
func (b *build) versionOf(ctx context.Context, u LiveUpdate) string {
	command := `node --version 2>/dev/null`
	if u.Type != "nvm" {
		command = `node -p 'require(process.argv[1]).version' "$(npm root --global 2>/dev/null)/` + npmPackage(u) + `/package.json" 2>/dev/null`
	}
	var out bytes.Buffer
	exit, err := b.container.Run(ctx, command, writerFunc(func(p []byte) {
		out.Write(p[:min(len(p), maxVersion-out.Len())])
	}))
	if err != nil || exit.Code != 0 || exit.Ended {
		return "" // an engine that is lost shows with the next command
	}
	return strings.TrimPrefix(firstLine(out.String()), "v")
}

// maxVersion bounds what is kept of what a program says is its version.
const maxVersion = 256
