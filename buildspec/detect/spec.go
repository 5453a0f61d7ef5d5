package detect

// Spec returns the amplify.yml that the service itself would generate for the application. The text is the same for the
// same Project, byte for byte, has no errors for buildspec.Parse, and ends in a line break. What the service generates is
// not published in full: guesses.go says what is known.
//
// For a repository that was looked at from its root and has applications in folders, it holds all of them.
func (p Project) Spec() []byte {
	plans := []plan{p.servicePlan()}
	for _, o := range p.others {
		plans = append(plans, o.servicePlan())
	}
	return document(plans)
}

func (p Project) servicePlan() plan {
	pl := plan{
		appRoot: p.AppRoot, buildPath: p.BuildPath, consoleOrder: true,
		base: step{text: p.OutputDir}, cache: nil,
	}
	for _, c := range p.CachePaths {
		pl.cache = append(pl.cache, step{text: c})
	}
	install := p.InstallCommand
	if p.Backend == Gen2 && install == p.manager().install && p.PackageManager == "npm" {
		install = cachedInstall
	}
	if install != "" {
		pl.preBuild = append(steps(p.Setup...), step{text: install})
	}
	if p.BuildCommand != "" {
		pl.build = steps(p.BuildCommand)
	} else {
		pl.whyBuild = []string{verifyCommands}
	}
	if !p.OutputKnown || p.OutputDir == "/" {
		pl.base.why = []string{verifyOutput}
	}
	switch p.Backend {
	case Gen1:
		pl.backend = steps(gen1Backend...)
	case Gen2:
		// The templates of Gen 2 install for both sections at once.
		pl.backend = append(pl.preBuild, step{text: "npx " + gen2Deploy})
		pl.preBuild = nil
	}
	return pl
}
