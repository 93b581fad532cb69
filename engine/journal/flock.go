package journal

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"github.com/gofrs/flock"
)

type lockKind bool

const (
	exclusive lockKind = true
	shared    lockKind = false
)

// tryLock locks the file that path names, without waiting; nil means that somebody else has it. The file may be moved
// to another place between finding and locking it: then the lock is one that nobody else will look at, and is taken
// anew.
//
// The lock is flock(2) on a descriptor that no child inherits (os.OpenFile opens with O_CLOEXEC). It ends with the
// process, however that ends.
func tryLock(find func() (string, error), kind lockKind) (*flock.Flock, error) {
	for tries := 0; ; tries++ {
		at, err := find()
		if err != nil {
			return nil, err
		}
		l := flock.New(at, flock.SetFlag(os.O_RDONLY), flock.SetPermissions(fileMode))
		try := l.TryRLock
		if kind == exclusive {
			try = l.TryLock
		}
		got, err := try()
		if errors.Is(err, fs.ErrNotExist) && tries < 100 {
			continue // moved away since it was found
		}
		if err != nil || !got {
			return nil, err
		}
		mine, err := l.Stat()
		if err == nil {
			var now string
			if now, err = find(); err == nil {
				var there fs.FileInfo
				if there, err = os.Stat(now); err == nil && os.SameFile(mine, there) {
					return l, nil
				}
			}
		}
		if closeErr := l.Close(); closeErr != nil {
			return nil, closeErr
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// probing is how long it may take until a lock can be told from somebody's look at it.
const probing = 2 * time.Second

// tryLockFirmly is tryLock for a lock whose holder keeps it. Whoever looks whether it is held shares it for an instant;
// that is not to be held, and is waited for. nil means that somebody holds it.
func tryLockFirmly(find func() (string, error)) (*flock.Flock, error) {
	deadline := time.Now().Add(probing)
	for {
		l, err := tryLock(find, exclusive)
		if l != nil || err != nil {
			return l, err
		}
		l, err = tryLock(find, shared)
		if l == nil || err != nil {
			return nil, err
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, nil
		}
		time.Sleep(rand.N(time.Millisecond)) //nolint:gosec // so that two who try do not keep step
	}
}
