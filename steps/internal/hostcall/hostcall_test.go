package hostcall_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

func TestLookGivesUpOnACallThatHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	go func() {
		<-began
		cancel()
	}()
	_, err := hostcall.Look(ctx, "", func() (int, error) {
		close(began)
		<-release
		return 1, nil
	})
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled {
		t.Fatalf("want a cancelled look, have %v", err)
	}
}

func TestActSeesTheEndOfWhatItBegan(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	got, err := hostcall.Act(ctx, "", func() (int, error) {
		cancel()
		return 7, nil
	})
	if got != 7 || err != nil {
		t.Fatalf("have %d, %v", got, err)
	}
	got, err = hostcall.Act(ctx, "", func() (int, error) {
		t.Error("it began after the step was cancelled")
		return 8, nil
	})
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled || got != 0 {
		t.Fatalf("have %d, %v", got, err)
	}
}

func TestAUserThatIsNotThereIsMissing(t *testing.T) {
	_, err := hostcall.Look(t.Context(), "no-such-user-here", func() (int, error) { return 1, nil })
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Missing {
		t.Fatalf("have %v", err)
	}
}

// Only the thread of the call becomes the user: the rest of the program, and its main thread above all, stays itself.
func TestOnlyTheCallActsAsTheUser(t *testing.T) {
	if os.Geteuid() != 0 {
		_, err := hostcall.Look(t.Context(), "root", func() (int, error) { return 1, nil })
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Denied {
			t.Fatalf("want denied, have %v", err)
		}
		return
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			uid, err := hostcall.Look(context.Background(), "nobody", func() (int, error) {
				if _, err := os.ReadFile(secret); !errors.Is(err, os.ErrPermission) {
					t.Errorf("nobody could read root's file: %v", err)
				}
				return syscall.Geteuid(), nil
			})
			if err != nil || uid == 0 {
				t.Errorf("have uid %d, %v", uid, err)
			}
			if _, err := hostcall.Act(context.Background(), "nobody", func() (int, error) { return 0, nil }); err != nil {
				t.Error(err)
			}
			if uid := syscall.Geteuid(); uid != 0 {
				t.Errorf("the caller's thread has become %d", uid)
			}
		})
	}
	wg.Wait()
	// The threads that became nobody end after their calls. The main one never was one of them.
	for others := -1; others != 0; {
		others = 0
		for _, task := range threads(t) {
			if effectiveUID(task) != "0" {
				others++
				if filepath.Base(task) == strconv.Itoa(os.Getpid()) {
					t.Fatal("the main thread is somebody else now")
				}
			}
		}
		runtime.Gosched()
	}
}

func threads(t *testing.T) []string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		t.Fatal(err)
	}
	return tasks
}

// effectiveUID is that of a thread; of one that has ended it is root's, the test's own.
func effectiveUID(task string) string {
	data, err := os.ReadFile(task + "/status")
	if err != nil {
		return "0"
	}
	for line := range strings.Lines(string(data)) {
		if uids, ok := strings.CutPrefix(line, "Uid:"); ok {
			return strings.Fields(uids)[1]
		}
	}
	return "0"
}
