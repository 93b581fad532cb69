package hostcall

import (
	"context"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"runbook/engine"
)

// Look calls fn as the user as, "" for the user who runs the program, and gives its result. When ctx ends first, Look
// returns the context's error at once and fn's result is thrown away: fn must change nothing. What fn does must stay
// on its own goroutine.
func Look[T any](ctx context.Context, as string, fn func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, engine.FailureOf(err)
	}
	who, err := lookUp(as)
	if err != nil {
		return none, err
	}
	done := make(chan result, 1)
	who.aside(func(err error) {
		r := result{err: err}
		if err == nil {
			r.value, r.err = fn()
		}
		done <- r
	})
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, engine.FailureOf(ctx.Err())
	}
}

// Act calls fn as the user as and waits for its end, whatever becomes of ctx. It does not begin when ctx has ended.
func Act[T any](ctx context.Context, as string, fn func() (T, error)) (T, error) {
	var value T
	if err := ctx.Err(); err != nil {
		return value, engine.FailureOf(err)
	}
	who, err := lookUp(as)
	if err != nil {
		return value, err
	}
	if who == nil {
		return fn()
	}
	done := make(chan struct{})
	who.aside(func(failed error) {
		defer close(done)
		if err = failed; err == nil {
			value, err = fn()
		}
	})
	<-done
	return value, err
}

// aside calls fn on a goroutine of its own, which acts as the account; its argument says why it can't. The thread that
// became somebody else is never given back: it ends with the goroutine.
//
// The main thread can't end that way: it would stay, as that user, and stand for the whole process in /proc. Should the
// goroutine meet it, it keeps it busy until the work has found another.
func (a *account) aside(fn func(error)) {
	if a == nil {
		go fn(nil)
		return
	}
	found := make(chan struct{})
	var begin func()
	begin = func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			go begin()
			<-found
			runtime.UnlockOSThread()
			return
		}
		close(found)
		fn(a.apply())
	}
	go begin()
}
