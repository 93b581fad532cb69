// Package nginx holds the step kinds that test nginx's configuration and make a running nginx take it.
//
// nginx.test runs `nginx -t`, which is not a pure look: it makes log files, a pid file and directories. As a check it
// runs in the read sandbox, where it reads the whole configuration and can do none of that. The kind tells what nginx
// found wrong from what the sandbox, or a missing right, kept it from trying.
//
// nginx.reload believes no exit code: nginx takes the signal, and may go on with its old configuration. It looks at the
// worker processes, and says what nginx wrote into its error log when they are still the old ones.
//
// The package never starts or stops nginx, never edits its files, and sends no signal to an nginx that runs in a
// container or with another configuration than the one it was asked about.
package nginx

import (
	"errors"

	"runbook/engine"
)

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	test, testErr := engine.Define(testKind())
	reload, reloadErr := engine.Define(reloadKind())
	return []engine.Kind{test, reload}, errors.Join(testErr, reloadErr)
}
