package systemd

import (
	"strings"
	"testing"
)

func TestUnitName(t *testing.T) {
	for in, want := range map[string]string{
		"nginx":             "nginx.service",
		"nginx.service":     "nginx.service",
		"foo.bar":           "foo.bar.service",
		"backup.timer":      "backup.timer",
		"-.mount":           "-.mount",
		`a\x2db.mount`:      `a\x2db.mount`,
		"getty@tty1":        "getty@tty1.service",
		"user@1000.service": "user@1000.service",
		"pm2-deploy":        "pm2-deploy.service",
	} {
		if got, err := unitName(in); err != nil || got != want {
			t.Errorf("unitName(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for in, why := range map[string]string{
		"":                         "no name",
		"/etc/systemd/system/a":    "path",
		"../../etc/passwd":         "path",
		"a*":                       "pattern",
		"getty@.service":           "template",
		"@tty1.service":            "needs something before",
		".service":                 "needs something before",
		"..service":                "needs something before",
		"a b":                      "can't be in one",
		"a;b":                      "can't be in one",
		"a\nb":                     "can't be in one",
		"ä":                        "can't be in one",
		strings.Repeat("a", 300):   "at most 255 bytes",
		"a.service\x00":            "can't be in one",
		"--no-block":               "",
		"-H":                       "",
		"a.service --no-block":     "can't be in one",
		"$(reboot)":                "can't be in one",
		"x.service.d/../../y.conf": "path",
	} {
		got, err := unitName(in)
		if why == "" {
			// Odd, but a name; what is built from it is never taken for an option.
			if err != nil || got != in+".service" {
				t.Errorf("unitName(%q) = %q, %v", in, got, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("unitName(%q) = %q, %v, want an error with %q", in, got, err, why)
		}
	}
}

func TestExitText(t *testing.T) {
	for want, in := range map[string][2]int{
		"status=0":                    {cldExited, 0},
		"status=3":                    {cldExited, 3},
		"status=200/CHDIR":            {cldExited, 200},
		"status=203/EXEC":             {cldExited, 203},
		"status=217/USER":             {cldExited, 217},
		"status=223":                  {cldExited, 223},
		"status=226/NAMESPACE":        {cldExited, 226},
		"status=234":                  {cldExited, 234},
		"status=238/STATE_DIRECTORY":  {cldExited, 238},
		"status=244/BPF":              {cldExited, 244},
		"status=255":                  {cldExited, 255},
		"signal=SIGKILL":              {cldKilled, 9},
		"signal=SIGABRT, core dumped": {cldDumped, 6},
		"":                            {0, 0},
	} {
		if got := exitText(in[0], in[1]); got != want {
			t.Errorf("exitText(%v) = %q, want %q", in, got, want)
		}
	}
}
