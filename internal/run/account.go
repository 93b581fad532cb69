package run

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"runbook/engine"
)

// account is the user that a process runs as.
type account struct {
	name, home string
	credential *syscall.Credential // nil: the user that we are
}

// accountOf finds a user by name. "" is the one that we are.
func accountOf(name string) (account, error) {
	find := user.Current
	if name != "" {
		find = func() (*user.User, error) { return user.Lookup(name) }
	}
	u, err := find()
	if err != nil {
		if name == "" { // a user id without an entry is no reason not to run anything
			return account{name: strconv.Itoa(os.Geteuid()), home: "/"}, nil
		}
		return account{}, engine.Fail(engine.Missing, fmt.Errorf("find user %s: %w", name, err))
	}
	a := account{name: u.Username, home: u.HomeDir}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return a, fmt.Errorf("read the user id of %s: %w", name, err)
	}
	if int(uid) == os.Geteuid() {
		return a, nil
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return a, fmt.Errorf("read the group id of %s: %w", name, err)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return a, fmt.Errorf("find the groups of %s: %w", name, err)
	}
	a.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			a.credential.Groups = append(a.credential.Groups, uint32(n))
		}
	}
	return a, nil
}

// environment is what a process gets to know when nothing else is said. The operator's own environment is not among
// it: a step must do the same whoever runs it.
func (a account) environment() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + a.home, "USER=" + a.name, "LOGNAME=" + a.name, "LANG=C.UTF-8",
	}
}

// lookPath finds a program along the PATH that the process itself will have.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path := ""
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	denied := ""
	for dir := range strings.SplitSeq(path, ":") {
		full := filepath.Join(dir, name)
		info, err := os.Stat(full)
		if err != nil || info.IsDir() {
			continue
		}
		if info.Mode().Perm()&0o111 != 0 {
			return full, nil
		}
		denied = full
	}
	if denied != "" {
		return "", engine.Failf(engine.Denied, "start %s: %s is not executable", name, denied)
	}
	return "", engine.Failf(engine.Missing, "start %s: there is no such command in %s", name, path)
}
