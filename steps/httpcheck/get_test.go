package httpcheck_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/steps/httpcheck"
	"runbook/steps/stepstest"
)

func TestGetAPage(t *testing.T) {
	var asked *http.Request
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r
		w.Header().Set("X-Release", "42")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "hunter2"}) // it must not come out at the other end
		_, _ = io.WriteString(w, "<h1>Products</h1>")
	})
	out := look(t, map[string]any{
		"url": server.URL + "/products", "contains": "Products", "host": "shop.example:8080",
		"headers": map[string]any{"Authorization": "Bearer x"},
	})
	want := map[string]any{
		"status": 200, "error": "", "detail": "", "body": "<h1>Products</h1>", "size": 17,
		"found": true, "lacks": "", "url": server.URL + "/products", "tls": nil,
	}
	for field, value := range want {
		if out[field] != value {
			t.Errorf("%s is %v, want %v", field, out[field], value)
		}
	}
	headers, ok := out["headers"].(map[string]any)
	if !ok || headers["X-Release"] != "42" || headers["Set-Cookie"] != nil {
		t.Errorf("have headers %v", out["headers"])
	}
	if asked.Host != "shop.example:8080" || asked.Header.Get("Authorization") != "Bearer x" {
		t.Errorf("asked for %s with %v", asked.Host, asked.Header)
	}
}

func TestGetThatIsNotWhatWasWanted(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/error" {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 5000)+"\x07end")
	})
	task, evidence := stepstest.Task()
	out, err := kind(t).Do(t.Context(), map[string]any{"url": server.URL, "contains": "Products"}, task)
	if err != nil || out["found"] != false || out["lacks"] != "Products" || out["status"] != 200 {
		t.Errorf("have %v, %v", out, err)
	}
	if body := out["body"].(string); len(body) != 4096 || len(evidence.Text("body")) != 5004 {
		t.Errorf("have %d bytes, and %d as evidence", len(body), len(evidence.Text("body")))
	}
	if out := look(t, map[string]any{"url": server.URL + "/error"}); out["status"] != 502 || out["error"] != "" {
		t.Errorf("have %v", out)
	}
}

// Silence, refusal and cut connections are answers: the server was asked, and this is what it said.
func TestGetAnswersThatAreNone(t *testing.T) {
	tests := []struct {
		name  string
		error string
		url   func(t *testing.T) string
	}{
		{"nobody listens", "refused", func(t *testing.T) string {
			t.Helper()
			server := serve(t, func(http.ResponseWriter, *http.Request) {})
			server.Close()
			return server.URL
		}},
		{"the connection is reset", "reset", func(t *testing.T) string {
			t.Helper()
			return "http://" + raw(t, func(c *net.TCPConn) {
				_ = c.SetLinger(0) // closing sends a reset
			})
		}},
		{"the connection is closed", "closed", func(t *testing.T) string {
			t.Helper()
			return "http://" + raw(t, func(c *net.TCPConn) { _ = c.CloseWrite() })
		}},
		{"something else answers", "malformed", func(t *testing.T) string {
			t.Helper()
			return "http://" + raw(t, func(c *net.TCPConn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n\r\n") })
		}},
		{"no answer comes", "timeout", func(t *testing.T) string {
			t.Helper()
			return serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).URL
		}},
		{"the body does not end", "timeout", func(t *testing.T) string {
			t.Helper()
			return serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "half a pa")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}).URL
		}},
		{"the body is cut", "closed", func(t *testing.T) string {
			t.Helper()
			return "http://" + raw(t, func(c *net.TCPConn) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
				_ = c.CloseWrite()
			})
		}},
		{"TLS where there is none", "tls", func(t *testing.T) string {
			t.Helper()
			return strings.Replace(serve(t, func(http.ResponseWriter, *http.Request) {}).URL, "http:", "https:", 1)
		}},
		{"redirects without end", "malformed", func(t *testing.T) string {
			t.Helper()
			return serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }).URL
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := look(t, map[string]any{"url": tt.url(t), "timeout": "300ms", "follow": true, "contains": "Products"})
			if out["status"] != 0 || out["error"] != tt.error || out["detail"] == "" || out["lacks"] != "Products" {
				t.Errorf("have status %v, error %v (%v), lacks %v", out["status"], out["error"], out["detail"], out["lacks"])
			}
		})
	}
}

func TestGetThatCouldNotAsk(t *testing.T) {
	task, _ := stepstest.Task()
	_, err := kind(t).Do(t.Context(), map[string]any{"url": "http://no-such-host.invalid/"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Missing && f.Kind != engine.Unreachable || !strings.Contains(f.Message, "resolve") {
		t.Errorf("a name that does not resolve: have %v", err)
	}
	_, err = kind(t).Do(t.Context(), map[string]any{"url": "https://127.0.0.1/", "ca": "/no/such.pem"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Missing {
		t.Errorf("certificates that are not there: have %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = kind(t).Do(ctx, map[string]any{"url": "http://127.0.0.1:1/"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled {
		t.Errorf("a step that was cancelled: have %v", err)
	}
	for _, with := range []map[string]any{
		{"url": "127.0.0.1:3000"},
		{"url": "ftp://host/"},
		{"url": "http:///x"},
		{"url": "http://a:b@host/"},
		{"url": "http://host/", "timeout": "-1s"},
		{"url": "http://host/", "host": "x", "follow": true},
		{"url": "http://host/", "host": "http://x"},
		{"url": "http://host/", "ca": "x.pem"},
		{"url": "http://host/", "method": "POST"},
		{"url": "http://host/", "method": "HEAD", "contains": "x"},
		{},
	} {
		if f := engine.FailureOf(kind(t).Check(with)); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%v: have %v", with, f)
		}
	}
}

// A proxy that answers for everybody would make a dead server look healthy.
func TestGetIgnoresProxiesOfTheEnvironment(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	task, _ := stepstest.Task()
	out, err := kind(t).Do(t.Context(), map[string]any{"url": "http://no-such-host.invalid/"}, task)
	if engine.FailureOf(err) == nil || out["status"] != 0 {
		t.Errorf("have %v, %v", out, err)
	}
}

func TestGetFollows(t *testing.T) {
	var elsewhere http.Header
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		elsewhere = r.Header
		_, _ = io.WriteString(w, "there")
	})
	var here http.Header
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			http.Redirect(w, r, "/second", http.StatusFound)
		default:
			here = r.Header
			http.Redirect(w, r, other.URL, http.StatusFound)
		}
	})
	with := map[string]any{"url": server.URL + "/", "headers": map[string]any{"x-api-key": "hunter2"}}
	out := look(t, with)
	if out["status"] != 302 || out["headers"].(map[string]any)["Location"] != "/second" {
		t.Errorf("a redirect is the answer: have %v", out)
	}
	with["follow"] = true
	out = look(t, with)
	if out["status"] != 200 || out["url"] != other.URL || out["body"] != "there" {
		t.Errorf("have %v", out)
	}
	if here.Get("X-Api-Key") != "hunter2" || elsewhere.Get("X-Api-Key") != "" {
		t.Errorf("the key belongs to the first host only: sent %q, then %q", here.Get("X-Api-Key"), elsewhere.Get("X-Api-Key"))
	}
}

func TestGetOverTLS(t *testing.T) {
	now := time.Now()
	server, ca := serveTLS(t, "shop.example", now.Add(90*24*time.Hour+time.Hour))
	expired, expiredCA := serveTLS(t, "shop.example", now.Add(-36*time.Hour))

	out := look(t, map[string]any{"url": server, "host": "shop.example", "ca": ca})
	if out["status"] != 200 || out["error"] != "" {
		t.Errorf("have %v", out)
	}
	cert, ok := out["tls"].(map[string]any)
	if !ok || cert["days_left"] != 90 || cert["subject"] != "CN=shop.example" || cert["issuer"] != "CN=shop.example" ||
		cert["expires"] != now.Add(90*24*time.Hour+time.Hour).UTC().Format(time.RFC3339) {
		t.Errorf("have %v", out["tls"])
	}
	for name, with := range map[string]map[string]any{
		"an unknown signer":        {"url": server, "host": "shop.example"},
		"another name":             {"url": server, "host": "other.example", "ca": ca},
		"an address in its place":  {"url": server, "ca": ca},
		"a time that is over":      {"url": expired, "host": "shop.example", "ca": expiredCA},
		"a name that only insists": {"url": server, "host": "shop.example.evil", "ca": ca},
	} {
		out := look(t, with)
		if out["status"] != 0 || out["error"] != "tls" || out["tls"] == nil {
			t.Errorf("%s: have status %v, error %v (%v), tls %v", name, out["status"], out["error"], out["detail"], out["tls"])
		}
	}
	out = look(t, map[string]any{"url": expired, "insecure": true})
	if cert, ok := out["tls"].(map[string]any); !ok || out["status"] != 200 || cert["days_left"] != -2 {
		t.Errorf("insecure: have %v", out)
	}
}

func kind(t *testing.T) engine.Kind {
	t.Helper()
	return stepstest.Kind(t, httpcheck.Kinds, "http.get")
}

func look(t *testing.T, with map[string]any) map[string]any {
	t.Helper()
	return stepstest.Look(t, kind(t), with)
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// raw is a server that reads one request's head and does what it is told to.
func raw(t *testing.T, answer func(*net.TCPConn)) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			head := bufio.NewReader(conn)
			for line := "x"; err == nil && line != "\r\n"; {
				line, err = head.ReadString('\n')
			}
			answer(conn.(*net.TCPConn))
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// serveTLS is a server with a certificate of its own, and the file to trust it by.
func serveTLS(t *testing.T, name string, until time.Time) (url, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: until.Add(-1000 * time.Hour * 24), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "ok") }))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of every client that refuses its certificate
	server.StartTLS()
	t.Cleanup(server.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, ca
}
