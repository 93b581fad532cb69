package host

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A Probe is one question about the host and its answer on a healthy one. Its script runs inside, as root, and prints
// the answer in words; it asks tools that have nothing to do with the engine.
type Probe struct {
	Name    string
	Asks    string // what the answer means
	Healthy string
	Script  string
}

// Probes returns all questions, in the order in which Health shows them.
func Probes() []Probe {
	return []Probe{
		{"systemd", "does PID 1 answer systemctl", "answers", `
			timeout 5 systemctl show --property=Version >/dev/null 2>&1 && echo answers || echo "does not answer"`},
		{"dbus", "does the message bus answer", "answers", `
			timeout 5 busctl --timeout=3 call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetId \
				>/dev/null 2>&1 && echo answers || echo "does not answer"`},
		{"launcher", "state of dixis-frontend-launcher.service", "active (exited)", unitState("dixis-frontend-launcher")},
		{"transient", "state of dixis-frontend-prod.service", "active (running)", unitState("dixis-frontend-prod")},
		{"port 3000", "who listens on port 3000", "127.0.0.1:3000 next-server", `
			ss -H -lntp "sport = :3000" | awk '{ split($6, user, "\""); print $4, user[2] }' | sort | paste -sd, |
				sed "s/^$/nobody/"`},
		{"/products", "the page on 127.0.0.1:3000", "200", page("/products", "dixis products")},
		{"/orders", "the page on 127.0.0.1:3000", "200", page("/orders", "dixis orders")},
		{"build", "is .next/BUILD_ID there", "present", `
			[ -s /var/www/dixis/frontend/.next/BUILD_ID ] && echo present || echo missing`},
		{"disk", "room on /: full is under 64 MiB", "room", `
			[ "$(df --output=avail --block-size=1M / | tail -n 1)" -ge 64 ] && echo room || echo full`},
	}
}

// unitState prints "active (running)" and the like, "failed (signal)" with the result instead of the sub state, and
// the load state alone for a unit that is not loaded: "not-found", "masked".
func unitState(unit string) string {
	return `
		ActiveState=unknown LoadState=loaded SubState=
		eval "$(timeout 5 systemctl show --property=LoadState,ActiveState,SubState,Result ` + unit + ` 2>/dev/null)"
		[ "$ActiveState" != failed ] || SubState=$Result
		[ "$LoadState" = loaded ] && echo "$ActiveState${SubState:+ ($SubState)}" || echo "$LoadState"`
}

// page prints the status that the path is answered with, and says so when the answer is not our app's.
func page(path, text string) string {
	return `
		body=$(curl --silent --max-time 5 --write-out '\n%{http_code}' http://127.0.0.1:3000` + path + `)
		status=${body##*
}
		case $status in
		000) echo "no answer" ;;
		200) case $body in *"` + text + `"*) echo 200 ;; *) echo "200, not our page" ;; esac ;;
		*) echo "$status" ;;
		esac`
}

// Reading is the answer to one probe.
type Reading struct {
	Probe Probe
	Value string
}

// Health is what all probes say, in their order.
type Health []Reading

// Healthy says whether every answer is the healthy one.
func (h Health) Healthy() bool {
	for _, r := range h {
		if r.Value != r.Probe.Healthy {
			return false
		}
	}
	return true
}

// Value returns the answer to the named probe, "" when there is no such probe.
func (h Health) Value(probe string) string {
	for _, r := range h {
		if r.Probe.Name == probe {
			return r.Value
		}
	}
	return ""
}

// String is a table, one line a probe, that marks what is not healthy.
func (h Health) String() string {
	var b strings.Builder
	for _, r := range h {
		if r.Value == r.Probe.Healthy {
			fmt.Fprintf(&b, "ok   %-10s %s\n", r.Probe.Name, r.Value)
		} else {
			fmt.Fprintf(&b, "BAD  %-10s %s (healthy: %s)\n", r.Probe.Name, r.Value, r.Probe.Healthy)
		}
	}
	return b.String()
}

// Check asks all probes.
func (h *Host) Check(ctx context.Context) Health {
	var health Health
	for _, p := range Probes() {
		health = append(health, Reading{p, h.ask(ctx, p)})
	}
	return health
}

func (h *Host) ask(ctx context.Context, p Probe) string {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	out, err := h.Run(ctx, "/bin/sh", "-c", p.Script)
	if err != nil {
		return "could not look: " + err.Error()
	}
	return strings.TrimSpace(out)
}

// healthy is what a host shows that nobody has broken.
func healthy() Shows {
	shows := Shows{}
	for _, p := range Probes() {
		shows[p.Name] = p.Healthy
	}
	return shows
}

// Shows names probes and the answers that they must give.
type Shows map[string]string

// await waits until the host shows what it must, and says what it shows instead when that never comes.
func (h *Host) await(ctx context.Context, want Shows) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var differs string
	for ctx.Err() == nil {
		now := h.differs(ctx, want)
		if now == "" {
			return nil
		}
		if ctx.Err() == nil { // else it is only the end of our patience that was seen
			differs = now
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("wait for the host: %s", differs)
}

// differs names the first probe that does not answer as wanted, "" when all do.
func (h *Host) differs(ctx context.Context, want Shows) string {
	for _, p := range Probes() {
		value, wanted := want[p.Name]
		if !wanted {
			continue
		}
		if got := h.ask(ctx, p); got != value {
			return fmt.Sprintf("%s is %q, not %q", p.Name, got, value)
		}
	}
	return ""
}
