package sandbox

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// A filter is a program, and can be run here: on all calls, for all ABIs,
// without a process for each.

type call struct {
	nr   uint32
	args [6]uint64
}

// evaluate runs a program as the kernel does.
func evaluate(t rapid.TB, program []unix.SockFilter, arch uint32, c call) uint32 {
	t.Helper()
	var data [64]byte
	binary.LittleEndian.PutUint32(data[0:], c.nr)
	binary.LittleEndian.PutUint32(data[4:], arch)
	for i, a := range c.args {
		binary.LittleEndian.PutUint64(data[16+8*i:], a)
	}
	var acc uint32
	for pc := 0; pc < len(program); pc++ {
		i := program[pc]
		yes := false
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			acc = binary.LittleEndian.Uint32(data[i.K:])
			continue
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			acc &= i.K
			continue
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(i.K)
			continue
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			yes = acc == i.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			yes = acc >= i.K
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			yes = acc > i.K
		default:
			t.Fatalf("instruction %d: unknown code %#x", pc, i.Code)
		}
		if yes {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
	t.Fatal("the program ran out of its end")
	return 0
}

// someone stands for the restricted thread.
func someone() self { return self{pid: 4000, tid: 4007} }

func program(abi int) []unix.SockFilter {
	return assemble(auditArch, judgedCalls(), rules(abi, someone()))
}

// decide is what the rules mean, said a second time and without jumps.
func decide(list []rule, c call) uint32 {
	if !slices.ContainsFunc(judgedCalls(), func(s span) bool { return s.first <= c.nr && c.nr <= s.last }) {
		return retErrno(unix.ENOSYS)
	}
	for _, r := range list {
		if r.call != c.nr {
			continue
		}
		holds := func(x test) bool {
			v := uint32(c.args[x.arg])
			if x.high {
				v = uint32(c.args[x.arg] >> 32)
			}
			if x.mask != 0 {
				v &= x.mask
			}
			return slices.Contains(x.values, v) != x.not
		}
		any := func(alternatives [][]test) bool {
			return slices.ContainsFunc(alternatives, func(all []test) bool {
				return !slices.ContainsFunc(all, func(x test) bool { return !holds(x) })
			})
		}
		switch {
		case r.alternatives() == 0:
			return retErrno(r.errno)
		case r.unless != nil && any(r.unless), r.when != nil && !any(r.when):
			return retAllow
		}
		return retErrno(r.errno)
	}
	return retAllow
}

func TestFilterMeansItsRules(t *testing.T) {
	for _, abi := range []int{0, 1, 2, 3, 5, 6, 9} {
		list := rules(abi, someone())
		p := program(abi)
		rapid.Check(t, func(t *rapid.T) {
			// Values that the rule speaks of, so that chance finds its branches.
			r := rapid.SampledFrom(list).Draw(t, "rule")
			values := []uint64{0, 1, 3, 0xffffffff, 1 << 32}
			for _, x := range slices.Concat(slices.Concat(r.when, r.unless)...) {
				for _, v := range x.values {
					values = append(values, uint64(v), uint64(v)|1<<40, uint64(v)<<32)
				}
			}
			c := call{nr: rapid.OneOf(rapid.Just(r.call), rapid.Uint32Max(600)).Draw(t, "call")}
			for i := range c.args {
				c.args[i] = rapid.OneOf(rapid.SampledFrom(values), rapid.Uint64()).Draw(t, "arg")
			}
			if got, want := evaluate(t, p, auditArch, c), decide(list, c); got != want {
				t.Fatalf("ABI %d, call %d %#x: filter says %#x, rules say %#x", abi, c.nr, c.args, got, want)
			}
		})
	}
}

func TestFilterFits(t *testing.T) {
	for _, abi := range []int{0, 1, 3, 6, 9} {
		p := program(abi)
		if len(p) > 4096 {
			t.Errorf("ABI %d: %d instructions, the kernel takes 4096", abi, len(p))
		}
		seen := map[uint32]bool{}
		for _, r := range rules(abi, someone()) {
			if seen[r.call] {
				t.Errorf("ABI %d: call %d has two rules; the second never speaks", abi, r.call)
			}
			seen[r.call] = true
			if r.when != nil && r.unless != nil {
				t.Errorf("ABI %d: call %d has both when and unless", abi, r.call)
			}
			for _, x := range slices.Concat(slices.Concat(r.when, r.unless)...) {
				if len(x.values) > 200 {
					t.Errorf("ABI %d: call %d tests %d values, a jump reaches 255", abi, r.call, len(x.values))
				}
			}
			if !slices.ContainsFunc(judgedCalls(), func(s span) bool { return s.first <= r.call && r.call <= s.last }) {
				t.Errorf("ABI %d: call %d has a rule and is not among the judged", abi, r.call)
			}
		}
	}
}

func TestFilterStopsWhatItDoesNotKnow(t *testing.T) {
	p := program(7)
	last := judgedCalls()[len(judgedCalls())-1].last
	for _, nr := range []uint32{last + 1, last + 1000, 400, 0x40000000, 0x40000000 + 2, 0xffffffff} {
		if got := evaluate(t, p, auditArch, call{nr: nr}); got != retErrno(unix.ENOSYS) {
			t.Errorf("call %#x: %#x, want ENOSYS", nr, got)
		}
	}
	for _, arch := range []uint32{0, unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM} {
		if got := evaluate(t, p, arch, call{nr: unix.SYS_READ}); got != retKill {
			t.Errorf("architecture %#x: %#x, want the process killed", arch, got)
		}
	}
}

func TestFilterProtectsTheRestrictedThread(t *testing.T) {
	pid, tid := uint64(someone().pid), uint64(someone().tid)
	minus := uint64(-someone().pid)
	const kill = uint64(unix.SIGKILL)
	for _, abi := range []int{0, 2, 5, 6, 9} {
		p := program(abi)
		for _, c := range []call{
			{unix.SYS_KILL, [6]uint64{pid, kill}},
			{unix.SYS_KILL, [6]uint64{tid, kill}},
			{unix.SYS_KILL, [6]uint64{minus, kill}},
			{unix.SYS_KILL, [6]uint64{minus | 0xffffffff<<32, kill}},
			{unix.SYS_TKILL, [6]uint64{tid, kill}},
			{unix.SYS_TGKILL, [6]uint64{pid, tid, kill}},
			{unix.SYS_TGKILL, [6]uint64{0xffffffff, tid, kill}},
			{unix.SYS_RT_SIGQUEUEINFO, [6]uint64{tid, kill}},
			{unix.SYS_RT_TGSIGQUEUEINFO, [6]uint64{pid, tid, kill}},
		} {
			if got := evaluate(t, p, auditArch, c); got != retErrno(unix.EPERM) {
				t.Errorf("ABI %d: call %d %v: %#x, want EPERM", abi, c.nr, c.args, got)
			}
		}
		c := call{unix.SYS_TGKILL, [6]uint64{pid, tid, uint64(unix.SIGURG)}}
		if got := evaluate(t, p, auditArch, c); got != retAllow {
			t.Errorf("ABI %d: Go's own SIGURG to its threads is refused", abi)
		}
	}
}
