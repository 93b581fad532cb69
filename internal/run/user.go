package run

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// User is a Unix user to run as.
type User struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32 // the supplementary groups
	Home   string   // an absolute path, or empty
}

// LookupUser finds a user by name or by number, in /etc/passwd and /etc/group.
// Its error is an [*Error]: Missing if there is no such user.
func LookupUser(name string) (User, error) {
	u, err := user.Lookup(name)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		if _, number := strconv.ParseUint(name, 10, 32); number != nil {
			return User{}, fail(Missing, "look up user %s: there is no such user", name)
		}
		u, err = user.LookupId(name)
		if _, unknown := errors.AsType[user.UnknownUserIdError](err); unknown {
			return User{}, fail(Missing, "look up user %s: there is no such user", name)
		}
	}
	if err != nil {
		return User{}, fail(kindOf(err), "look up user %s: %w", name, err)
	}
	return userOf(u)
}

// UserNamed finds a user by name, nil for "": the one that this program runs as.
func UserNamed(name string) (*User, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // nobody else to become is an answer
	}
	u, err := LookupUser(name)
	if err != nil {
		return nil, err
	}
	return &u, nil
}

// CurrentUser is the user that this program runs as. One without an entry in
// /etc/passwd has a number for a name.
func CurrentUser() (User, error) {
	id := strconv.Itoa(os.Geteuid())
	u, err := user.LookupId(id)
	if err != nil {
		return User{
			Name: id,
			UID:  uint32(os.Geteuid()), //nolint:gosec // G115: a user's number
			GID:  uint32(os.Getegid()), //nolint:gosec // G115: a group's number
			Home: os.Getenv("HOME"),
		}, nil
	}
	return userOf(u)
}

func userOf(u *user.User) (User, error) {
	ids, err := u.GroupIds()
	if err != nil {
		return User{}, fail(kindOf(err), "look up the groups of %s: %w", u.Username, err)
	}
	numbers := make([]uint32, 0, len(ids)+2)
	for _, id := range slices.Concat([]string{u.Uid, u.Gid}, ids) {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return User{}, fail(Invalid, "look up user %s: %w", u.Username, err)
		}
		numbers = append(numbers, uint32(n))
	}
	return User{Name: u.Username, UID: numbers[0], GID: numbers[1], Groups: numbers[2:], Home: u.HomeDir}, nil
}

// credential is how to become the user; nil if that is who we are.
func (u User) credential() *syscall.Credential {
	if int(u.UID) == os.Geteuid() {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}

func (u User) String() string { return fmt.Sprintf("%s (%d)", u.Name, u.UID) }
