package systemd

import (
	"strings"
	"testing"
)

func TestCheckUnit(t *testing.T) {
	for _, name := range []string{
		"nginx.service", "foo.bar.service", "backup.timer", "-.mount", `a\x2db.mount`, "getty@tty1.service", "user@1000.service",
	} {
		if err := checkUnit(name); err != nil {
			t.Errorf("checkUnit(%q) = %v", name, err)
		}
	}
	for name, why := range map[string]string{
		"":                                    "lacks a type",
		"nginx":                               "lacks a type",
		"nginx.conf":                          "lacks a type",
		"--no-block":                          "lacks a type",
		"/etc/systemd/system/a.service":       "path",
		"../../etc/passwd.service":            "path",
		"x.service.d/../../y.conf":            "path",
		"a*.service":                          "pattern",
		"getty@.service":                      "template",
		"@tty1.service":                       "needs something before",
		".service":                            "needs something before",
		"..service":                           "needs something before",
		"a b.service":                         "can't be in one",
		"a;b.service":                         "can't be in one",
		"a\nb.service":                        "can't be in one",
		"ä.service":                           "can't be in one",
		"$(reboot).service":                   "can't be in one",
		"a.service --no-block.service":        "can't be in one",
		"a.service\x00":                       "lacks a type",
		strings.Repeat("a", 300) + ".service": "at most 255 bytes",
	} {
		if err := checkUnit(name); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("checkUnit(%q) = %v, want an error with %q", name, err, why)
		}
	}
	if err := checkUnitOrTemplate("getty@.service"); err != nil {
		t.Error(err)
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
