package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/journal"
	"runbook/internal/supervisor"
	"runbook/runbooks"
	"runbook/steps"
)

// program is one call of the command line, with everything that it touches.
type program struct {
	args           []string
	stdout, stderr io.Writer
	getenv         func(string) string
}

// run does what the command line says, and gives the exit code.
func (p program) run() int {
	if len(p.args) > 1 {
		switch p.args[1] {
		case "--version", "-version", "version":
			_, _ = fmt.Fprintf(p.stdout, "runbook %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return exitOK
		case supervisor.Name:
			if err := p.supervise(p.args[2:]); err != nil {
				return p.failed(err)
			}
			return exitOK
		case completeName:
			p.complete(p.args[2:])
			return exitOK
		}
	}
	commands := p.commands()
	args, help, err := arrange(p.args, commands)
	switch {
	case err != nil:
	case help != "" || len(args) < 2 || args[1] == "--help" || args[1] == "-h":
		err = p.help(help, commands)
	default:
		err = p.app(commands).Run(args)
	}
	if err != nil {
		return p.failed(err)
	}
	return exitOK
}

// version is that of the module, as the build has recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// app hands a command line to the library, which parses flags and calls the command. What it would print by itself, and
// how it would end the program, is this package's business.
func (p program) app(commands []command) *cli.App {
	app := &cli.App{
		Name: "runbook", HideHelp: true, HideVersion: true, Writer: p.stderr, ErrWriter: p.stderr,
		DisableSliceFlagSeparator: true, // a value may have a comma in it
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return badFlag("", nil, err) },
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" && name != "help" {
				return p.noCommand(name, commands)
			}
			return p.help(c.Args().Get(1), commands)
		},
	}
	for _, cmd := range commands {
		app.Commands = append(app.Commands, &cli.Command{
			Name: cmd.name, Flags: cmd.cliFlags(), HideHelp: true,
			OnUsageError: func(_ *cli.Context, err error, _ bool) error { return badFlag(cmd.name, cmd.flags, err) },
			Action:       cmd.do,
		})
	}
	return app
}

// kinds lists the step kinds. They are made when a command needs them, not at every start.
func (p program) kinds() (engine.Kinds, error) {
	all, err := steps.All()
	if err != nil {
		return nil, err
	}
	return all, nil
}

// shelf is where runbooks are looked for.
func (p program) shelf(c *cli.Context) books.Shelf {
	var dirs []string
	if c != nil && c.IsSet("dir") {
		dirs = append(dirs, c.String("dir"))
	}
	return books.Shelf{Dirs: append(dirs, "runbooks", "/etc/runbook/runbooks"), Shipped: runbooks.FS, Root: os.Geteuid() == 0}
}

// store is where the runs of this user are: by custom, or in $RUNBOOK_STATE.
func (p program) store() (journal.Store, error) {
	home, _ := os.UserHomeDir()
	s, err := p.elsewhere(journal.UserStore(os.Geteuid(), home, p.getenv))
	if err == nil && !filepath.IsAbs(s.Dir) {
		return s, usagef("", "there is no place to keep runs in: set HOME or XDG_STATE_HOME")
	}
	return s, err
}

// toRun finds a runbook that is to be run, and makes a plan of it. Its mistakes are printed.
func (p program) toRun(c *cli.Context, name string) (*engine.Plan, error) {
	return p.load(p.shelf(c), name)
}

// toRead is toRun for those who only want to look at it: that runs nothing, so whoever may have written it.
func (p program) toRead(c *cli.Context, name string) (*engine.Plan, error) {
	shelf := p.shelf(c)
	shelf.Root = false
	return p.load(shelf, name)
}

func (p program) load(shelf books.Shelf, name string) (*engine.Plan, error) {
	kinds, err := p.kinds()
	if err != nil {
		return nil, err
	}
	book, err := p.find(shelf, name)
	if err != nil {
		return nil, err
	}
	v := newValidation(shelf.Beside(book), kinds)
	plan := v.load(book)
	if plan == nil {
		_, _ = io.WriteString(p.stderr, v.rendered()+"\n")
		return nil, usagef("see also: runbook validate "+name, "load runbook %s: %s; nothing was run", book.Name, count(len(v.found), "mistake", "mistakes"))
	}
	return plan, nil
}

// find finds a runbook for a command. That there is none is a mistake in the command line.
func (p program) find(shelf books.Shelf, name string) (books.Book, error) {
	book, err := shelf.Find(name)
	switch e, unknown := errors.AsType[*books.UnknownError](err); {
	case unknown && isFile(name+".yaml"):
		return book, usagef(fmt.Sprintf("there is a %s.yaml here: runbook %s ./%s.yaml", name, p.args[1], name), "%s", err)
	case unknown && e.Near == "":
		return book, usagef("runbook list shows those that are there", "%s", err)
	case unknown, errors.Is(err, fs.ErrNotExist):
		return book, usagef("", "%s", err)
	}
	return book, err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// person is the user who called, and the person behind a sudo.
func (p program) person() engine.Who {
	w := engine.Who{UID: os.Geteuid(), User: strconv.Itoa(os.Geteuid())}
	if u, err := user.LookupId(strconv.Itoa(w.UID)); err == nil {
		w.User = u.Username
	}
	if w.UID == 0 {
		w.SudoUser = p.getenv("SUDO_USER")
	}
	if tty, err := os.Readlink("/proc/self/fd/2"); err == nil && strings.HasPrefix(tty, "/dev/") && tty != "/dev/null" {
		w.TTY = strings.TrimPrefix(tty, "/dev/")
	}
	w.SSH, _, _ = strings.Cut(p.getenv("SSH_CONNECTION"), " ")
	return w
}

// screen is where people read.
func (p program) screen() screen.Screen { return screen.New(p.stderr, p.getenv) }

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
