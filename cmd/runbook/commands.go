package main

// commands lists the words of the command line, in the order in which a person needs them.
func (p program) commands() []command {
	return []command{
		p.runCommand(), p.resumeCommand(), p.listCommand(), p.showCommand(), p.graphCommand(), p.statusCommand(), p.runsCommand(),
		p.approveCommand(), p.denyCommand(), p.noteCommand(), p.reportCommand(), p.snapshotCommand(), p.validateCommand(), p.testCommand(), p.drillCommand(),
		p.recordCommand(), p.replayCommand(), p.initCommand(), p.importCommand(), p.kindsCommand(), p.schemaCommand(), p.doctorCommand(), p.completionCommand(),
	}
}
