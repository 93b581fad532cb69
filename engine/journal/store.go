package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNotFound is in the error of whatever names a run that is not there.
var ErrNotFound = errors.New("no such run")

// ErrExists is in the error of Create when the id is taken. Make another.
var ErrExists = errors.New("run exists")

// Store is where the runs of one user are. It is a value and holds nothing open.
type Store struct {
	// Dir is the home place: Dir/runs/ID is the folder of a run, Dir/locks/NAME.lock a lock.
	Dir string
	// Fallbacks are directories in memory, tried in order, that stand in for Dir when it can't be written. Each must
	// belong to UID and be open to nobody else, or is not used; one that is missing is made.
	Fallbacks []string
	// UID is the user whose runs these are. When root writes into a run of another user, the files become that user's.
	UID int
	// Notice, unless nil, hears when a run goes to a fallback place and when it comes home. It may be called from any
	// goroutine, and may call back.
	Notice func(Notice)
	// Retry is the least time between two tries to come home. 0 means 5 s.
	Retry time.Duration
}

// UserStore is the store of a user by custom: /var/lib/runbook for root, else $XDG_STATE_HOME/runbook or
// ~/.local/state/runbook; and in memory /dev/shm/runbook-UID, then /run/runbook or $XDG_RUNTIME_DIR/runbook. getenv is
// os.Getenv or like it.
func UserStore(uid int, home string, getenv func(string) string) Store {
	s := Store{UID: uid, Fallbacks: []string{filepath.Join("/dev/shm", "runbook-"+strconv.Itoa(uid))}}
	if uid == 0 {
		s.Dir = "/var/lib/runbook"
		s.Fallbacks = append(s.Fallbacks, "/run/runbook")
		return s
	}
	state := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // the XDG base directory specification: a relative one is to be ignored
		state = filepath.Join(home, ".local", "state")
	}
	s.Dir = filepath.Join(state, "runbook")
	if runtime := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(runtime) {
		s.Fallbacks = append(s.Fallbacks, filepath.Join(runtime, "runbook"))
	}
	return s
}

// Open finds the run of that id, wherever it lies.
func (s Store) Open(id string) (*Run, error) {
	if _, err := ParseID(id); err != nil {
		return nil, err
	}
	f := folder{store: s, id: id}
	there, err := f.exists(".")
	if err == nil && !there {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open run %s: %w", id, err)
	}
	return &Run{ID: id, folder: f}, nil
}

// List gives the ids of all runs, oldest first. It reads directories and opens no run. When one place can't be read, it
// gives the runs of the others beside the error.
func (s Store) List() ([]string, error) {
	var ids []string
	var failed error
	for _, p := range s.places() {
		entries, err := p.list()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("list runs: %w", err))
		}
		for _, e := range entries {
			if _, err := ParseID(e.Name()); err == nil && e.IsDir() {
				ids = append(ids, e.Name())
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), failed
}

// AmbiguousError says that a short name stands for several runs.
type AmbiguousError struct {
	Name string
	IDs  []string // oldest first
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("find run %q: could be %s", e.Name, strings.Join(e.IDs, ", "))
}

// Resolve turns what a person types into an id: "last", a whole id, the beginning of one, or its four letters at the
// end.
func (s Store) Resolve(name string) (string, error) {
	ids, failed := s.List()
	if name == "last" && len(ids) > 0 {
		return ids[len(ids)-1], nil
	}
	var found []string
	for _, id := range ids {
		if name != "" && (strings.HasPrefix(id, name) || id[len(idTime)+1:] == name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		if failed != nil {
			return "", failed
		}
		return "", fmt.Errorf("find run %q: %w", name, ErrNotFound)
	case 1:
		return found[0], nil
	}
	return "", &AmbiguousError{Name: name, IDs: found}
}

// BringHome moves what runs have left in fallback places back home, as far as nobody drives these runs and there is
// room now. It is cheap when there is nothing to move. The errors say which runs stay where they are.
func (s Store) BringHome() error {
	var failed []error
	for _, p := range s.places() {
		if !p.fallback {
			continue
		}
		entries, err := p.list()
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, e := range entries {
			run, err := s.Open(e.Name())
			if err != nil {
				continue // not a run
			}
			if err := run.bringHome(); err != nil {
				failed = append(failed, fmt.Errorf("bring run %s home: %w", run.ID, err))
			}
		}
	}
	return errors.Join(failed...)
}

func (s Store) retry() time.Duration {
	if s.Retry == 0 {
		return 5 * time.Second
	}
	return s.Retry
}

// places are all places of the store, home first.
func (s Store) places() []place {
	all := []place{{dir: s.Dir, uid: s.UID}}
	for _, dir := range s.Fallbacks {
		all = append(all, place{dir: dir, uid: s.UID, fallback: true})
	}
	return all
}
