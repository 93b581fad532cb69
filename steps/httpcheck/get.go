package httpcheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"runbook/engine"
	"runbook/steps/internal/answer"
	"runbook/steps/internal/budget"
)

const (
	bodyShown   = 4 << 10 // bytes of the body in the result
	bodyRead    = 1 << 20 // bytes of the body that are looked at
	headerBytes = 4 << 10 // bytes of JSON that the answer's headers may take
	headerValue = 256     // bytes of one header's value
	redirects   = 10
)

func get(ctx context.Context, in getInput, t engine.Task) (getOutput, error) {
	if t.As != "" {
		return getOutput{}, engine.Failf(engine.Invalid, "ask %s: http.get can't act as another user (%s)", in.URL, t.As)
	}
	var seen chain
	client, err := newClient(ctx, in, &seen)
	if err != nil {
		return getOutput{}, err
	}
	defer client.CloseIdleConnections()

	limited, cancel := context.WithTimeout(ctx, time.Duration(in.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(limited, in.Method, in.URL, http.NoBody)
	if err != nil {
		return getOutput{}, engine.Fail(engine.Invalid, err)
	}
	request.Header.Set("User-Agent", "runbook")
	for name, value := range in.Headers {
		request.Header.Set(name, value)
	}
	request.Host = in.Host

	start := time.Now()
	response, err := client.Do(request)
	out := getOutput{
		LatencyMS: int(time.Since(start).Milliseconds()),
		URL:       in.URL, Lacks: in.Contains, Headers: map[string]string{},
	}
	seen.noteRefused(err)
	out.TLS = seen.certificate(time.Now())
	if err != nil {
		return out, out.noAnswer(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	out.URL = response.Request.URL.Redacted()
	out.Headers = headers(response.Header)

	body, err := io.ReadAll(io.LimitReader(response.Body, bodyRead))
	out.Size = len(body)
	out.Body = budget.Head(string(body), bodyShown)
	if err != nil {
		keepBody(t, body)
		return out, out.noAnswer(ctx, fmt.Errorf("read the body after status %d: %w", response.StatusCode, err))
	}
	out.Status = response.StatusCode
	if in.Contains != "" && strings.Contains(string(body), in.Contains) {
		out.Found, out.Lacks = true, ""
	}
	if out.Status >= 400 || out.Lacks != "" {
		keepBody(t, body)
	}
	return out, nil
}

// noAnswer notes in the output why there was no whole answer, and gives the failure when that says nothing about the
// server.
func (o *getOutput) noAnswer(ctx context.Context, err error) error {
	word, failure := answer.Sort(ctx, err)
	o.Error, o.Detail = word, budget.Line(err.Error(), 512)
	return failure
}

// keepBody makes evidence of a body that the result does not hold in full.
func keepBody(t engine.Task, body []byte) {
	if len(body) <= bodyShown {
		return
	}
	w := t.Keep("body")
	_, _ = w.Write(body)
	_ = w.Close()
}

// headers picks what fits, in the order of names.
func headers(from http.Header) map[string]string {
	out := map[string]string{}
	left := headerBytes
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if name == "Set-Cookie" {
			continue
		}
		value := budget.Line(strings.Join(from[name], ", "), headerValue)
		if left -= budget.Encoded(name) + budget.Encoded(value) + 2; left < 0 {
			break
		}
		out[name] = value
	}
	return out
}

// redirect follows when it may, and takes the author's headers away from other hosts: they can be credentials.
func redirect(in getInput) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		switch {
		case !in.Follow:
			return http.ErrUseLastResponse
		case len(via) >= redirects:
			return errors.New("malformed HTTP answer: too many redirects")
		}
		if next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
			for name := range in.Headers {
				next.Header.Del(name)
			}
		}
		return nil
	}
}
