package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A build is kept in three moves, each of them one rename, so that being killed between any two of them leaves a state
// that the next attempt knows:
//
//	begin     .next          -> .next.building   before the new build begins
//	putBack   .next.building -> .next            when it failed, after what it left was moved out of the way
//	done      .next.building -> .next.previous   when it is complete
//
// So as long as .next.building is there, what is at .next is unfinished.
type keeper struct {
	root     *os.Root // the project
	artifact string   // the path of what a build makes, inside the project
	had      bool     // there was a build to keep
}

func (k *keeper) aside() string    { return k.beside("building") }
func (k *keeper) previous() string { return k.beside("previous") }
func (k *keeper) broken() string   { return k.beside("broken") }

// beside is a hidden name next to the artifact: compilers and linters that take everything in a project leave such
// directories out.
func (k *keeper) beside(what string) string {
	dir, name := filepath.Split(k.artifact)
	return dir + "." + strings.TrimPrefix(name, ".") + "." + what
}

// path is where a name inside the project is on the host.
func (k *keeper) path(name string) string { return filepath.Join(k.root.Name(), name) }

// begin moves the build that is there out of the way, after an earlier attempt that was killed has been taken back.
func (k *keeper) begin() error {
	if err := k.recover(); err != nil {
		return err
	}
	err := k.root.Rename(k.artifact, k.aside())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep the build that is there: %w", err)
	}
	k.had = err == nil
	return nil
}

// interrupted tells whether an earlier attempt was killed before it could end.
func (k *keeper) interrupted() bool {
	_, err := k.root.Lstat(k.aside())
	return err == nil
}

// recover takes an earlier attempt back that was killed.
func (k *keeper) recover() error {
	if !k.interrupted() {
		return nil
	}
	k.had = true
	return k.putBack()
}

// putBack restores what was there before, in place of what a failed build left.
func (k *keeper) putBack() error {
	if err := k.root.RemoveAll(k.broken()); err != nil {
		return fmt.Errorf("remove what an earlier build left: %w", err)
	}
	if err := k.root.Rename(k.artifact, k.broken()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("move the failed build away: %w", err)
	}
	if k.had {
		if err := k.root.Rename(k.aside(), k.artifact); err != nil {
			return fmt.Errorf("put the previous build back: %w", err)
		}
	}
	if err := k.root.RemoveAll(k.broken()); err != nil {
		return fmt.Errorf("remove the failed build: %w", err)
	}
	return nil
}

// done lets the new build stand, and keeps the one before it. It gives the path of that one, "" when there was none.
func (k *keeper) done() (string, error) {
	if !k.had {
		return "", nil
	}
	if err := k.root.RemoveAll(k.previous()); err != nil {
		return "", fmt.Errorf("remove the build before the previous one: %w", err)
	}
	if err := k.root.Rename(k.aside(), k.previous()); err != nil {
		return "", fmt.Errorf("keep the previous build: %w", err)
	}
	return k.path(k.previous()), nil
}

// complete tells whether the build made something.
func (k *keeper) complete() (bool, error) {
	_, err := k.root.Lstat(k.artifact)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
