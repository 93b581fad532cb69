package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"runbook/cmd/runbook/internal/prompt"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/reports"
	"runbook/steps/sandbox"
)

func (p program) doctorCommand() command {
	return command{
		name: "doctor", args: "[NAME]", about: "what this host gives to runbooks, and what it lacks",
		text:    "With a NAME, what this runbook needs as well. Nothing is changed. The exit code is 1 when something that is needed is not there.",
		example: "runbook doctor frontend-not-starting",
		flags:   []flag{dirFlag()},
		do:      p.doctor,
	}
}

// examination is what doctor finds.
type examination struct {
	screen.Screen
	problems int
}

func (x *examination) line(word, about, text string) {
	left := word + strings.Repeat(" ", 9-screen.Width(word)) + screen.Pad(about, 12)
	lines := screen.Indent(screen.Wrap(screen.Clean(text), x.Width-screen.Width(left)), left)
	switch word {
	case "PROBLEM":
		lines[0] = x.Paint.Bad(word) + lines[0][len(word):]
	case "note":
		lines[0] = x.Paint.Warn(word) + lines[0][len(word):]
	}
	_, _ = io.WriteString(x, strings.Join(lines, "\n")+"\n")
}

func (x *examination) ok(about, text string)   { x.line("ok", about, text) }
func (x *examination) note(about, text string) { x.line("note", about, text) }
func (x *examination) problem(about, text string) {
	x.problems++
	x.line("PROBLEM", about, text)
}

func (p program) doctor(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("", "only one runbook can be looked at at a time")
	}
	var plan *engine.Plan
	if c.NArg() == 1 {
		var err error
		if plan, err = p.toRead(c, c.Args().First()); err != nil {
			return err
		}
	}
	x := &examination{Screen: screen.New(p.stdout, p.getenv)}
	p.examineUser(x, plan)
	p.examineState(x)
	examineTerminal(x)
	examineSystemd(x, plan)
	examineSandbox(x)
	p.examineBooks(x, c)
	if plan != nil {
		examineNeeds(x, plan)
	} else {
		x.ok("editor", "runbook schema > runbook.schema.json gives editors the language")
	}
	if x.problems > 0 {
		return exitWith(exitFault)
	}
	return nil
}

func (p program) examineUser(x *examination, plan *engine.Plan) {
	who := p.person()
	switch {
	case who.UID == 0 && who.SudoUser != "":
		x.ok("user", "root, for "+who.SudoUser)
	case who.UID == 0:
		x.ok("user", "root; it is not known for whom, so runs name root")
	case plan != nil && plan.Runbook.Requires.Root:
		x.problem("user", who.User+", and this runbook must run as root: use sudo")
	default:
		x.note("user", who.User+": what only root may see is unknown, and changes that need root fail")
	}
}

func (p program) examineState(x *examination) {
	store, err := p.store()
	if err != nil {
		x.problem("journals", err.Error())
		return
	}
	dir, err := existing(store.Dir)
	if err == nil {
		err = unix.Access(dir, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		x.problem("journals", fmt.Sprintf("%s can't be written (%s): runs would be kept in memory, in %s, and lost with a restart", store.Dir, err, strings.Join(store.Fallbacks, " or ")))
		return
	}
	text := store.Dir
	var disk unix.Statfs_t
	if unix.Statfs(dir, &disk) == nil {
		free := int64(disk.Bavail) * disk.Bsize //nolint:gosec // a disk of 8 EiB is not yet made
		const little = 16 << 20
		if free < little {
			x.problem("journals", text+": only "+reports.Size(free)+" are free")
			return
		}
		text += ", " + reports.Size(free) + " free"
	}
	x.ok("journals", text)
}

// existing is the folder itself, or the nearest one above it that is there.
func existing(dir string) (string, error) {
	for {
		_, err := os.Stat(dir)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || dir == "/" {
			return dir, err
		}
		dir = filepath.Dir(dir)
	}
}

func examineTerminal(x *examination) {
	if !prompt.Here() {
		x.note("terminal", "there is none to ask on: changes need --yes or --confirm beforehand")
		return
	}
	x.ok("terminal", "there is one to ask on")
}

func examineSystemd(x *examination, plan *engine.Plan) {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		text := "it does not run on this host: steps on units are unknown or fail"
		if plan != nil && plan.Runbook.Requires.Systemd {
			x.problem("systemd", text)
			return
		}
		x.note("systemd", text)
		return
	}
	state, err := stateOf(dbus.NewSystemConnectionContext)
	if err == nil {
		x.ok("systemd", "it answers over D-Bus, and is "+state)
		return
	}
	if state, privateErr := stateOf(dbus.NewSystemdConnectionContext); privateErr == nil {
		x.note("systemd", "D-Bus does not answer ("+err.Error()+"); systemd does on its own socket, and is "+state)
		return
	}
	x.problem("systemd", "it runs, and does not answer: "+err.Error())
}

// stateOf asks systemd over a connection how it is: running, degraded, starting.
func stateOf(connect func(context.Context) (*dbus.Conn, error)) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	conn, err := connect(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	state, err := conn.SystemStateContext(ctx)
	if err != nil {
		return "", err
	}
	word, _ := state.Value.Value().(string)
	return word, nil
}

func examineSandbox(x *examination) {
	s := sandbox.Available()
	missing := s.Missing()
	switch {
	case !s.Enforceable():
		x.problem("sandbox", s.String()+"; commands that only read can't be held to it, and a dry run refuses them")
	case len(missing) > 0:
		x.note("sandbox", s.String())
		for _, m := range missing {
			x.line("", "", m.String())
		}
	default:
		x.ok("sandbox", s.String())
	}
}

func (p program) examineBooks(x *examination, c *cli.Context) {
	entries := p.shelf(c).List()
	bad := 0
	for _, e := range entries {
		if e.Err != nil {
			bad++
			x.problem("runbooks", e.Name+": "+whyUnread(e))
		}
	}
	if bad == 0 {
		x.ok("runbooks", count(len(entries), "runbook", "runbooks")+" found")
	}
}

// examineNeeds looks for what a runbook says that it needs, and the runbooks that it runs.
func examineNeeds(x *examination, plan *engine.Plan) {
	for _, c := range plan.Runbook.Requires.Commands {
		path, err := exec.LookPath(c.Value)
		if err != nil {
			x.problem("command", c.Value+" is not installed")
			continue
		}
		x.ok("command", path)
	}
	for _, param := range plan.Runbook.Params {
		if param.Default == nil && !param.Secret {
			x.note("parameter", param.Name.Value+" must be given: -p "+param.Name.Value+"=VALUE")
		}
	}
	for _, b := range plan.Books {
		examineNeeds(x, b)
	}
}
