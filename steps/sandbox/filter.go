package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filter is a list of rules, assembled into a seccomp BPF program. A system
// call that has no rule is allowed, provided that it is one that was judged:
// numbers beyond the last judged call answer "not implemented", as an older
// kernel would, so that a call invented tomorrow is not a way out.

// rule answers one system call with errno. With neither `when` nor `unless` it
// always does.
type rule struct {
	call  uint32
	errno unix.Errno
	// when: refused if all tests of any alternative hold, else allowed.
	when [][]test
	// unless: allowed if all tests of any alternative hold, else refused.
	unless [][]test
}

// test looks at one 32-bit half of one argument: (argument & mask) is, or with
// not set is not, one of the values. Arguments that the kernel takes as an int
// are looked at in their low half only, exactly as the kernel does.
type test struct {
	arg    int
	high   bool
	mask   uint32 // 0: all bits
	not    bool
	values []uint32
}

// refuse makes rules that always answer "operation not permitted".
func refuse(calls ...uint32) []rule {
	rules := make([]rule, 0, len(calls))
	for _, c := range calls {
		rules = append(rules, rule{call: c, errno: unix.EPERM})
	}
	return rules
}

// span is a run of system call numbers, both ends included.
type span struct{ first, last uint32 }

// Offsets in struct seccomp_data. Both architectures are little-endian.
const (
	offCall = 0
	offArch = 4
	offArgs = 16
)

const (
	retAllow = uint32(unix.SECCOMP_RET_ALLOW)
	retKill  = uint32(unix.SECCOMP_RET_KILL_PROCESS)
)

func retErrno(e unix.Errno) uint32 {
	return unix.SECCOMP_RET_ERRNO | uint32(e&unix.SECCOMP_RET_DATA)
}

// assemble makes the program. Calls of another architecture (32-bit calls on a
// 64-bit kernel) end the process: their numbers mean something else.
func assemble(arch uint32, judged []span, rules []rule) []unix.SockFilter {
	p := []unix.SockFilter{
		load(offArch),
		jumpEqual(arch, 1, 0),
		ret(retKill),
		load(offCall),
	}
	// Known numbers jump over the refusal of unknown ones.
	for i, s := range judged {
		left := uint8(2 * (len(judged) - i - 1)) //nolint:gosec // G115: a handful of spans
		p = append(p,
			jump(unix.BPF_JGE, s.first, 0, 1),
			jump(unix.BPF_JGT, s.last, 0, left+1))
	}
	p = append(p, ret(retErrno(unix.ENOSYS)))
	// The rules, in blocks by call number: a call looks at one block's numbers
	// and steps over the other blocks. The kernel walks the program once for
	// every call there is when it is installed, so this is most of the cost.
	const size = 12
	ordered := slices.Clone(rules)
	slices.SortFunc(ordered, func(a, b rule) int { return cmp.Compare(a.call, b.call) })
	for block := range slices.Chunk(ordered, size) {
		var code []unix.SockFilter
		for _, r := range block {
			body := r.body()
			// The jump over a body can be longer than a conditional jump reaches.
			code = append(code, jumpEqual(r.call, 1, 0), always(len(body)))
			code = append(code, body...)
		}
		code = append(code, ret(retAllow))
		last := block[len(block)-1].call
		p = append(p, jump(unix.BPF_JGT, last, 0, 1), always(len(code)))
		p = append(p, code...)
	}
	return append(p, ret(retAllow))
}

func (r rule) alternatives() int { return len(r.when) + len(r.unless) }

// body decides about one call. It always returns, so the number of the call
// need not be loaded again.
func (r rule) body() []unix.SockFilter {
	hit, miss, tests := retErrno(r.errno), retAllow, r.when
	switch {
	case r.alternatives() == 0:
		return []unix.SockFilter{ret(hit)}
	case len(r.unless) > 0:
		hit, miss, tests = retAllow, retErrno(r.errno), r.unless
	}
	var p []unix.SockFilter
	for _, all := range tests {
		p = append(p, conjunction(all, hit)...)
	}
	return append(p, ret(miss))
}

// conjunction returns verdict if all tests hold and falls out at its end if one
// does not.
func conjunction(all []test, verdict uint32) []unix.SockFilter {
	p := []unix.SockFilter{ret(verdict)}
	for _, t := range slices.Backward(all) {
		p = append(t.code(len(p)), p...)
	}
	return p
}

// code falls through if the test holds and jumps over what follows if not.
func (t test) code(follows int) []unix.SockFilter {
	offset := offArgs + 8*t.arg
	if t.high {
		offset += 4
	}
	p := []unix.SockFilter{load(offset)}
	if t.mask != 0 {
		p = append(p, stmt(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, t.mask))
	}
	for i, v := range t.values {
		// Over the other comparisons and the one jump after them.
		p = append(p, jumpEqual(v, uint8(len(t.values)-i), 0)) //nolint:gosec // G115: fewer than 200 values, checked by a test
	}
	if t.not {
		p = append(p, always(1))
	}
	return append(p, always(follows))
}

func stmt(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func load(offset int) unix.SockFilter {
	return stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, uint32(offset)) //nolint:gosec // G115: at most 64
}

func ret(verdict uint32) unix.SockFilter { return stmt(unix.BPF_RET|unix.BPF_K, verdict) }

func always(over int) unix.SockFilter {
	return stmt(unix.BPF_JMP|unix.BPF_JA, uint32(over)) //nolint:gosec // G115: a length
}

func jump(op uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

func jumpEqual(k uint32, yes, no uint8) unix.SockFilter { return jump(unix.BPF_JEQ, k, yes, no) }

// installFilter puts the program on the calling thread.
func installFilter(program []unix.SockFilter) error {
	prog := unix.SockFprog{
		Len:    uint16(len(program)), //nolint:gosec // G115: under 4096, checked by a test and by the kernel
		Filter: &program[0],
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0,
		uintptr(unsafe.Pointer(&prog))) //nolint:gosec // G103: the kernel takes an address
	if errno != 0 {
		return fmt.Errorf("install the seccomp filter: %w", errno)
	}
	return nil
}
