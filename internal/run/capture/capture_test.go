package capture_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"runbook/internal/run/capture"
)

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Against a writer that keeps everything.
func TestKeepsHeadAndTail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(2, 40).Draw(t, "limit")
		var file bytes.Buffer
		c := capture.New(limit, &file)
		var all []byte
		for _, p := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 60)).Draw(t, "writes") {
			if n, err := c.Write(p); n != len(p) || err != nil {
				t.Fatalf("write of %d bytes: %d, %v", len(p), n, err)
			}
			all = append(all, p...)
		}
		half := limit / 2
		want := all
		if left := len(all) - 2*half; left > 0 {
			want = fmt.Appendf(bytes.Clone(all[:half]), "\n… %d bytes left out …\n", left)
			want = append(want, all[len(all)-half:]...)
		}
		if got := c.Bytes(); !bytes.Equal(got, want) {
			t.Fatalf("kept %q, want %q", got, want)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file.Bytes(), want) {
			t.Fatalf("the file holds %q, want %q", file.Bytes(), want)
		}
		n := rapid.IntRange(0, half).Draw(t, "last")
		if got := c.Last(n); !bytes.Equal(got, all[max(0, len(all)-n):]) {
			t.Fatalf("last %d: %q of %q", n, got, all)
		}
		s := c.Summary()
		if s.Total != int64(len(all)) || s.Left != int64(max(0, len(all)-2*half)) ||
			s.SHA256 != digest(all) || s.FileSHA256 != digest(file.Bytes()) {
			t.Fatalf("%+v of %q", s, all)
		}
	})
}

func TestTheHeadIsInTheFileAsItArrives(t *testing.T) {
	var file bytes.Buffer
	c := capture.New(0, &file)
	_, _ = c.Write([]byte("first\n"))
	if file.String() != "first\n" {
		t.Errorf("the file holds %q before the end", file.String())
	}
}

// fullDisk takes some bytes and then no more.
type fullDisk struct {
	room int
	bytes.Buffer
}

var errFull = errors.New("no space left on device")

func (f *fullDisk) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	f.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestAFullDiskStopsNobody(t *testing.T) {
	file := &fullDisk{room: 4}
	c := capture.New(0, file)
	for range 3 {
		if n, err := c.Write([]byte("hello\n")); n != 6 || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := string(c.Bytes()); got != "hello\nhello\nhello\n" {
		t.Errorf("kept %q", got)
	}
	for range 2 {
		if err := c.Close(); !errors.Is(err, errFull) {
			t.Errorf("close: %v", err)
		}
	}
	if s := c.Summary(); s.FileSHA256 != digest(file.Bytes()) || file.String() != "hell" {
		t.Errorf("%+v is not the hash of what the disk took, %q", s, file.String())
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := capture.New(0, nil)
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 1<<12)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 256 << 20 / len(chunk) {
		_, _ = c.Write(chunk)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("256 MiB of output cost %d bytes of memory", grown)
	}
	if s := c.Summary(); s.Total != 256<<20 || s.Left != 255<<20 {
		t.Errorf("%+v", s)
	}
}

func TestCanBeReadWhileItIsWritten(t *testing.T) {
	c := capture.New(100, nil)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				_, _ = c.Write([]byte("some line\n"))
				_, _, _ = c.Bytes(), c.Last(10), c.Summary()
			}
		})
	}
	all.Wait()
	if s := c.Summary(); s.Total != 4000 {
		t.Errorf("%+v", s)
	}
}
