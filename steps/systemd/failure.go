package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strings"

	godbus "github.com/godbus/dbus/v5"

	"runbook/engine"
)

// failed gives the error of a call to systemd its kind of failure. other is the kind of what systemd answered for
// reasons of its own.
func failed(ctx context.Context, doing string, err error, other engine.FailureKind) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errNoAnswer):
		return engine.Failf(engine.Unreachable, "%s: systemd does not answer", doing)
	case ctx.Err() != nil:
		return engine.FailureOf(fmt.Errorf("%s: %w", doing, ctx.Err()))
	}
	if isDenied(err) {
		return engine.Failf(engine.Denied, "%s: this user may not: root may, and whom polkit lets", doing)
	}
	kind, known := kindOf(err)
	if !known {
		kind = other
	}
	return engine.Fail(kind, fmt.Errorf("%s: %w", doing, err))
}

// kindOf sorts the errors of D-Bus and of the sockets under it.
func kindOf(err error) (kind engine.FailureKind, known bool) {
	if e, ok := errors.AsType[godbus.Error](err); ok {
		short := strings.TrimPrefix(strings.TrimPrefix(e.Name, "org.freedesktop.DBus.Error."), "org.freedesktop.systemd1.")
		switch short {
		case "AccessDenied", "AuthFailed", "InteractiveAuthorizationRequired", "UnitMasked", "OnlyByDependency":
			return engine.Denied, true
		case "NoSuchUnit", "LoadFailed":
			return engine.Missing, true
		case "NoReply", "Timeout", "TimedOut", "Disconnected", "NoServer", "ServiceUnknown", "NameHasNoOwner", "LimitsExceeded":
			return engine.Unreachable, true
		default:
			return "", false
		}
	}
	if f, ok := errors.AsType[*engine.Failure](err); ok {
		return f.Kind, true
	}
	_, network := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return engine.Denied, true
	case network, errors.Is(err, errNoAnswer), errors.Is(err, godbus.ErrClosed), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF):
		return engine.Unreachable, true
	default:
		return "", false
	}
}

// kindOfAll sums up why no way led to systemd: denied only if nothing but a missing right was in the way.
func kindOfAll(errs []error) engine.FailureKind {
	denied := func(err error) bool {
		kind, _ := kindOf(err)
		return kind == engine.Denied
	}
	if slices.ContainsFunc(errs, func(err error) bool { return !denied(err) }) {
		return engine.Unreachable
	}
	return engine.Denied
}

// isDenied tells that systemd would have done it for somebody else.
func isDenied(err error) bool {
	e, ok := errors.AsType[godbus.Error](err)
	return ok && (e.Name == "org.freedesktop.DBus.Error.AccessDenied" || e.Name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired")
}

// isNoSuchUnit tells that systemd holds no unit of that name.
func isNoSuchUnit(err error) bool {
	e, ok := errors.AsType[godbus.Error](err)
	return ok && e.Name == "org.freedesktop.systemd1.NoSuchUnit"
}

func inOneLine(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = oneLine(err.Error(), maxArg)
	}
	return strings.Join(texts, "; ")
}
