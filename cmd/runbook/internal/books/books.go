package books

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// suffix is how the file of a runbook ends. Scenarios lie beside it.
const (
	suffix    = ".yaml"
	scenarios = ".scenarios.yaml"
)

// largest is as much of a file as is read: one byte more than a runbook may have, so that the engine says it is too large.
const largest = 1<<20 + 1

// Shelf is where runbooks are looked for.
type Shelf struct {
	Dirs    []string // in this order; those that are not there are passed over
	Shipped fs.FS    // after all folders; may be nil
	Root    bool     // the program runs as root: see the package's promise
}

// Book is one runbook's file.
type Book struct {
	Name    string // its stem
	File    string // its path, or "shipped/NAME.yaml"
	Source  []byte
	Shipped bool
}

// UnknownError says that no runbook has a name.
type UnknownError struct {
	Name string
	Near string   // what may have been meant, "" for nothing
	In   []string // where it was looked for
}

func (e *UnknownError) Error() string {
	if e.Near != "" {
		return fmt.Sprintf("find runbook %s: there is none; did you mean %s?", e.Name, e.Near)
	}
	return fmt.Sprintf("find runbook %s: there is none in %s", e.Name, strings.Join(e.In, ", "))
}

// missingError says that a file is not there.
type missingError struct{ path string }

func (e *missingError) Error() string { return "read runbook: there is no file " + e.path }
func (e *missingError) Unwrap() error { return fs.ErrNotExist }

// IsPath tells whether an argument names a file and not a runbook.
func IsPath(arg string) bool {
	return strings.ContainsRune(arg, filepath.Separator) || strings.HasSuffix(arg, suffix) || strings.HasSuffix(arg, ".yml")
}

// Find reads the runbook of a name, or of a path.
func (s Shelf) Find(arg string) (Book, error) {
	if IsPath(arg) {
		b, err := s.read(arg)
		if errors.Is(err, fs.ErrNotExist) {
			return Book{}, &missingError{arg}
		}
		if err != nil {
			return Book{}, fmt.Errorf("read runbook: %w", err)
		}
		return b, nil
	}
	for _, dir := range s.Dirs {
		b, err := s.read(filepath.Join(dir, arg+suffix))
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Book{}, fmt.Errorf("read runbook %s: %w", arg, err)
		}
	}
	if s.Shipped != nil && fs.ValidPath(arg+suffix) {
		source, err := fs.ReadFile(s.Shipped, arg+suffix)
		if err == nil {
			return Book{Name: arg, File: "shipped/" + arg + suffix, Source: source, Shipped: true}, nil
		}
	}
	return Book{}, &UnknownError{Name: arg, Near: nearest(arg, s.Names()), In: s.places()}
}

// Beside is the shelf for the runbooks that this one runs as steps: those in its own folder come first.
func (s Shelf) Beside(b Book) Shelf {
	if b.Shipped {
		return s
	}
	s.Dirs = append([]string{filepath.Dir(b.File)}, s.Dirs...)
	return s
}

// Lookup is Find in the form that the engine's loader wants.
func (s Shelf) Lookup(name string) (file string, source []byte, err error) {
	b, err := s.Find(name)
	return b.File, b.Source, err
}

// Scenarios reads the rehearsals of a runbook, which lie beside it. When there are none, the error is fs.ErrNotExist.
func (s Shelf) Scenarios(b Book) (Book, error) {
	if b.Shipped {
		source, err := fs.ReadFile(s.Shipped, b.Name+scenarios)
		return Book{Name: b.Name, File: "shipped/" + b.Name + scenarios, Source: source, Shipped: true}, err
	}
	s.Root = false // nothing in it is run
	out, err := s.read(Scenarios(b.File))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("read scenarios: %w", err)
	}
	return out, err
}

// Rehearsed is the runbook that a file of scenarios belongs to, "" when the path is another one.
func Rehearsed(path string) string {
	if stem, ok := strings.CutSuffix(path, scenarios); ok {
		return stem + suffix
	}
	return ""
}

// Scenarios is the file of scenarios that belongs to the file of a runbook.
func Scenarios(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, suffix), ".yml") + scenarios
}

// Entry is a runbook in a list, as far as it can be read.
type Entry struct {
	Book
	Err error // why it can't be read, or not be run by this user
}

// List gives all runbooks by name. Where a name is in several places the first one counts, as in Find.
func (s Shelf) List() []Entry {
	var out []Entry
	for _, name := range s.Names() {
		b, err := s.Find(name)
		b.Name = name
		out = append(out, Entry{b, err})
	}
	return out
}

// Names lists the names of all runbooks, sorted, without reading any.
func (s Shelf) Names() []string {
	var names []string
	add := func(entries []fs.DirEntry) {
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), suffix); ok && !e.IsDir() && !strings.HasSuffix(e.Name(), scenarios) && name != "" && name[0] != '.' {
				names = append(names, name)
			}
		}
	}
	for _, dir := range s.Dirs {
		if entries, err := os.ReadDir(dir); err == nil {
			add(entries)
		}
	}
	if s.Shipped != nil {
		if entries, err := fs.ReadDir(s.Shipped, "."); err == nil {
			add(entries)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// In lists the files of runbooks below a folder, or the file itself. A file of scenarios stands for its runbook, also for
// one that is not there.
func In(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look for runbooks: %w", err)
	}
	if !info.IsDir() {
		return []string{cmp.Or(Rehearsed(path), path)}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && p != path && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case !e.IsDir() && strings.HasSuffix(p, suffix) && !strings.HasPrefix(e.Name(), "."):
			if p = cmp.Or(Rehearsed(p), p); !slices.Contains(files, p) {
				files = append(files, p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for runbooks in %s: %w", path, err)
	}
	return files, nil
}

func (s Shelf) places() []string {
	places := slices.Clone(s.Dirs)
	if s.Shipped != nil {
		places = append(places, "the shipped ones")
	}
	return places
}

func (s Shelf) read(path string) (Book, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return Book{}, err
	case info.IsDir():
		return Book{}, fmt.Errorf("%s is a folder: name a runbook in it, or look at all with runbook list --dir %s", path, path)
	case !info.Mode().IsRegular():
		return Book{}, fmt.Errorf("%s is not a file", path)
	}
	if s.Root {
		if err := trusted(path); err != nil {
			return Book{}, err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return Book{}, err
	}
	defer func() { _ = f.Close() }()
	source, err := io.ReadAll(io.LimitReader(f, largest))
	if err != nil {
		return Book{}, err
	}
	name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), suffix), ".yml")
	return Book{Name: name, File: path, Source: source}, nil
}

// nearest gives the name that was probably meant, "" when none is near.
func nearest(name string, names []string) string {
	if best := Near(name, names); best != "" || len(name) < 3 {
		return best
	}
	best := ""
	for _, n := range names { // or it is a part of exactly one
		if !strings.Contains(n, strings.ToLower(name)) {
			continue
		}
		if best != "" {
			return ""
		}
		best = n
	}
	return best
}

// Near gives the word that was probably meant, "" when none is near: a third of the letters may be wrong, and two in
// any word of four letters, as two that have changed places are.
func Near(word string, words []string) string {
	limit := max(1, utf8.RuneCountInString(word)/3)
	if utf8.RuneCountInString(word) >= 4 {
		limit = max(limit, 2)
	}
	best, least := "", limit+1
	for _, w := range words {
		if d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(w), nil); d < least {
			best, least = w, d
		}
	}
	return best
}
