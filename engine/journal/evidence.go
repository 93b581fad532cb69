package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

const evidenceDir = "evidence"

// Evidence is a file that one process streams a step's output into. It is not for use from several goroutines.
type Evidence struct {
	run  *Run
	name string
	file *os.File
	lock *flock.Flock // says that the file is being written, so that nobody moves it
	over bool
}

// Evidence makes the next evidence file of the run and opens it: evidence/E03-STEP.txt, numbered in the order of the
// calls, through resumes as well.
func (r *Run) Evidence(step string) (*Evidence, error) {
	var e *Evidence
	err := r.folder.locked(func() error {
		names, err := r.EvidenceFiles()
		if err != nil {
			return err
		}
		next := 1
		if len(names) > 0 {
			next = evidenceNumber(names[len(names)-1]) + 1
		}
		name := path.Join(evidenceDir, fmt.Sprintf("E%02d-%s.txt", next, fileName(step)))
		err = r.folder.write(func(root *os.Root, _ bool) error {
			if err := makeDir(root, evidenceDir, r.folder.store.UID); err != nil {
				return err
			}
			return touch(root, name, r.folder.store.UID)
		})
		if err != nil {
			return err
		}
		e, err = r.OpenEvidence(name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make evidence of step %s: %w", step, err)
	}
	return e, nil
}

// OpenEvidence opens an evidence file by its name, to add to its end: for a supervisor, which is another process than
// the one that made the file.
func (r *Run) OpenEvidence(name string) (*Evidence, error) {
	if err := checkEvidenceName(name); err != nil {
		return nil, err
	}
	e := &Evidence{run: r, name: name}
	deadline := time.Now().Add(patience)
	for e.lock == nil {
		// Shared: it keeps off who would move the file, and not the supervisor whose engine still has the file open.
		l, err := tryLock(func() (string, error) { return r.folder.pathOf(name) }, shared)
		if err == nil && l == nil && time.Now().After(deadline) {
			err = errors.New("another process holds it")
		}
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		if l == nil {
			time.Sleep(5 * time.Millisecond)
		}
		e.lock = l
	}
	err := r.folder.find(func(root *os.Root, p place) (err error) {
		e.over = p.fallback
		e.file, err = root.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", name, err), e.lock.Close())
	}
	return e, nil
}

// Name is the file's name below the run's folder, such as evidence/E03-page.txt.
func (e *Evidence) Name() string { return e.name }

// Write adds to the file. When its place can't be written, the file goes on in a fallback place, as the journal does.
func (e *Evidence) Write(p []byte) (int, error) {
	n, err := e.file.Write(p)
	if err == nil {
		return n, nil
	}
	if e.over {
		return n, fmt.Errorf("write %s: %w", e.name, err)
	}
	if moved := e.flee(); moved != nil {
		return n, fmt.Errorf("write %s: %w", e.name, errors.Join(err, moved))
	}
	rest, err := e.file.Write(p[n:])
	if err != nil {
		return n + rest, fmt.Errorf("write %s: %w", e.name, err)
	}
	return n + rest, nil
}

func (e *Evidence) flee() error {
	return e.run.folder.locked(func() error {
		root, _, err := e.run.folder.overflow()
		if err != nil {
			return err
		}
		defer root.Close()
		info, err := e.file.Stat()
		if err != nil {
			return err
		}
		whole := io.NewSectionReader(e.file, 0, info.Size())
		if err := replace(root, e.name, whole, e.run.folder.store.UID, nil); err != nil {
			return err
		}
		fled, err := e.run.OpenEvidence(e.name)
		if err != nil {
			return err
		}
		e.Close()
		*e = *fled
		return nil
	})
}

// Sync puts the file on the disk. Before a change, evidence of what the change will destroy wants it.
func (e *Evidence) Sync() error {
	if err := syncData(e.file); err != nil {
		return fmt.Errorf("flush %s: %w", e.name, err)
	}
	return nil
}

// Close closes the file. It does not flush it.
func (e *Evidence) Close() error {
	if err := errors.Join(e.file.Close(), e.lock.Close()); err != nil {
		return fmt.Errorf("close %s: %w", e.name, err)
	}
	return nil
}

// EvidenceFiles names the run's evidence files, below the run's folder, in the order of their numbers.
func (r *Run) EvidenceFiles() ([]string, error) {
	names, err := r.folder.list(evidenceDir)
	if err != nil {
		return nil, fmt.Errorf("list evidence of run %s: %w", r.ID, err)
	}
	var files []string
	for _, name := range names {
		if file := path.Join(evidenceDir, name); evidenceNumber(file) > 0 {
			files = append(files, file)
		}
	}
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(cmp.Compare(evidenceNumber(a), evidenceNumber(b)), cmp.Compare(a, b))
	})
	return files, nil
}

// ReadEvidence opens an evidence file for reading.
func (r *Run) ReadEvidence(name string) (*os.File, error) {
	if err := checkEvidenceName(name); err != nil {
		return nil, err
	}
	f, err := r.folder.open(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return f, nil
}

func checkEvidenceName(name string) error {
	if path.Dir(name) != evidenceDir || evidenceNumber(name) == 0 {
		return fmt.Errorf("open evidence: %q is not the name of an evidence file", name)
	}
	return nil
}

// evidenceNumber is the number in the name of an evidence file; 0 when it is not one.
func evidenceNumber(name string) int {
	base, found := strings.CutPrefix(path.Base(name), "E")
	digits, _, dash := strings.Cut(base, "-")
	n, err := strconv.Atoi(digits)
	if !found || !dash || err != nil || n < 1 {
		return 0
	}
	return n
}
