package netcheck_test

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/netcheck"
	"runbook/steps/stepstest"
)

const aHostsFile = `# a comment
127.0.0.1 localhost
::1       localhost ip6-localhost
10.0.0.5  Dixis.gr www.dixis.gr. # the site
2001:db8::5 only6
not-an-address wrong
10.0.0.6
`

func TestLookupInHosts(t *testing.T) {
	if !alone(t) {
		return
	}
	settle(t, "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n")
	server := answerNames(t)
	for _, tt := range []struct {
		name, kind string
		want       []any
	}{
		{"dixis.gr", "any", []any{"10.0.0.5"}},
		{"DIXIS.GR.", "a", []any{"10.0.0.5"}},
		{"www.dixis.gr", "any", []any{"10.0.0.5"}},
		{"localhost", "any", []any{"127.0.0.1", "::1"}},
		{"localhost", "aaaa", []any{"::1"}},
		{"only6", "a", []any{}},
		{"wrong", "any", []any{}},
		{"here.test", "any", []any{}},
	} {
		out := lookUp(t, map[string]any{"name": tt.name, "type": tt.kind, "from": "hosts"})
		source := "hosts"
		if len(tt.want) == 0 {
			source = ""
		}
		want := map[string]any{"found": len(tt.want) > 0, "addresses": tt.want, "source": source}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("%s %s: %s", tt.name, tt.kind, diff)
		}
	}
	// What /etc/hosts has is not asked for, not even for its other family.
	for _, name := range []string{"dixis.gr", "only6"} {
		lookUp(t, map[string]any{"name": name, "type": "a"})
	}
	if asked := server.asked(); len(asked) > 0 {
		t.Errorf("the resolver was asked for %v", asked)
	}
	must(t, os.Remove("/etc/hosts"))
	if out := lookUp(t, map[string]any{"name": "localhost", "from": "hosts"}); out["found"] != false {
		t.Errorf("have %v", out)
	}
}

func TestLookupAsksTheResolver(t *testing.T) {
	if !alone(t) {
		return
	}
	settle(t, "nameserver 127.0.0.1\nsearch here.test\noptions attempts:1 timeout:1 single-request\n")
	answerNames(t)
	for _, tt := range []struct {
		name, kind string
		want       []any
	}{
		{"here.test", "any", []any{"192.0.2.7", "192.0.2.9", "2001:db8::7"}},
		{"here.test", "a", []any{"192.0.2.7", "192.0.2.9"}},
		{"here.test", "aaaa", []any{"2001:db8::7"}},
		{"www", "a", []any{"192.0.2.8"}},                       // by the search domain
		{"www.", "a", []any{}},                                 // not by it
		{"four.test", "aaaa", []any{}},                         // the name is there, the address is not
		{"nowhere.test", "any", []any{}},                       // no such name
		{"half.test", "aaaa", []any{}},                         // what is asked was answered
		{"lame6.test", "any", []any{"192.0.2.7", "192.0.2.9"}}, // one family is enough
	} {
		out := lookUp(t, map[string]any{"name": tt.name, "type": tt.kind})
		source := "resolver"
		if len(tt.want) == 0 {
			source = ""
		}
		want := map[string]any{"found": len(tt.want) > 0, "addresses": tt.want, "source": source}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("%s %s: %s", tt.name, tt.kind, diff)
		}
	}
	for name, want := range map[string]engine.FailureKind{
		"broken.test": engine.Unreachable,
		"half.test":   engine.Unreachable, // no IPv6 address, and nobody knows about IPv4
		"silent.test": engine.Timeout,
	} {
		task, _ := stepstest.Task()
		_, err := dnsLookup(t).Do(t.Context(), map[string]any{"name": name}, task)
		if f := engine.FailureOf(err); f == nil || f.Kind != want || !strings.Contains(f.Message, "resolve "+name+": ask 127.0.0.1:53") {
			t.Errorf("%s: have %v", name, f)
		}
	}
}

// An entry that was removed a moment ago must not be found for as long as the standard library remembers it.
func TestLookupForgetsARemovedEntry(t *testing.T) {
	if !alone(t) {
		return
	}
	settle(t, "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n")
	answerNames(t)
	lookUp(t, map[string]any{"name": "here.test"}) // now it remembers
	must(t, os.WriteFile("/etc/hosts", []byte("127.0.0.1 localhost\n"), 0o644))
	for _, name := range []string{"dixis.gr", "only6"} {
		out := lookUp(t, map[string]any{"name": name, "type": "a"})
		if out["found"] != false {
			t.Errorf("%s: have %v", name, out)
		}
	}
}

// A host without a resolver can't say that there is no such name, unless /etc/hosts alone is asked.
func TestLookupWithoutAResolver(t *testing.T) {
	if !alone(t) {
		return
	}
	settle(t, "")
	must(t, os.Remove("/etc/resolv.conf"))
	task, _ := stepstest.Task()
	_, err := dnsLookup(t).Do(t.Context(), map[string]any{"name": "nowhere.test"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Unreachable || !strings.Contains(f.Message, "refused") {
		t.Errorf("have %v", f)
	}
	if out := lookUp(t, map[string]any{"name": "dixis.gr"}); out["found"] != true {
		t.Errorf("have %v", out)
	}
	if out := lookUp(t, map[string]any{"name": "nowhere.test", "from": "hosts"}); out["found"] != false {
		t.Errorf("have %v", out)
	}
}

func TestLookupThatIsCancelled(t *testing.T) {
	if !alone(t) {
		return
	}
	settle(t, "nameserver 127.0.0.1\noptions attempts:1 timeout:30\n")
	server := answerNames(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		server.wait("silent.test.")
		cancel()
	}()
	task, _ := stepstest.Task()
	_, err := dnsLookup(t).Do(ctx, map[string]any{"name": "silent.test"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled {
		t.Errorf("have %v", f)
	}
}

func TestLookupRefuses(t *testing.T) {
	for _, name := range []string{"", ".", "a..b", "127.0.0.1", "::1", "exa mple", "δίξις.gr", "a/b", strings.Repeat("a.", 127) + "ab", strings.Repeat("a", 64)} {
		if f := engine.FailureOf(dnsLookup(t).Check(map[string]any{"name": name})); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%q: have %v", name, f)
		}
	}
	for _, name := range []string{"localhost", "dixis.gr.", "_x._tcp.a-b.c", strings.Repeat("a.", 126) + "a"} {
		must(t, dnsLookup(t).Check(map[string]any{"name": name}))
	}
	task, _ := stepstest.Task()
	task.As = "nobody"
	if _, err := dnsLookup(t).Do(t.Context(), map[string]any{"name": "localhost"}, task); engine.FailureOf(err) == nil {
		t.Error("as was ignored")
	}
}

func dnsLookup(t *testing.T) engine.Kind {
	t.Helper()
	return stepstest.Kind(t, netcheck.Kinds, "dns.lookup")
}

func lookUp(t *testing.T, with map[string]any) map[string]any {
	t.Helper()
	return stepstest.Look(t, dnsLookup(t), with)
}

// alone runs the test again in a process with a network and mounts of its own, and is true in there.
func alone(t *testing.T) bool {
	t.Helper()
	const inside = "RUNBOOK_NETCHECK_ALONE"
	if os.Getenv(inside) != "" {
		return true
	}
	stepstest.Root(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// settle gives the process an /etc of its own, and a network that ends at itself.
func settle(t *testing.T, resolv string) {
	t.Helper()
	etc := t.TempDir()
	put := func(name, text string) { must(t, os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644)) }
	put("hosts", aHostsFile)
	put("resolv.conf", resolv)
	put("nsswitch.conf", "hosts: files dns\n")
	must(t, unix.Mount(etc, "/etc", "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount("/etc", 0)) })

	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	must(t, err)
	lo.SetUint16(unix.IFF_UP)
	must(t, unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo))
}

// nameServer is a resolver on 127.0.0.1 that knows a few names.
type nameServer struct {
	questions chan string // the names, each with a dot at its end
}

const (
	typeA, typeAAAA = 1, 28
	noError         = 0
	serverFailure   = 2
	noSuchName      = 3
)

func answerNames(t *testing.T) *nameServer {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:53")
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	s := &nameServer{questions: make(chan string, 100)}
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			name, kind, end := question(buf[:n])
			s.questions <- name
			if code, answers, ok := answersTo(name, kind); ok {
				_, _ = conn.WriteTo(reply(buf[:end], code, kind, answers), from)
			}
		}
	}()
	return s
}

func answersTo(name string, kind uint16) (code byte, answers []string, ok bool) {
	four, six := []string{"192.0.2.9", "192.0.2.7"}, []string{"2001:db8::7"}
	switch name {
	case "here.test.":
	case "four.test.":
		six = nil
	case "www.here.test.":
		four, six = []string{"192.0.2.8"}, nil
	case "lame6.test.":
		if kind == typeAAAA {
			return serverFailure, nil, true
		}
	case "half.test.":
		if kind == typeA {
			return serverFailure, nil, true
		}
		six = nil
	case "broken.test.":
		return serverFailure, nil, true
	case "silent.test.":
		return 0, nil, false
	default:
		return noSuchName, nil, true
	}
	if kind == typeA {
		return noError, four, true
	}
	return noError, six, true
}

// question reads the first question of a message, and tells where it ends.
func question(message []byte) (name string, kind uint16, end int) {
	at := 12
	for message[at] != 0 {
		n := int(message[at])
		name += string(message[at+1:at+1+n]) + "."
		at += 1 + n
	}
	return strings.ToLower(name), binary.BigEndian.Uint16(message[at+1:]), at + 5
}

// reply answers the message that asked.
func reply(asked []byte, code byte, kind uint16, addresses []string) []byte {
	out := slices.Clone(asked)
	out[2], out[3] = 0x81, 0x80|code // an answer, and recursion was wanted and is available
	binary.BigEndian.PutUint16(out[6:], uint16(len(addresses)))
	binary.BigEndian.PutUint32(out[8:], 0) // neither authorities nor additional records
	for _, text := range addresses {
		data := []byte(net.ParseIP(text).To16())
		if kind == typeA {
			data = data[12:]
		}
		out = append(out, 0xc0, 12) // the name of the question
		out = binary.BigEndian.AppendUint16(out, kind)
		out = append(out, 0, 1, 0, 0, 0, 60) // class internet, for a minute
		out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
		out = append(out, data...)
	}
	return out
}

// asked lists the questions so far.
func (s *nameServer) asked() []string {
	var names []string
	for {
		select {
		case name := <-s.questions:
			names = append(names, name)
		default:
			return names
		}
	}
}

func (s *nameServer) wait(name string) {
	for asked := range s.questions {
		if asked == name {
			return
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
