package netcheck

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"runbook/engine"
	"runbook/steps/internal/answer"
	"runbook/steps/internal/budget"
)

type dialInput struct {
	Address string          `json:"address" required:"true" is:"address" doc:"host:port to connect to by TCP, like 127.0.0.1:3000 or [::1]:3000"`
	Timeout engine.Duration `json:"timeout" default:"5s" doc:"how long to wait for an answer; silence for so long is one"`
}

type dialOutput struct {
	Reachable bool   `json:"reachable" doc:"somebody accepted the connection"`
	Error     string `json:"error" doc:"why not, in one word: refused, reset, timeout or unreachable; empty when reachable"`
	Detail    string `json:"detail" moves:"true" doc:"the error in full"`
	Remote    string `json:"remote" doc:"the address and port that accepted, which tells what a name stood for"`
	LatencyMS int    `json:"latency_ms" moves:"true" doc:"milliseconds until the answer, or until nobody waited any longer"`
}

func dialKind() engine.Definition[dialInput, dialOutput] {
	return engine.Definition[dialInput, dialOutput]{
		Name:   "net.dial",
		Effect: engine.Reads,
		Expect: "reachable",
		Doc: `Connects to a TCP port and closes the connection again.

A port that refuses, resets or stays silent is an answer: the check is unhealthy, and ` + "`error`" + ` says which. A name that
does not resolve, or no permission to ask, is none: the check is unknown.`,
		Example: "address: 127.0.0.1:3000\ntimeout: 2s",
		Check:   checkDial,
		Do:      dial,
	}
}

func checkDial(in dialInput) error {
	host, port, err := net.SplitHostPort(in.Address)
	if err != nil || host == "" {
		return fmt.Errorf("address %q is not host:port", in.Address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("address %q: its port is not between 1 and 65535", in.Address)
	}
	if in.Timeout <= 0 {
		return fmt.Errorf("timeout %s is not longer than nothing", time.Duration(in.Timeout))
	}
	return nil
}

func dial(ctx context.Context, in dialInput, t engine.Task) (dialOutput, error) {
	if t.As != "" {
		return dialOutput{}, engine.Failf(engine.Invalid, "dial %s: net.dial can't act as another user (%s)", in.Address, t.As)
	}
	dialer := net.Dialer{Timeout: time.Duration(in.Timeout)}
	start := time.Now()
	conn, err := dialer.DialContext(ctx, "tcp", in.Address)
	out := dialOutput{LatencyMS: int(time.Since(start).Milliseconds())}
	if err == nil {
		out.Reachable, out.Remote = true, conn.RemoteAddr().String()
		_ = conn.Close()
		return out, nil
	}
	word, failure := answer.Sort(ctx, err)
	out.Error, out.Detail = word, budget.Line(err.Error(), 512)
	return out, failure
}
