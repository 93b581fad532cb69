package netcheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

// mostAddresses is the most addresses in one result.
const mostAddresses = 64

// Where an address was found.
const (
	fromHosts    = "hosts"
	fromResolver = "resolver"
)

type lookupInput struct {
	Name string `json:"name" required:"true" doc:"the name, like dixis.gr; one without a dot is looked for in the resolver's search domains as well, one with a dot at its end never"`
	Type string `json:"type" default:"any" enum:"any,a,aaaa" doc:"which addresses: a for IPv4, aaaa for IPv6"`
	From string `json:"from" default:"any" enum:"any,hosts" doc:"where to look: any for /etc/hosts and then the resolver, hosts for /etc/hosts alone, which asks nobody"`
}

type lookupOutput struct {
	Found     bool     `json:"found" restates:"addresses" doc:"the name has such an address"`
	Addresses []string `json:"addresses" doc:"the addresses, sorted, IPv4 before IPv6, which is not the order in which programs try them; at most 64"`
	Source    string   `json:"source" doc:"who has the name: hosts for /etc/hosts, resolver for who was asked; empty when nobody has it"`
}

func lookupKind() engine.Definition[lookupInput, lookupOutput] {
	return engine.Definition[lookupInput, lookupOutput]{
		Name:   "dns.lookup",
		Effect: engine.Reads,
		Expect: "found",
		Doc: `Looks up the addresses of a name, in /etc/hosts and then by the resolver.

A name that has none is an answer: the check is unhealthy. A resolver that does not answer, or that fails itself, is
none: the check is unknown. So ask with ` + "`from: hosts`" + ` whether an entry is missing from /etc/hosts: that can be told on a
host that has no resolver, too.

A name that is in /etc/hosts is not asked for any further: when only an IPv6 address stands there, type a finds nothing.
The resolver is the one that /etc/resolv.conf names, and 127.0.0.1 where it names none. Other sources of nsswitch.conf,
like mdns, ldap or myhostname, are not asked: a name that only they know is not found here, although programs on the host
find it.`,
		Example: "name: dixis.gr\nfrom: hosts",
		Check:   checkLookup,
		Do:      lookup,
	}
}

func checkLookup(in lookupInput) error {
	if _, err := netip.ParseAddr(in.Name); err == nil {
		return fmt.Errorf("name %q is an address already", in.Name)
	}
	name := strings.TrimSuffix(in.Name, ".")
	if len(name) > 253 {
		return fmt.Errorf("name %q is longer than 253 bytes", in.Name)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInNames) {
			return fmt.Errorf("name %q is not a host name like dixis.gr: write others than ASCII letters as xn--…", in.Name)
		}
	}
	return nil
}

func notInNames(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	return !letter && (r < '0' || r > '9') && r != '-' && r != '_'
}

func lookup(ctx context.Context, in lookupInput, t engine.Task) (lookupOutput, error) {
	if t.As != "" {
		return lookupOutput{}, engine.Failf(engine.Invalid, "look up %s: dns.lookup can't act as another user (%s)", in.Name, t.As)
	}
	return hostcall.Look(ctx, "", func() (lookupOutput, error) { return lookUp(ctx, in) })
}

func lookUp(ctx context.Context, in lookupInput) (lookupOutput, error) {
	addrs, err := inHosts(in.Name)
	if err != nil {
		return lookupOutput{}, err
	}
	source := fromHosts
	if len(addrs) == 0 && in.From == "any" {
		source = fromResolver
		if addrs, err = resolve(ctx, in); err != nil {
			return lookupOutput{}, err
		}
	}
	addrs = slices.DeleteFunc(addrs, func(a netip.Addr) bool {
		return in.Type == "a" && !a.Is4() || in.Type == "aaaa" && a.Is4()
	})
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	out := lookupOutput{Found: len(addrs) > 0, Addresses: []string{}}
	if out.Found {
		out.Source = source
	}
	for _, a := range addrs[:min(len(addrs), mostAddresses)] {
		out.Addresses = append(out.Addresses, a.String())
	}
	return out, nil
}

// resolve asks the resolver. No addresses and no error means that the name has none.
func resolve(ctx context.Context, in lookupInput) ([]netip.Addr, error) {
	network := map[string]string{"any": "ip", "a": "ip4", "aaaa": "ip6"}[in.Type]
	addrs, err := ask(ctx, network, in.Name, false)
	// The last word may have been about one family or one search domain, while nobody answered about the other. That
	// there is no address is said only when each was answered.
	for _, one := range []string{"ip4", "ip6"} {
		if isNotFound(err) && (network == "ip" || network == one) {
			addrs, err = ask(ctx, one, in.Name, true)
		}
	}
	if err == nil || isNotFound(err) {
		return addrs, nil
	}
	if ctx.Err() != nil {
		return nil, engine.FailureOf(fmt.Errorf("resolve %s: %w", in.Name, ctx.Err()))
	}
	kind := engine.Unreachable
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsTimeout {
			kind = engine.Timeout
		}
		if dns.Server != "" {
			return nil, engine.Failf(kind, "resolve %s: ask %s: %s", in.Name, dns.Server, dns.Err)
		}
	}
	return nil, engine.Fail(kind, fmt.Errorf("resolve %s: %w", in.Name, err))
}

func isNotFound(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// ask asks the resolver once. Go's own code does that, which reads /etc/hosts too and remembers it for five seconds: an
// entry that was removed a moment ago is seen by nobody having been asked, and waited for until it is forgotten.
func ask(ctx context.Context, network, name string, strict bool) ([]netip.Addr, error) {
	const (
		pause = 100 * time.Millisecond
		tries = 80
	)
	var asked atomic.Bool
	resolver := net.Resolver{
		PreferGo: true, StrictErrors: strict,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			asked.Store(true)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	for range tries {
		addrs, err := resolver.LookupNetIP(ctx, network, name)
		_, unfit := errors.AsType[*net.AddrError](err) // the entry has an address of the other family
		if asked.Load() || err != nil && !unfit {
			for i, a := range addrs {
				addrs[i] = a.Unmap()
			}
			return addrs, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil, errors.New("/etc/hosts is read in two ways")
}
