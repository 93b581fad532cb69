// Package pm2 holds the step kinds that look at the processes which pm2 keeps for a user, read their logs, bring them back,
// restart them, and save the list of them.
//
// A check never starts a daemon, as every command of pm2 does when there is none. It asks the daemon itself, over its
// socket (PM2_HOME/rpc.sock), and believes the kernel about who answers there: the pid file is not read, so a stale one
// can't mislead. No daemon is an answer. A daemon that is alive and does not answer is a failure to look, and never an
// empty list.
//
// A restart goes the same way, so that it can reach the processes it names and nothing else: `pm2 restart NAME` takes
// names for patterns, numbers and files too. What only pm2's program can do (start a daemon, fill it, save its list) is
// done by the program, as the user whose pm2 it is, in that user's home. Its exit code proves nothing: every change is
// judged by looking afterwards.
//
// What pm2 says of a process holds the whole environment of it, secrets included. Nothing but fields that are pm2's own
// leaves this package, neither as output nor as evidence. The package never writes below PM2_HOME itself.
package pm2

import (
	"errors"
	"time"

	"runbook/engine"
)

// Kinds gives the step kinds of this package. An error is a mistake of the program.
func Kinds() ([]engine.Kind, error) {
	return kindsOf(host{root: "/", answer: 5 * time.Second, patience: 15 * time.Second})
}

func kindsOf(h host) ([]engine.Kind, error) {
	define := []func(host) (engine.Kind, error){listKind, logsKind, resurrectKind, restartKind, startKind, saveKind}
	kinds := make([]engine.Kind, len(define))
	errs := make([]error, len(define))
	for i, f := range define {
		kinds[i], errs[i] = f(h)
	}
	return kinds, errors.Join(errs...)
}
