package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"runbook/cmd/runbook/internal/ttytest"
)

// person sits at a terminal of 80 columns and does what a script says, a line each:
//
//	see TEXT       waits until the text has come, behind what was seen before
//	type TEXT      types it, and Enter
//	key C-c        presses a key: C-c, C-d
//	run COMMAND    somebody at another terminal runs a command, which must go well
//	fail COMMAND   the same, and it must not
//	hangup         the terminal goes away
//
// The program is the leader of a session with this terminal, and all its streams are the terminal.
type person struct {
	command   []string
	dir       string
	env       []string
	elsewhere func(line string) error

	*ttytest.Seat
}

func (p *person) follow(script string) (code int, err error) {
	if p.Seat, err = ttytest.Sit(); err != nil {
		return 0, err
	}
	tty, err := p.Open()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start: %w", err)
	}
	_ = tty.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		if err := p.act(line); err != nil {
			_ = cmd.Process.Kill()
			<-ended //nolint:errcheck // it was killed
			return 0, fmt.Errorf("%s: %w", line, err)
		}
	}
	select {
	case err = <-ended:
	case <-time.After(ttytest.Patience):
		_ = cmd.Process.Signal(syscall.SIGQUIT) // with its stacks on the screen
		<-ended                                 //nolint:errcheck // it was killed
		return 0, errors.New("the program does not end")
	}
	p.Over()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode(), nil
	}
	return 0, err
}

func (p *person) act(line string) error {
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch verb {
	case "see":
		return p.Next(rest)
	case "type":
		return p.Type(rest + "\r")
	case "key":
		key, ok := map[string]string{"C-c": "\x03", "C-d": "\x04"}[rest]
		if !ok {
			return errors.New("there is no such key")
		}
		return p.Type(key)
	case "run":
		return p.elsewhere(rest)
	case "fail":
		if p.elsewhere(rest) == nil {
			return errors.New("it went well")
		}
		return nil
	case "hangup":
		return p.Hangup()
	case "", "#":
		return nil
	}
	return errors.New("nobody knows how to do that")
}

var sequences = regexp.MustCompile("\x1b\\[[0-9;]*m")

// screen is what stands on the terminal in the end, without colours.
func (p *person) screen() string { return sequences.ReplaceAllString(p.Screen(), "") }
