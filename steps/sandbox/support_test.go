package sandbox

import (
	"strings"
	"testing"
)

func words(k kernel) string {
	var lines []string
	for _, p := range protections(k) {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func TestAvailableHere(t *testing.T) {
	k, err := detect()
	must(t, err)
	s := Available()
	t.Log(s)
	for _, p := range s.Protections {
		t.Log(p)
	}
	if s.ABI != k.landlock || s.Seccomp != k.seccomp {
		t.Errorf("%+v does not say what was detected: %+v", s, k)
	}
	if k.seccomp && !s.Enforceable() {
		t.Errorf("a filter was put on, and yet: %s", s)
	}
	if k.seccomp && k.landlock >= abiFiles && !s.Complete() {
		t.Errorf("Landlock and seccomp are there, and yet: %v", s.Missing())
	}
}

func TestWordsForOlderKernels(t *testing.T) {
	const none, off = "the kernel has no Landlock", "the kernel has no seccomp filters: function not implemented"
	for name, c := range map[string]struct {
		kernel
		enforceable bool
		says        []string
	}{
		"Debian 12": {kernel{landlock: 2, seccomp: true}, true, []string{
			"enforced by Landlock: writing, creating, renaming and removing files",
			"enforced by seccomp: truncating files (truncate is refused as a whole)",
			"enforced by seccomp: signals to other processes (no signals at all, so `timeout` does not work inside)",
		}},
		"no Landlock": {kernel{why: none, seccomp: true}, true, []string{
			"enforced by seccomp: writing, creating, renaming and removing files (no file at all can be opened for writing, not even /dev/null)",
			"not enforced: opening devices for reading (the kernel has no Landlock)",
		}},
		"no seccomp": {kernel{landlock: 5, whyNot: off}, false, []string{
			"enforced by Landlock: writing, creating, renaming and removing files",
			"not enforced: modes, owners, times and attributes of files (" + off + ")",
			"not enforced: signals to other processes (kernel has Landlock ABI 5, needs 6)",
		}},
		"nothing": {kernel{why: none, whyNot: off}, false, []string{
			"not enforced: writing, creating, renaming and removing files (the kernel has no Landlock)",
		}},
	} {
		got := words(c.kernel)
		for _, line := range c.says {
			if !strings.Contains(got, line) {
				t.Errorf("%s: does not say %q in\n%s", name, line, got)
			}
		}
		s := Support{ABI: c.landlock, Seccomp: c.seccomp, Protections: protections(c.kernel)}
		if s.Enforceable() != c.enforceable {
			t.Errorf("%s: enforceable is %v", name, s.Enforceable())
		}
	}
	if (Support{}).Enforceable() || (Support{}).Complete() {
		t.Error("a support that nobody filled in is no support")
	}
}
