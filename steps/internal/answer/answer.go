package answer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"runbook/engine"
)

// Words lists what [Sort] can call an answer, for the docs of fields.
const Words = "refused, reset, closed, timeout, unreachable, tls or malformed"

// Sort looks at the error of a network call made under ctx. When the other side answered, or stayed silent, word says
// how in one word. Otherwise failure says why it could not be asked.
func Sort(ctx context.Context, err error) (word string, failure error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return "", engine.FailureOf(ctx.Err())
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "", engine.Fail(engine.Missing, fmt.Errorf("resolve %s: no such name", dns.Name))
		}
		return "", engine.Fail(engine.Unreachable, fmt.Errorf("resolve %s: %s", dns.Name, dns.Err))
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused", nil
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return "reset", nil
	case isTimeout(err):
		return "timeout", nil
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTDOWN):
		return "unreachable", nil
	case isTLS(err):
		return "tls", nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed", nil
	case isMalformed(err):
		return "malformed", nil
	case errors.Is(err, fs.ErrPermission):
		return "", engine.Fail(engine.Denied, err)
	default:
		return "", engine.Fail(engine.Unreachable, err)
	}
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

func isTLS(err error) bool {
	_, alert := errors.AsType[tls.AlertError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	// Package net/http gives some of them as text only.
	return alert || record || cert || unknown || strings.Contains(err.Error(), "tls: ") ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// isMalformed knows an HTTP answer that is none. The standard library has no types for these errors.
func isMalformed(err error) bool {
	text := err.Error()
	return strings.Contains(text, "malformed HTTP") || strings.Contains(text, "malformed MIME") ||
		strings.Contains(text, "malformed chunked encoding") || strings.Contains(text, "invalid byte in chunk length") ||
		strings.Contains(text, "server response headers exceeded")
}
