package httpcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
)

// chain holds the certificate that the last server showed, accepted or not.
type chain struct {
	mu   sync.Mutex
	leaf *x509.Certificate
}

func (c *chain) note(certificates []*x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(certificates) > 0 {
		c.leaf = certificates[0]
	}
}

// noteRefused notes the certificate that was not accepted: an expired one is just what a person wants to see.
func (c *chain) noteRefused(err error) {
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		c.note(refused.UnverifiedCertificates)
	}
}

func (c *chain) certificate(now time.Time) *certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaf == nil {
		return nil
	}
	return &certificate{
		Expires:  c.leaf.NotAfter.UTC().Format(time.RFC3339),
		DaysLeft: int(math.Floor(c.leaf.NotAfter.Sub(now).Hours() / 24)),
		Subject:  budget.Line(c.leaf.Subject.String(), 256),
		Issuer:   budget.Line(c.leaf.Issuer.String(), 256),
	}
}

// newClient makes a client for one question: no proxy and no connection kept. The certificate is noted in seen.
func newClient(ctx context.Context, in getInput, seen *chain) (*http.Client, error) {
	roots, err := trusted(ctx, in.CA)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            roots,
		ServerName:         hostname(in.Host),
		InsecureSkipVerify: in.Insecure, //nolint:gosec // the author asks for it by name
		VerifyConnection: func(state tls.ConnectionState) error {
			seen.note(state.PeerCertificates)
			return nil
		},
	}
	return &http.Client{
		CheckRedirect: redirect(in),
		Transport: &http.Transport{
			Proxy:                  nil, // the question is whether this host answers, not whether a proxy does
			DialContext:            (&net.Dialer{}).DialContext,
			TLSClientConfig:        conf,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}, nil
}

// trusted reads the certificates to trust, nil for the system's.
func trusted(ctx context.Context, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // nil is what package x509 calls the system's certificates
	}
	pem, err := hostcall.Look(ctx, "", func() ([]byte, error) { return os.ReadFile(file) })
	if err != nil {
		return nil, fmt.Errorf("read the certificates to trust: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, engine.Failf(engine.Invalid, "read the certificates to trust: %s holds none", file)
	}
	return pool, nil
}

// hostname takes the port from a Host header, since TLS knows names only.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
