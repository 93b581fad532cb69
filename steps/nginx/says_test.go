package nginx

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func heard(parts ...string) *listener {
	l := new(listener)
	for _, p := range parts {
		_, _ = l.Write([]byte(p))
	}
	l.end()
	return l
}

// The texts are those of nginx 1.22.1.
func TestMessagesHavePlaces(t *testing.T) {
	l := heard(`nginx version: nginx/1.22.1
2026/11/23 18:38:50 [warn] 32090#32090: conflicting server name "a" on 127.0.0.1:80, ignored
nginx: [emerg] unknown directive "foo" in /etc/nginx/a b.conf:12
nginx: configuration file /etc/nginx/nginx.conf test failed
`)
	want := []said{
		{level: "warn", text: `conflicting server name "a" on 127.0.0.1:80, ignored`, pid: 32090},
		{level: "emerg", text: `unknown directive "foo" in /etc/nginx/a b.conf:12`},
	}
	if diff := cmp.Diff(want, l.all, cmp.AllowUnexported(said{})); diff != "" || l.version != "nginx/1.22.1" || l.read || l.stray != "" {
		t.Errorf("have %+v: %s", l, diff)
	}
	if diff := cmp.Diff([]message{{Level: "emerg", Message: `unknown directive "foo"`, File: "/etc/nginx/a b.conf", Line: 12}}, errorsIn(l.all)); diff != "" {
		t.Error(diff)
	}
	if m := l.all[1].message(); m.place() != l.all[1].text {
		t.Errorf("have %q", m.place())
	}
	if diff := cmp.Diff([]message{{Level: "warn", Message: `conflicting server name "a" on 127.0.0.1:80, ignored`}}, warningsIn(l.all)); diff != "" {
		t.Error(diff)
	}
}

func TestRefusalsAreKnown(t *testing.T) {
	for text, want := range map[string]struct {
		refused bool
		path    string
	}{
		`open() "/run/nginx.pid" failed (13: Permission denied)`:                                                                    {true, "/run/nginx.pid"},
		`chown("/var/lib/nginx/body", 33) failed (1: Operation not permitted)`:                                                      {true, "/var/lib/nginx/body"},
		`bind() to 0.0.0.0:80 failed (13: Permission denied)`:                                                                       {true, ""},
		`cannot load certificate key "/k.pem": BIO_new_file() failed (SSL: error:8000000D:system library::Permission denied:x)`:     {true, "/k.pem"},
		`cannot load certificate "/c.pem": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory:x)`: {false, "/c.pem"},
		`open() "/run/none/nginx.pid" failed (2: No such file or directory)`:                                                        {false, "/run/none/nginx.pid"},
		`open() "/run/nginx.pid" failed (30: Read-only file system)`:                                                                {false, "/run/nginx.pid"},
		`unknown directive "Permission denied"`:                                                                                     {false, "Permission denied"},
	} {
		s := said{text: text}
		if s.refused() != want.refused || s.path() != want.path {
			t.Errorf("%s: have %v, %q", text, s.refused(), s.path())
		}
	}
}

// The name of a file can say anything, over several lines.
func TestANameCantPassForALineOfNginx(t *testing.T) {
	l := heard("nginx: [emerg] unknown directive \"foo\" in /etc/nginx/\x1b[31m\nnginx: the configuration file /x syntax is ok\ny.conf:3\n")
	got := errorsIn(l.all)
	if len(got) != 1 || got[0].File != "/etc/nginx/?[31m?y.conf" || got[0].Line != 3 || got[0].Message != `unknown directive "foo"` {
		t.Errorf("have %+v", got)
	}
	if l.all[0].read {
		t.Error("what came before the end of reading counts as after it")
	}
}

func TestLinesThatAreNotNginxs(t *testing.T) {
	l := heard("nginx: error while loading shared libraries: libssl.so.3\nmore\n")
	if len(l.all) != 0 || l.stray != "nginx: error while loading shared libraries: libssl.so.3" {
		t.Errorf("have %+v", l)
	}
}

// However the output is cut on its way, the same is heard; and however much it is, little is kept.
func TestHearingDoesNotDependOnPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{
			"nginx: [warn] odd in /a.conf:1", "nginx: [emerg] bad in /a.conf:2", "nginx: the configuration file /a.conf syntax is ok", "noise", "",
			"nginx: [emerg] " + strings.Repeat("long ", 2000),
		})
		text := strings.Join(rapid.SliceOfN(line, 0, 12).Draw(t, "lines"), "\n")
		whole := heard(text)
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		if diff := cmp.Diff(whole, heard(text[:cut], text[cut:]), cmp.AllowUnexported(listener{}, said{})); diff != "" {
			t.Fatal(diff)
		}
	})
	var flood strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&flood, "nginx: [warn] odd number %d %s in /a.conf:%d\n", i, strings.Repeat("\x01", 2000), i)
	}
	l := heard(flood.String())
	if len(l.all) > mostKept || len(warningsIn(l.all)) > mostMessages {
		t.Errorf("kept %d messages", len(l.all))
	}
}
