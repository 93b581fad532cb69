package httpcheck

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"runbook/engine"
)

type getInput struct {
	URL      string            `json:"url" required:"true" is:"url" doc:"what to ask: http or https, without credentials in it"`
	Method   string            `json:"method" default:"GET" enum:"GET,HEAD" doc:"how to ask"`
	Headers  map[string]string `json:"headers" secret:"ok" doc:"headers to send. When a redirect leads to another host, they are not sent there"`
	Host     string            `json:"host" doc:"the name to ask for, as Host header and to TLS, when it is not the one in url: to ask one server of many, or nginx on 127.0.0.1"`
	CA       string            `json:"ca" is:"path" doc:"a PEM file of the certificates to trust in place of the system's"`
	Insecure bool              `json:"insecure" doc:"accept any certificate; what it says is reported all the same"`
	Follow   bool              `json:"follow" doc:"follow up to 10 redirects; without it a redirect is the answer"`
	Timeout  engine.Duration   `json:"timeout" default:"10s" doc:"how long to wait for the whole answer; silence for so long is one"`
	Contains string            `json:"contains" doc:"a text that the first MiB of the body must contain"`
}

type getOutput struct {
	Status    int               `json:"status" doc:"the HTTP status, 0 when there was no whole answer"`
	Error     string            `json:"error" doc:"why there was none, in one word: refused, reset, closed, timeout, unreachable, tls or malformed; empty when there was one"`
	Detail    string            `json:"detail" moves:"true" doc:"the error in full"`
	Body      string            `json:"body" moves:"true" doc:"the first 4 KiB of the body. More of it, up to 1 MiB, is evidence when the answer is not a good one"`
	Size      int               `json:"size" moves:"true" doc:"bytes of the body that were read, at most 1 MiB"`
	Found     bool              `json:"found" doc:"contains was given and the body contains it"`
	Lacks     string            `json:"lacks" doc:"the text of contains when the body lacks it, otherwise empty"`
	Headers   map[string]string `json:"headers" moves:"true" doc:"the answer's headers, names like Content-Type, at most 4 KiB of them. Set-Cookie is left out: its value is a credential"`
	LatencyMS int               `json:"latency_ms" moves:"true" doc:"milliseconds until the answer's headers, or until nobody waited any longer"`
	URL       string            `json:"url" doc:"what answered in the end, after redirects"`
	TLS       *certificate      `json:"tls" doc:"the server's certificate, also when it was not accepted. null without TLS"`
}

type certificate struct {
	Expires  string `json:"expires" doc:"until when it is valid, in UTC, like 2026-11-20T12:00:00Z"`
	DaysLeft int    `json:"days_left" moves:"true" doc:"whole days until then, negative afterwards"`
	Subject  string `json:"subject" doc:"whom it is for, like CN=example.org"`
	Issuer   string `json:"issuer" doc:"who signed it"`
}

func getKind() engine.Definition[getInput, getOutput] {
	return engine.Definition[getInput, getOutput]{
		Name:   "http.get",
		Effect: engine.Reads,
		Expect: `status >= 200 and status < 400 and error == "" and lacks == ""`,
		Doc: `Asks a URL and looks at the answer.

A server that refuses, resets or stays silent has answered too: ` + "`status`" + ` is 0 and ` + "`error`" + ` says which. So is one whose
body does not end in time. A name that does not resolve, or no permission to ask, is no answer: the check is unknown.
Proxies from the environment are not used.`,
		Example: "url: http://127.0.0.1:3000/products\ntimeout: 5s\ncontains: Products",
		Check:   checkGet,
		Do:      get,
	}
}

func checkGet(in getInput) error {
	u, err := url.Parse(in.URL)
	switch {
	case err != nil:
		return fmt.Errorf("read url: %w", err)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("url %q does not begin with http://host or https://host", in.URL)
	case u.User != nil:
		return fmt.Errorf("url has credentials in it: send them with headers")
	case in.Timeout <= 0:
		return fmt.Errorf("timeout %s is not longer than nothing", time.Duration(in.Timeout))
	case in.Host != "" && in.Follow:
		return fmt.Errorf("host and follow do not go together: a redirect leads to other hosts")
	case strings.ContainsAny(in.Host, "/ @"):
		return fmt.Errorf("host %q is not a name", in.Host)
	case in.CA != "" && !strings.HasPrefix(in.CA, "/"):
		return fmt.Errorf("ca %q is not an absolute path", in.CA)
	case in.Contains != "" && in.Method == "HEAD":
		return fmt.Errorf("an answer to HEAD has no body to contain anything")
	}
	return nil
}
