package nginx_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"runbook/engine"
	"runbook/steps/nginx"
	"runbook/steps/stepstest"
)

func answers(address, text string) string {
	return fmt.Sprintf("server { listen %s; location / { return 200 %q; } }", address, text)
}

func get(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestAReloadIsSeenInTheWorkers(t *testing.T) {
	s := newSite(t)
	address := freePort(t)
	config := s.config(answers(address, "one"))
	pid := s.start(config)
	before := workers(t, pid)
	in := map[string]any{"config": config}
	kind := stepstest.Kind(t, nginx.Kinds, "nginx.reload")

	s.config(answers(address, "two"))
	task, evidence := stepstest.Task()
	d, err := kind.Describe(t.Context(), in, task)
	if err != nil || strings.Join(d.Exact, "\n") != fmt.Sprintf("nginx -v -t -c %s\nkill -HUP %d", config, pid) || d.Target != fmt.Sprintf("nginx (process %d)", pid) {
		t.Errorf("have %+v, %v", d, err)
	}
	if err := kind.Before(t.Context(), in, task); err != nil || !strings.Contains(evidence.Text("processes"), fmt.Sprintf("%d nginx: master process", pid)) {
		t.Errorf("kept %q, %v", evidence.Text("processes"), err)
	}
	if got := get(t, address); got != "one" || !slices.Equal(workers(t, pid), before) {
		t.Errorf("describing it has changed something: %s", got)
	}

	out, err := kind.Do(t.Context(), in, task)
	if err != nil {
		t.Fatal(err)
	}
	if out["changed"] != true || out["through"] != fmt.Sprintf("kill -HUP %d", pid) || out["master"] != pid || out["workers"] != 2 || out["leaving"] != 0 {
		t.Errorf("have %v", out)
	}
	if got := get(t, address); got != "two" {
		t.Errorf("it answers %q", got)
	}
	for _, worker := range workers(t, pid) {
		if slices.Contains(before, worker) {
			t.Errorf("worker %s is still there", worker)
		}
	}
	if !strings.Contains(evidence.Text("nginx-test"), "test is successful") {
		t.Errorf("kept %q", evidence.Text("nginx-test"))
	}
}

func TestAWrongConfigurationIsNotReloaded(t *testing.T) {
	s := newSite(t)
	address := freePort(t)
	config := s.config(answers(address, "one"))
	pid := s.start(config)
	before := workers(t, pid)
	s.config("server {\nfoo; }")
	out, err := act(t, map[string]any{"config": config})
	wantFailure(t, err, engine.Exit, `not done, because the configuration is wrong: unknown directive "foo" in `+config+":4")
	if out["changed"] != false || out["through"] != "" {
		t.Errorf("have %v", out)
	}
	if after := workers(t, pid); !slices.Equal(after, before) || get(t, address) != "one" {
		t.Errorf("workers %v, before %v", after, before)
	}
}

// A port that another program holds passes the test, and makes nginx keep what it has, without a word to the outside.
func TestAReloadThatFailsSilently(t *testing.T) {
	s := newSite(t)
	address := freePort(t)
	config := s.config(answers(address, "one"))
	pid := s.start(config)
	before := workers(t, pid)
	other, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s.config(answers(address, "two") + answers(other.Addr().String(), "three"))
	out, err := act(t, map[string]any{"config": config})
	wantFailure(t, err, engine.Exit, "goes on as before (workers "+strings.Join(before, ", "), "its error log: bind() to "+other.Addr().String()+" failed (98: Address already in use)")
	if out["changed"] != false || out["workers"] != 2 || out["through"] == "" {
		t.Errorf("have %v", out)
	}
	if get(t, address) != "one" {
		t.Error("it has taken the new configuration after all")
	}
}

// A worker that still has somebody to serve stays, and does not hold up the reload.
func TestOldWorkersMayStay(t *testing.T) {
	s := newSite(t)
	address := freePort(t)
	s.write("www/file", strings.Repeat("x", 1<<20))
	config := s.config(fmt.Sprintf("server { listen %s; limit_rate 100; root %s/www; }", address, s.dir))
	pid := s.start(config)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /file HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q, %v", line, err)
	}
	out, err := act(t, map[string]any{"config": config})
	if err != nil || out["changed"] != true || out["workers"] != 2 || out["leaving"] != 1 {
		t.Errorf("have %v, %v", out, err)
	}
	if got := workers(t, pid); len(got) != 2 {
		t.Errorf("have workers %v", got)
	}
}

func TestNginxThatIsNotThere(t *testing.T) {
	s := newSite(t)
	config := s.config("")
	in := map[string]any{"config": config, "unit": "t-none.service"}
	_, err := act(t, in)
	wantFailure(t, err, engine.Missing, "not running")
	task, _ := stepstest.Task()
	d, err := stepstest.Kind(t, nginx.Kinds, "nginx.reload").Describe(t.Context(), in, task)
	if err != nil || !strings.Contains(d.Summary, "reload nginx: it will be refused, because") || len(d.Exact) != 0 {
		t.Errorf("have %+v, %v", d, err)
	}
	if _, err := os.Stat(s.path("nginx.pid")); err == nil {
		t.Error("nginx -t was run for an nginx that is not there")
	}
	for _, in := range []map[string]any{{"config": "nginx.conf"}, {"unit": "nginx"}, {"unit": "-nginx.service"}, {"unit": "a b.service"}} {
		_, err := act(t, in)
		wantFailure(t, err, engine.Invalid)
	}
}

// Anybody can call a process nginx: root neither tests a configuration for it nor tells it anything.
func TestAnNginxOfSomebodyElse(t *testing.T) {
	stepstest.Root(t)
	s := newSite(t)
	config := s.config("")
	fake := exec.CommandContext(t.Context(), "sleep", "86392")
	fake.Args[0] = "nginx: master process nginx -c " + config
	fake.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := fake.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Process.Kill(); _ = fake.Wait() })
	_, err := act(t, map[string]any{"config": config, "unit": "t-none.service"})
	wantFailure(t, err, engine.Missing, "not running")
	if _, err := os.Stat(s.path("nginx.pid")); err == nil {
		t.Error("nginx -t was run for it")
	}
}

// Two with one configuration: nobody can say which one is meant.
func TestTwoNginx(t *testing.T) {
	s := newSite(t)
	config := s.config("")
	s.start(config)
	s.start(config)
	_, err := act(t, map[string]any{"config": config, "unit": "t-none.service"})
	wantFailure(t, err, engine.Invalid, "there are 2 nginx that it could be")
}

// Once it was told, a step that is stopped says so, and nginx goes on by itself.
func TestAStepThatIsStopped(t *testing.T) {
	s := newSite(t)
	address := freePort(t)
	config := s.config(answers(address, "one"))
	pid := s.start(config)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	kind := stepstest.Kind(t, nginx.Kinds, "nginx.reload")
	task, _ := stepstest.Task()
	done := make(chan error, 1)
	var out map[string]any
	go func() {
		var err error
		out, err = kind.Do(ctx, map[string]any{"config": config}, task)
		done <- err
	}()
	pending := func() bool { // the signal has arrived, and the process that is stopped has not taken it
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		return err != nil || strings.Contains(string(status), "ShdPnd:\t0000000000000001")
	}
	for !pending() {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
	}
	cancel()
	err := <-done
	wantFailure(t, err, engine.Cancelled, "it was told, and its new workers were not waited for")
	if out["changed"] != false || out["through"] == "" {
		t.Errorf("have %v", out)
	}
}
