package systemd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

func TestLinksOfAnInstallSection(t *testing.T) {
	h := hostAt(t)
	write := func(path, text string) {
		path = h.path(path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := unitState{ID: "app.service", Fragment: "/lib/systemd/system/app.service", DropIns: []string{"/etc/systemd/system/app.service.d/x.conf"}}
	write(s.Fragment, "[Unit]\nWants=a.target\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target other.target\nAlias=web.service\nAlso=app.socket\n")
	write(s.DropIns[0], "[Install]\nRequiredBy=site.target\n")
	options := h.installSection(t.Context(), s, engine.Task{})
	want := []string{
		"ln -s /lib/systemd/system/app.service /etc/systemd/system/multi-user.target.wants/app.service",
		"ln -s /lib/systemd/system/app.service /etc/systemd/system/other.target.wants/app.service",
		"ln -s /lib/systemd/system/app.service /etc/systemd/system/web.service",
		"and the links of app.socket (Also=)",
		"ln -s /lib/systemd/system/app.service /etc/systemd/system/site.target.requires/app.service",
	}
	if diff := cmp.Diff(want, installed(s, "", options)); diff != "" {
		t.Error(diff)
	}
	if got := installed(s, "deploy", options)[0]; got != "ln -s /lib/systemd/system/app.service ~deploy/.config/systemd/user/multi-user.target.wants/app.service" {
		t.Errorf("have %s", got)
	}
	s.DropIns = []string{"/etc/systemd/system/none.conf"}
	if got := h.installSection(t.Context(), s, engine.Task{}); got != nil {
		t.Errorf("half of what is asked for is shown as all of it: %v", got)
	}
}

func TestWhatCantBeEnabled(t *testing.T) {
	for _, state := range []string{"enabled", "enabled-runtime", "disabled", "indirect", "linked", "alias"} {
		if why := cannotEnable(state, stateActive); why != "" {
			t.Errorf("%s: %s", state, why)
		}
	}
	seen := map[string]string{}
	for _, state := range []string{"static", "masked", "transient", "generated", "bad", ""} {
		why := cannotEnable(state, stateAbsent)
		if why == "" || seen[why] != "" {
			t.Errorf("%q: %q, as %q", state, why, seen[why])
		}
		seen[why] = state
	}
	if cannotEnable("", "active") == cannotEnable("", stateAbsent) {
		t.Error("a device and a unit that is not there are the same")
	}
}

func TestLinksThatWereMade(t *testing.T) {
	got := linksOf([]dbus.EnableUnitFileChange{
		{Type: "unlink", Filename: "/etc/systemd/system/old.service"},
		{Type: "symlink", Filename: "/etc/systemd/system/a.service", Destination: "/lib/a.service"},
	})
	if diff := cmp.Diff([]link{{"/etc/systemd/system/a.service", "/lib/a.service"}}, got); diff != "" {
		t.Error(diff)
	}
}
