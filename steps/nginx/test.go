package nginx

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/internal/hostcall"
)

type testInput struct {
	Config string `json:"config" is:"path" doc:"the configuration file, an absolute path; nginx's own when empty, like /etc/nginx/nginx.conf"`
}

func (in testInput) check() error {
	if in.Config != "" && !filepath.IsAbs(in.Config) {
		return fmt.Errorf("config %q is not absolute", in.Config)
	}
	return nil
}

type testOutput struct {
	OK       bool      `json:"ok" doc:"nginx found nothing that would keep it from taking this configuration, in all that could be tried"`
	Text     string    `json:"text" restates:"errors" doc:"the answer in one line for people: the first error, with file and line where nginx names them"`
	Errors   []message `json:"errors" doc:"what nginx found wrong, at most 20. It stops at the first error that keeps it from starting, so there may be more behind it"`
	Warnings []message `json:"warnings" doc:"what it found odd, at most 20"`
	Version  string    `json:"version" doc:"the program and its version, like nginx/1.22.1; empty when it did not say"`
	Untested string    `json:"untested" doc:"what could not be tried, because a check only reads or the user may not; empty when all was tried, or an error came first"`
}

func testKind() engine.Definition[testInput, testOutput] {
	return engine.Definition[testInput, testOutput]{
		Name:   "nginx.test",
		Effect: engine.Reads,
		Expect: "ok",
		Doc: `Tests nginx's configuration as ` + "`nginx -t`" + ` does, without what nginx -t writes.

nginx reads the whole configuration with all included files, certificates and keys, and looks up the names of upstreams.
What it would do next, opening its pid file and logs for writing, making directories and listening, a check may not do:
` + "`untested`" + ` says so, and nginx.reload does it before a reload. No ` + "`nginx -t`" + ` finds a port that another program holds.

Reading keys takes root. When the step's user may not read what root may, the check is unknown, and nothing is said about
the configuration. Names are looked up in files and DNS: one that only a local service knows (sssd, avahi) is not found.`,
		Example: "config: /etc/nginx/nginx.conf",
		Check:   testInput.check,
		Do: func(ctx context.Context, in testInput, t engine.Task) (testOutput, error) {
			return test(ctx, in.Config, t)
		},
	}
}

// test runs nginx -t, in the sandbox when the task asks for it.
func test(ctx context.Context, config string, t engine.Task) (testOutput, error) {
	user, err := userOf(t)
	if err != nil {
		return testOutput{}, sorted("test nginx's configuration", err)
	}
	h := hearing{user: user.Name, root: user.UID == 0, sandboxed: t.Sandboxed}
	exit, err := process{argv: testArgv(config), evidence: "nginx-test", to: &h.listener}.run(ctx, t)
	if err != nil {
		return testOutput{}, sorted("test nginx's configuration", err)
	}
	if exit.Signal != "" {
		return testOutput{}, engine.Failf(engine.Exit, "test nginx's configuration: nginx was ended by the signal %s", exit.Signal)
	}
	h.code = exit.Code
	h.may = mayOutside
	return hostcall.Look(ctx, t.As, h.verdict)
}

func testArgv(config string) []string {
	argv := []string{"nginx", "-v", "-t"}
	if config != "" {
		argv = append(argv, "-c", config)
	}
	return argv
}

// userOf is who performs a task.
func userOf(t engine.Task) (run.User, error) {
	if t.As == "" {
		return run.CurrentUser()
	}
	return run.LookupUser(t.As)
}

// sorted gives an error of package run its kind of failure.
func sorted(doing string, err error) error {
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if e, ok := errors.AsType[*run.Error](err); ok {
		return engine.Fail(engine.FailureKind(e.Kind), wrapped)
	}
	return engine.FailureOf(wrapped)
}
