// Lab boots disposable Debian 12 hosts with a real systemd, frontend, backend and nginx, breaks them and says how they are.
// See README.md beside this file; the work is done in package host.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/lab/host"
	"runbook/lab/image"
)

const (
	exitError     = 1
	exitUsage     = 2
	exitUnhealthy = 3

	defaultName = "lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := app().RunContext(ctx, os.Args)
	stop()
	if exit, ok := errors.AsType[cli.ExitCoder](err); ok {
		if exit.Error() != "" {
			fmt.Fprintln(os.Stderr, "lab: "+exit.Error())
		}
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab: "+err.Error())
		os.Exit(exitError)
	}
}

func app() *cli.App {
	usageError := func(_ *cli.Context, err error, _ bool) error { return cli.Exit(err.Error(), exitUsage) }
	lab := &cli.App{
		Name:           "lab",
		Usage:          "disposable Debian 12 hosts with a real systemd, to break and to repair",
		HideVersion:    true,
		Flags:          []cli.Flag{&cli.PathFlag{Name: "cache", Usage: "folder of images and hosts (default: runbook-lab in the user's cache)"}},
		ExitErrHandler: func(*cli.Context, error) {}, // main does it
		OnUsageError:   usageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return cli.Exit("no command "+strconv.Quote(c.Args().First())+"; `lab help` lists them", exitUsage)
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			{Name: "up", ArgsUsage: "[NAME]", Usage: "boot a host; the first time, build its image", Action: up},
			{
				Name: "down", ArgsUsage: "[NAME]", Usage: "remove a host", Action: down,
				Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "all that no running test owns"}},
			},
			{Name: "shell", ArgsUsage: "[NAME]", Usage: "a shell on the host", Action: shell},
			{Name: "exec", ArgsUsage: "NAME -- ARGV…", Usage: "run a command on the host; exits as the command did", Action: execute},
			{Name: "copy", ArgsUsage: "NAME SOURCE TARGET", Usage: "copy a file to the host", Action: copyIn},
			{Name: "break", ArgsUsage: "NAME FAULT…", Usage: "break the host; returns when it is broken", Action: breakIt},
			{Name: "check", ArgsUsage: "[NAME]", Usage: "say how the host is; exits 3 when something is not healthy", Action: check},
			{Name: "reboot", ArgsUsage: "[NAME]", Usage: "power-cut the host and boot it again from its disk", Action: reboot},
			{Name: "faults", Usage: "list what break knows", Action: faults},
			{Name: "list", Usage: "list hosts", Action: list},
			{Name: "clean", Usage: "remove all hosts and images", Action: clean},
		},
	}
	for _, command := range lab.Commands {
		command.OnUsageError = usageError
	}
	return lab
}

func up(c *cli.Context) error {
	began := time.Now()
	h, err := host.Boot(c.Context, host.Options{Name: name(c), Cache: c.Path("cache"), Log: os.Stderr, Keep: true})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "lab: %s is up and healthy after %.1f s; enter it with: lab shell %s\n",
		h.Name, time.Since(began).Seconds(), h.Name)
	return nil
}

func down(c *cli.Context) error {
	if !c.Bool("all") {
		return host.Remove(c.Context, c.Path("cache"), name(c))
	}
	hosts, err := host.List(c.Path("cache"))
	if err != nil {
		return err
	}
	for _, h := range hosts {
		if h.Owned {
			fmt.Fprintf(os.Stderr, "lab: %s belongs to a running process and stays\n", h.Name)
			continue
		}
		if err := host.Remove(c.Context, c.Path("cache"), h.Name); err != nil {
			return err
		}
	}
	return nil
}

func shell(c *cli.Context) error {
	return attach(c, name(c), []string{"/bin/bash", "--login"})
}

func execute(c *cli.Context) error {
	argv := c.Args().Tail()
	if len(argv) > 0 && argv[0] == "--" {
		argv = argv[1:]
	}
	if len(argv) == 0 {
		return cli.Exit("usage: lab exec NAME -- ARGV…", exitUsage)
	}
	return attach(c, c.Args().First(), argv)
}

func attach(c *cli.Context, name string, argv []string) error {
	h, err := host.Open(c.Path("cache"), name)
	if err != nil {
		return err
	}
	err = run(h.Command(c.Context, argv...))
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code := exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			code = 128 + int(status.Signal())
		}
		return cli.Exit("", code)
	}
	return err
}

func copyIn(c *cli.Context) error {
	if c.NArg() != 3 {
		return cli.Exit("usage: lab copy NAME SOURCE TARGET", exitUsage)
	}
	h, err := host.Open(c.Path("cache"), c.Args().First())
	if err != nil {
		return err
	}
	source, target := c.Args().Get(1), c.Args().Get(2)
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(source); err == nil {
		mode = info.Mode()
	}
	return h.CopyIn(c.Context, source, target, mode)
}

func breakIt(c *cli.Context) error {
	if c.NArg() < 2 {
		return cli.Exit("usage: lab break NAME FAULT…; `lab faults` lists them", exitUsage)
	}
	h, err := host.Open(c.Path("cache"), c.Args().First())
	if err != nil {
		return err
	}
	for _, fault := range c.Args().Tail() {
		if err := h.Break(c.Context, fault); err != nil {
			return err
		}
	}
	return nil
}

func check(c *cli.Context) error {
	h, err := host.Open(c.Path("cache"), name(c))
	if err != nil {
		return err
	}
	health := h.Check(c.Context)
	if _, err := fmt.Fprint(c.App.Writer, health); err != nil {
		return err
	}
	if !health.Healthy() {
		return cli.Exit("", exitUnhealthy)
	}
	return nil
}

func reboot(c *cli.Context) error {
	h, err := host.Open(c.Path("cache"), name(c))
	if err != nil {
		return err
	}
	return h.Reboot(c.Context)
}

func faults(c *cli.Context) error {
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	for _, f := range host.Faults() {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", f.Name, f.Summary)
	}
	return w.Flush()
}

func list(c *cli.Context) error {
	hosts, err := host.List(c.Path("cache"))
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	for _, h := range hosts {
		state := map[bool]string{true: "up", false: "dead"}[h.Up]
		owner := map[bool]string{true: "closed by the process that booted it", false: "until lab down"}[h.Owned]
		_, _ = fmt.Fprintf(w, "%s\t%s\tfor %s\t%s\n", h.Name, state, time.Since(h.Since).Round(time.Second), owner)
	}
	return w.Flush()
}

func clean(c *cli.Context) error {
	hosts, err := host.List(c.Path("cache"))
	if err != nil {
		return err
	}
	for _, h := range hosts {
		if h.Owned {
			return errors.New("clean the cache: the host " + strconv.Quote(h.Name) + " belongs to a running process")
		}
		if err := host.Remove(c.Context, c.Path("cache"), h.Name); err != nil {
			return err
		}
	}
	cache := c.Path("cache")
	if cache == "" {
		if cache, err = image.CacheDir(); err != nil {
			return err
		}
	}
	return image.Remove(cache)
}

func name(c *cli.Context) string {
	if c.Args().Present() {
		return c.Args().First()
	}
	return defaultName
}
