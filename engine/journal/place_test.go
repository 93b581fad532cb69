package journal

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// The folder's lock keeps writers apart already. Should it fail, as on a file system that only pretends to lock, there
// is still one winner.
func TestOnlyOneFileGetsTheName(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for i := range 50 {
		var group sync.WaitGroup
		var won atomic.Int32
		for g := range 4 {
			group.Go(func() {
				err := putNew(root, "d/"+strconv.Itoa(i), []byte(strconv.Itoa(g)), os.Getuid(), nil)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, fs.ErrExist) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d won", won.Load())
		}
	}
	entries, err := fs.ReadDir(root.FS(), "d")
	if err != nil || len(entries) != 50 {
		t.Errorf("%d files: %v", len(entries), err)
	}
}
