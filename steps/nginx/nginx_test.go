package nginx_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/engine"
	"runbook/steps/nginx"
	"runbook/steps/sandbox"
	"runbook/steps/stepstest"
)

// Long enough for a busy machine.
const patience = 30 * time.Second

func needNginx(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("/usr/sbin/nginx")
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatal("this test needs nginx (the package nginx-light), and CI must run it")
	default:
		t.Skip("nginx is not installed")
	}
}

func needSandbox(t *testing.T) {
	t.Helper()
	support := sandbox.Available()
	switch {
	case support.Enforceable():
	case os.Getenv("CI") != "":
		t.Fatalf("no sandbox on this machine: %s", support)
	default:
		t.Skipf("no sandbox on this machine: %s", support)
	}
}

// site is a folder with a configuration of a test's own, which nobody else's nginx has anything to do with.
type site struct {
	*testing.T
	dir string
}

func newSite(t *testing.T) site {
	t.Helper()
	needNginx(t)
	dir := t.TempDir()
	for at := dir; strings.HasPrefix(at, os.TempDir()+"/"); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil { // workers may be nobody's
			t.Fatal(err)
		}
	}
	return site{t, dir}
}

func (s site) path(name string) string { return filepath.Join(s.dir, name) }

func (s site) write(name, text string) string {
	s.Helper()
	path := s.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
	return path
}

// config writes a configuration that touches nothing outside of the folder, with some directives on its last lines.
func (s site) config(inHTTP string) string {
	s.Helper()
	return s.write("nginx.conf", strings.ReplaceAll(`worker_processes 2; pid DIR/nginx.pid; error_log DIR/error.log; events {}
http { access_log off; client_body_temp_path DIR/t1; proxy_temp_path DIR/t2; fastcgi_temp_path DIR/t3; uwsgi_temp_path DIR/t4; scgi_temp_path DIR/t5;
`, "DIR", s.dir)+inHTTP+"\n}\n")
}

// certificate makes a certificate, and a key that only its owner may read.
func (s site) certificate() (cert, key string) {
	s.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		s.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		s.Fatal(err)
	}
	cert = s.write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = s.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	if err := os.Chmod(key, 0o600); err != nil {
		s.Fatal(err)
	}
	return cert, key
}

// files lists what is in the folder, with sizes and times.
func (s site) files() string {
	s.Helper()
	var b strings.Builder
	err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return b.String()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs nginx with the configuration until the test ends, and waits until it has workers.
func (s site) start(config string) (pid int) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "/usr/sbin/nginx", "-c", config, "-g", "daemon off;")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	for deadline := time.Now().Add(patience); len(workers(s.T, cmd.Process.Pid)) < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("nginx has not started: %s", out.String())
		}
	}
	return cmd.Process.Pid
}

// workers asks ps, so that it does not depend on what is under test.
func workers(t *testing.T, master int) []string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "ps", "-o", "pid=,args=", "--ppid", fmt.Sprint(master)).Output()
	var pids []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 4 && strings.HasSuffix(strings.TrimSpace(line), "nginx: worker process") {
			pids = append(pids, f[0])
		}
	}
	return pids
}

func look(t *testing.T, as, config string) (map[string]any, error) {
	t.Helper()
	needSandbox(t)
	task, _ := stepstest.Task()
	task.Reads, task.Sandboxed, task.As = true, true, as
	return stepstest.Kind(t, nginx.Kinds, "nginx.test").Do(t.Context(), map[string]any{"config": config}, task)
}

func act(t *testing.T, in map[string]any) (map[string]any, error) {
	t.Helper()
	task, _ := stepstest.Task()
	return stepstest.Kind(t, nginx.Kinds, "nginx.reload").Do(t.Context(), in, task)
}

func wantFailure(t *testing.T, err error, kind engine.FailureKind, parts ...string) {
	t.Helper()
	f := engine.FailureOf(err)
	if f == nil || f.Kind != kind {
		t.Fatalf("it failed with %v, want a failure of kind %s", err, kind)
	}
	for _, p := range parts {
		if !strings.Contains(f.Message, p) {
			t.Errorf("the failure says %q, want it to say %q", f.Message, p)
		}
	}
}
