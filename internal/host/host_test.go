package host_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/internal/host"
	"runbook/steps"
)

// kept is a folder that takes evidence.
type kept struct {
	dir string
	n   int
	err error
}

func (k *kept) keep(step string) (host.File, error) {
	if k.err != nil {
		return nil, k.err
	}
	k.n++
	f, err := os.Create(filepath.Join(k.dir, "E0"+string(rune('0'+k.n))+"-"+step+".txt"))
	return f, err
}

func (k *kept) all(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.dir, "E*"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

func newHost(t *testing.T) (*host.Host, *kept) {
	t.Helper()
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{dir: t.TempDir()}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("hunter2-hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &host.Host{
		Kinds: kinds, Keep: k.keep, Secrets: host.Secrets{Getenv: func(string) string { return "" }, Dir: dir},
	}, k
}

func script(text string) engine.Call {
	return engine.Call{
		Verb: engine.Act, Step: "it", Kind: "script", Effect: engine.Changes, Attempt: 1, Timeout: time.Minute,
		Inputs: map[string]any{"text": text, "env": map[string]any{"TOKEN": engine.SecretMarker("token")}},
	}
}

// A secret reaches the process, and shows in nothing that comes back or is kept.
func TestSecrets(t *testing.T) {
	h, k := newHost(t)
	r := h.Perform(t.Context(), script(`
		test "$TOKEN" = hunter2-hunter2 || exit 9
		echo "the token is $TOKEN"
		printf %s "$TOKEN" | base64 >&2
		exit 3`))
	if r.Failure == nil || r.Failure.Kind != engine.Exit || r.Output["exit"] != 3 {
		t.Fatalf("result %+v", r)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"result": string(raw), "evidence": k.all(t)} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "aHVudGVyMi1odW50ZXIy") {
			t.Errorf("the secret shows in the %s: %s", what, text)
		}
		if !strings.Contains(text, "[secret token]") {
			t.Errorf("nothing was cut out of the %s: %s", what, text)
		}
	}
}

// A secret that is nowhere is a failure that says where it was looked for.
func TestSecretMissing(t *testing.T) {
	h, _ := newHost(t)
	call := script("true")
	call.Inputs["env"] = map[string]any{"TOKEN": engine.SecretMarker("other")}
	r := h.Perform(t.Context(), call)
	if r.Failure == nil || r.Failure.Kind != engine.Missing || !strings.Contains(r.Failure.Message, "RUNBOOK_SECRET_OTHER") {
		t.Errorf("failure %+v", r.Failure)
	}
}

// Others may not read a file of secrets.
func TestSecretReadable(t *testing.T) {
	h, _ := newHost(t)
	if err := os.Chmod(filepath.Join(h.Secrets.Dir, "token"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := h.Perform(t.Context(), script("true")); r.Failure == nil || r.Failure.Kind != engine.Denied {
		t.Errorf("failure %+v", r.Failure)
	}
}

// Evidence that can't be kept does not fail a step, and is told.
func TestNoRoomForEvidence(t *testing.T) {
	h, k := newHost(t)
	k.err = errors.New("no space left on device")
	r := h.Perform(t.Context(), script("echo hello"))
	if r.Failure != nil || len(r.Evidence) != 1 || r.Evidence[0].Failed != "no space left on device" {
		t.Errorf("result %+v", r)
	}
}

// What takes too long is a timeout, whatever the process thinks of TERM.
func TestTimeout(t *testing.T) {
	h, _ := newHost(t)
	call := script("sleep 60")
	call.Timeout = 100 * time.Millisecond
	if r := h.Perform(t.Context(), call); r.Failure == nil || r.Failure.Kind != engine.Timeout {
		t.Errorf("failure %+v", r.Failure)
	}
}

// A dry run describes a change and has no way to make one.
func TestDryRun(t *testing.T) {
	h, _ := newHost(t)
	path := filepath.Join(t.TempDir(), "flag")
	dry := host.DryRun(h)
	call := engine.Call{
		Step: "it", Kind: "file.write", Effect: engine.Changes, Attempt: 1, Timeout: time.Minute,
		Inputs: map[string]any{"path": path, "text": "up\n"},
	}
	call.Verb = engine.Prepare
	r := dry.Perform(t.Context(), call)
	if !r.Only || r.Description == nil || !strings.Contains(strings.Join(r.Description.Exact, "\n"), "+up") {
		t.Errorf("described %+v", r)
	}
	for _, verb := range []engine.Verb{engine.Act, engine.Attach} {
		call.Verb = verb
		if r := dry.Perform(t.Context(), call); r.Failure == nil || r.Failure.Kind != engine.Denied {
			t.Errorf("%s: %+v", verb, r)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the dry run wrote the file")
	}
}

// A check that says it only reads is held to it.
func TestReadsAreHeld(t *testing.T) {
	h, _ := newHost(t)
	path := filepath.Join(t.TempDir(), "flag")
	call := script("touch " + path)
	call.Verb, call.Reads, call.Effect = engine.Look, true, engine.Reads
	r := h.Perform(t.Context(), call)
	if _, err := os.Stat(path); err == nil || r.Failure != nil || r.Output["exit"] == 0 {
		t.Errorf("touch was let through: %+v", r)
	}
}

// The last whole line of what a step prints is told while it runs, shortened when it is long.
func TestLastLine(t *testing.T) {
	for _, c := range []struct{ text, last string }{
		{`printf 'one\ntwo\nthree'`, "two"},
		{`printf 'one\ntwo\n\n' | while read -r line; do echo "$line"; done`, "two"},
		{`printf '%01000d\n' 7`, strings.Repeat("0", 400)},
		{`printf 'no end'`, ""},
	} {
		h, _ := newHost(t)
		var last string
		h.Output = func(_, line string) { last = line }
		if r := h.Perform(t.Context(), script(c.text)); r.Failure != nil || last != c.last {
			t.Errorf("%s: told %q, not %q: %+v", c.text, last, c.last, r.Failure)
		}
	}
}

// What a step prints passes through: memory is taken for what is kept of it alone.
func TestOutputIsNotCopied(t *testing.T) {
	for _, text := range []string{"head -c 256M /dev/zero", "yes | head -c 256M"} {
		h, _ := newHost(t)
		h.Output = func(string, string) {}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := h.Perform(t.Context(), script(text))
		runtime.ReadMemStats(&after)
		taken := (after.TotalAlloc - before.TotalAlloc) >> 20
		if r.Failure != nil || r.Evidence[0].Bytes != 256<<20 || taken > 32 {
			t.Errorf("%s: %d MiB were taken: %+v", text, taken, r)
		}
	}
}
