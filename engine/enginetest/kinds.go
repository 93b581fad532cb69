package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"runbook/engine"
)

// Kinds are step kinds in the image of the real ones: the same names, effects and main inputs and outputs. They can't
// be performed: Do fails with [engine.Missing].
func Kinds() engine.Kinds {
	return engine.Kinds{
		define(engine.Definition[unitInput, unitOutput]{
			Name: "systemd.unit", Effect: engine.Reads,
			Doc:     "Looks at a systemd unit.",
			Example: "unit: nginx.service",
		}),
		define(engine.Definition[journalInput, journalOutput]{
			Name: "systemd.journal", Effect: engine.Reads,
			Doc:     "Reads the systemd journal.",
			Example: "unit: nginx.service\nlines: 50",
			Check: func(in journalInput) error {
				if in.Lines < 1 || in.Lines > 10_000 {
					return fmt.Errorf("lines must be from 1 to 10000, not %d", in.Lines)
				}
				return nil
			},
		}),
		define(engine.Definition[unitInput, changeOutput]{
			Name: "systemd.restart", Effect: engine.Changes,
			Doc:     "Restarts a systemd unit, and waits until the job has ended.",
			Example: "unit: nginx.service",
		}),
		define(engine.Definition[dropinInput, changedOutput]{
			Name: "systemd.dropin", Effect: engine.Changes,
			Doc:     "Writes a drop-in file for a systemd unit.",
			Example: "unit: nginx.service\nname: 50-limits\nsections: {Service: [LimitNOFILE=65536]}",
		}),
		define(engine.Definition[listenersInput, listenersOutput]{
			Name: "net.listeners", Effect: engine.Reads,
			Doc:     "Lists the sockets that listen.",
			Example: "port: 3000",
		}),
		define(engine.Definition[dialInput, dialOutput]{
			Name: "net.dial", Effect: engine.Reads, Expect: "reachable",
			Doc:     "Connects by TCP.",
			Example: "address: 127.0.0.1:3000",
		}),
		define(engine.Definition[httpInput, httpOutput]{
			Name: "http.get", Effect: engine.Reads, Expect: "status > 0 and status < 400",
			Doc:     "Asks a web server.",
			Example: "url: http://127.0.0.1:3000/",
		}),
		define(engine.Definition[fileInput, fileOutput]{
			Name: "file.stat", Effect: engine.Reads,
			Doc:     "Looks at a file.",
			Example: "path: /etc/hosts",
		}),
		define(engine.Definition[writeInput, changedOutput]{
			Name: "file.write", Effect: engine.Changes,
			Doc:     "Writes a file.",
			Example: "path: /etc/motd\ntext: hello\nmode: \"0644\"",
		}),
		define(engine.Definition[buildInput, buildOutput]{
			Name: "pnpm.build", Effect: engine.Changes,
			Doc:     "Builds a project with pnpm.",
			Example: "dir: /var/www/app",
		}),
		define(engine.Definition[commandInput, commandOutput]{
			Name: "command", Effect: engine.Changes, MayRead: true,
			Doc:     "Runs a program, without a shell.",
			Example: "argv: [uptime]",
			Check: func(in commandInput) error {
				if len(in.Argv) == 0 || in.Argv[0] == "" {
					return errors.New("argv must name a program")
				}
				return nil
			},
		}),
		define(engine.Definition[scriptInput, commandOutput]{
			Name: "script", Effect: engine.Changes, MayRead: true,
			Doc:     "Runs a text with a shell.",
			Example: "text: uptime",
		}),
		define(engine.Definition[manualInput, answerOutput]{
			Name: "manual", Effect: engine.AsksYou,
			Doc:     "Tells a person what to do, and waits until it is done.",
			Example: "text: Plug the cable in.",
		}),
		define(engine.Definition[askInput, answerOutput]{
			Name: "ask", Effect: engine.AsksYou,
			Doc:     "Asks a person something.",
			Example: "text: Which build was the last that worked?",
		}),
		define(engine.Definition[escalateInput, escalateInput]{
			Name: "escalate", Effect: engine.EndsRun,
			Doc:     "Ends the run: a person has to go on.",
			Example: "to: platform team\nsay: The disk is broken.",
		}),
		define(engine.Definition[runbookInput, runbookOutput]{
			Name: "runbook", Effect: engine.RunsBook,
			Doc:     "Runs another runbook as one step.",
			Example: "name: disk-full",
		}),
	}
}

// define makes a kind of a definition that says everything but what it does.
func define[In, Out any](d engine.Definition[In, Out]) engine.Kind {
	d.Do = func(context.Context, In, engine.Task) (Out, error) {
		var out Out
		return out, engine.Failf(engine.Missing, "%s of enginetest does nothing", d.Name)
	}
	d.Describe = func(_ context.Context, in In, _ engine.Task) (engine.Description, error) {
		return engine.Description{Summary: strings.TrimSpace(fmt.Sprintf("%s %v", d.Name, in))}, nil
	}
	kind, err := engine.Define(d)
	if err != nil {
		panic(err) // a kind of this file is incomplete: every test that uses it would be worth nothing
	}
	return kind
}

type unitInput struct {
	Unit string `json:"unit" required:"true" is:"unit" doc:"full name of the unit"`
	User string `json:"user" is:"user" doc:"the user whose systemd it belongs to"`
}

type unitOutput struct {
	Load       string `json:"load" doc:"systemd's LoadState"`
	Active     string `json:"active" doc:"systemd's ActiveState"`
	Sub        string `json:"sub" doc:"systemd's SubState"`
	Result     string `json:"result" doc:"how it ended last"`
	Exists     bool   `json:"exists" doc:"systemd knows it"`
	Transient  bool   `json:"transient" doc:"it was made by systemd-run"`
	Restarts   int    `json:"restarts" doc:"how often systemd restarted it"`
	NeedReload bool   `json:"need_reload" doc:"its file is newer than what systemd holds"`
}

type changeOutput struct {
	Job    string `json:"job" doc:"how the job ended"`
	Active string `json:"active" doc:"systemd's ActiveState afterwards"`
}

type changedOutput struct {
	Changed bool `json:"changed" doc:"something was written"`
}

type journalInput struct {
	Unit     string          `json:"unit" is:"unit" doc:"only what this unit wrote"`
	Lines    int             `json:"lines" default:"100" doc:"how many entries to look at, 1 to 10000"`
	Since    engine.Duration `json:"since" doc:"not older than this"`
	Priority string          `json:"priority" enum:"emerg,alert,crit,err,warning,notice,info,debug" doc:"at least so severe"`
	Match    string          `json:"match" is:"regexp" doc:"a regular expression for the message"`
}

type journalOutput struct {
	Lines     []journalLine   `json:"lines" doc:"the entries, oldest first"`
	Count     int             `json:"count" doc:"how many match"`
	Found     map[string]bool `json:"found" doc:"for each signature whether an entry matches it"`
	Truncated bool            `json:"truncated" doc:"there may be more"`
}

type journalLine struct {
	At      string `json:"at" doc:"when, RFC 3339 in UTC"`
	Message string `json:"message" doc:"the text"`
}

type dropinInput struct {
	Unit     string              `json:"unit" required:"true" is:"unit" doc:"full name of the unit"`
	Name     string              `json:"name" required:"true" doc:"name of the file, without .conf"`
	Sections map[string][]string `json:"sections" doc:"for each section its settings, Key=Value"`
}

type listenersInput struct {
	Port     int    `json:"port" is:"port" doc:"the port, 1 to 65535"`
	Protocol string `json:"protocol" default:"tcp" enum:"tcp,udp" doc:"tcp or udp"`
}

type listenersOutput struct {
	Sockets []socket `json:"sockets" doc:"the sockets that listen"`
}

type socket struct {
	Address string  `json:"address" doc:"where it listens"`
	Family  string  `json:"family" doc:"ipv4 or ipv6"`
	Port    int     `json:"port" doc:"the port"`
	PID     *int    `json:"pid" doc:"the process, null when it can't be seen"`
	Process *string `json:"process" doc:"its name, null when it can't be seen"`
	Unit    *string `json:"unit" doc:"its systemd unit, null when it can't be seen"`
}

type dialInput struct {
	Address string          `json:"address" required:"true" is:"address" doc:"host:port"`
	Timeout engine.Duration `json:"timeout" default:"5s" doc:"how long to wait"`
}

type dialOutput struct {
	Reachable bool   `json:"reachable" doc:"somebody answered"`
	Error     string `json:"error" doc:"why not"`
}

type httpInput struct {
	URL     string            `json:"url" required:"true" is:"url" doc:"what to ask"`
	Method  string            `json:"method" default:"GET" enum:"GET,HEAD" doc:"how to ask"`
	Headers map[string]string `json:"headers" secret:"ok" doc:"headers to send"`
	Follow  bool              `json:"follow" doc:"follow redirects"`
	Timeout engine.Duration   `json:"timeout" default:"10s" doc:"how long to wait"`
}

type httpOutput struct {
	Status    int               `json:"status" doc:"the HTTP status, 0 when there was no answer"`
	Error     string            `json:"error" doc:"why there was none"`
	Body      string            `json:"body" doc:"the first 4 KiB"`
	Headers   map[string]string `json:"headers" doc:"the headers of the answer"`
	LatencyMS float64           `json:"latency_ms" doc:"milliseconds until the answer"`
}

type fileInput struct {
	Path string `json:"path" required:"true" is:"path" doc:"the file"`
}

type fileOutput struct {
	Exists bool   `json:"exists" doc:"it is there"`
	Size   int    `json:"size" doc:"bytes"`
	Mode   string `json:"mode" doc:"permissions in octal"`
	Owner  string `json:"owner" doc:"the user it belongs to"`
}

type writeInput struct {
	Path string `json:"path" required:"true" is:"path" doc:"the file"`
	Text string `json:"text" required:"true" doc:"what it will hold"`
	Mode string `json:"mode" default:"0644" doc:"permissions in octal"`
}

type buildInput struct {
	Dir    string            `json:"dir" required:"true" is:"path" doc:"the project's folder"`
	Script string            `json:"script" default:"build" doc:"the script of package.json"`
	Env    map[string]string `json:"env" secret:"ok" doc:"environment variables"`
}

type buildOutput struct {
	Exit       int `json:"exit" doc:"exit code"`
	DurationMS int `json:"duration_ms" doc:"milliseconds that it took"`
}

type commandInput struct {
	Argv  []string          `json:"argv" required:"true" doc:"the program and its arguments"`
	Dir   string            `json:"dir" is:"path" doc:"working directory"`
	Env   map[string]string `json:"env" secret:"ok" doc:"environment variables"`
	Stdin string            `json:"stdin" secret:"ok" doc:"standard input"`
}

type commandOutput struct {
	Exit   int    `json:"exit" doc:"exit code"`
	Stdout string `json:"stdout" doc:"the first 4 KiB"`
	Stderr string `json:"stderr" doc:"the first 4 KiB"`
}

type scriptInput struct {
	Text  string            `json:"text" required:"true" doc:"the script"`
	Shell string            `json:"shell" default:"/bin/sh" is:"path" doc:"what runs it"`
	Env   map[string]string `json:"env" secret:"ok" doc:"environment variables"`
}

type manualInput struct {
	Text string `json:"text" required:"true" doc:"what to do"`
}

type askInput struct {
	Text    string   `json:"text" required:"true" doc:"the question"`
	Choices []string `json:"choices" doc:"the answers there are"`
	Type    string   `json:"type" default:"string" enum:"string,int,number,bool" doc:"what an answer is"`
}

type answerOutput struct {
	Answer string `json:"answer" doc:"what was answered"`
	By     string `json:"by" doc:"who answered"`
}

type escalateInput struct {
	To  string `json:"to" required:"true" doc:"whom to call"`
	Say string `json:"say" required:"true" doc:"why"`
}

type runbookInput struct {
	Name   string         `json:"name" required:"true" doc:"the runbook to run"`
	Params map[string]any `json:"params" doc:"its parameters"`
}

type runbookOutput struct {
	Verdict  string            `json:"verdict" doc:"how it ended"`
	Findings map[string]string `json:"findings" doc:"for each of its findings: true, false or unknown"`
}
