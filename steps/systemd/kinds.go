package systemd

import (
	"errors"

	"runbook/engine"
)

// Kinds gives the step kinds of this package. An error is a mistake of the program.
func Kinds() ([]engine.Kind, error) { return kindsOf(thisHost()) }

func kindsOf(h host) ([]engine.Kind, error) {
	define := []func(host) (engine.Kind, error){unitKind, journalKind, bootKind}
	for _, v := range verbs() {
		define = append(define, func(h host) (engine.Kind, error) { return verbKind(h, v) })
	}
	define = append(define, resetFailedKind, daemonReloadKind, enableKind, runKind, dropInKind)

	kinds := make([]engine.Kind, len(define))
	errs := make([]error, len(define))
	for i, f := range define {
		kinds[i], errs[i] = f(h)
	}
	return kinds, errors.Join(errs...)
}
