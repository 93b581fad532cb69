package engine

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	kinds := []string{"systemd.unit", "systemd.restart", "systemd.reset-failed", "http.get", "net.listeners", "command", "int", "bool", "url"}
	for name, want := range map[string]string{
		"systemd.restrat":      "systemd.restart",
		"systemctl.restart":    "systemd.restart",
		"restart":              "systemd.restart",
		"Systemd.Unit":         "systemd.unit",
		"systemd.reset_failed": "systemd.reset-failed",
		"http":                 "http.get",
		"http.gte":             "http.get",
		"net.listener":         "net.listeners",
		"comand":               "command",
		"integer":              "int",
		"boolean":              "bool",
		"ulr":                  "url",
		"kubectl":              "",
		"x":                    "",
		"":                     "",
		"command":              "", // it is there
	} {
		if got := nearest(name, kinds); got != want {
			t.Errorf("%q is near %q, want %q", name, got, want)
		}
	}
	if got := suggest("comand", kinds); got != "did you mean command?" {
		t.Errorf("the hint is %q", got)
	}
	if got := suggest("kubectl", kinds); got != "" {
		t.Errorf("the hint is %q", got)
	}
}
