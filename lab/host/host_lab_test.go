//go:build lab

package host_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/lab/host"
)

// boot boots a host that goes away with the test.
func boot(t *testing.T) *host.Host {
	t.Helper()
	h, err := host.Boot(t.Context(), host.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// script runs a shell script on the host and returns all that it printed, whatever its end.
func script(t *testing.T, h *host.Host, text string) string {
	t.Helper()
	var out strings.Builder
	cmd := h.Command(t.Context(), "/bin/sh", "-c", text)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if _, failed := errors.AsType[*exec.ExitError](err); !failed {
			t.Fatal(err)
		}
	}
	return out.String()
}

// proof is a script that a broken host must answer with the text.
type proof struct{ script, says string }

// Each fault is proved by something else than the probes that Break waits for.
func TestFaultsAreReal(t *testing.T) {
	proofs := map[string]proof{"healthy": {"curl -s http://127.0.0.1:3000/orders", "dixis orders"}}
	maps.Copy(proofs, frontendProofs())
	maps.Copy(proofs, machineProofs())
	maps.Copy(proofs, siteProofs())
	for _, f := range host.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			proof, ok := proofs[f.Name]
			if !ok {
				t.Fatal("this fault has no proof here")
			}
			h := boot(t)
			if err := h.Break(t.Context(), f.Name); err != nil {
				t.Fatal(err)
			}
			if healthy := h.Check(t.Context()).Healthy(); healthy != (f.Name == "healthy") {
				t.Errorf("healthy: %t\n%s", healthy, h.Check(t.Context()))
			}
			if got := script(t, h, proof.script); !strings.Contains(got, proof.says) {
				t.Errorf("%s\nprints %q,\nnot %q", proof.script, got, proof.says)
			}
		})
	}
}

func TestBreakRefusesAnUnknownFault(t *testing.T) {
	t.Parallel()
	err := boot(t).Break(t.Context(), "no-such-fault")
	if err == nil || !strings.Contains(err.Error(), "no such fault") {
		t.Errorf("Break says %v", err)
	}
}

// A bus can die on a host that is broken already.
func TestFaultsAddUp(t *testing.T) {
	t.Parallel()
	h := boot(t)
	for _, fault := range []string{"transient-failed", "dbus-dead", "systemd-unreachable"} {
		if err := h.Break(t.Context(), fault); err != nil {
			t.Error(err)
		}
	}
}

// What a runbook will do about a missing build works without a network and as deploy.
func TestFrontendCanBeRebuilt(t *testing.T) {
	t.Parallel()
	h := boot(t)
	if err := h.Break(t.Context(), "build-missing"); err != nil {
		t.Fatal(err)
	}
	_, err := h.Run(t.Context(), "sh", "-euc", `
		cd /var/www/dixis/frontend
		sudo -u deploy pnpm build
		systemctl reset-failed dixis-frontend-prod
		systemctl restart dixis-frontend-launcher`)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Break(t.Context(), "healthy"); err != nil {
		t.Error(err)
	}
}

func TestPackagesCanBeInstalledAgainOffline(t *testing.T) {
	t.Parallel()
	h := boot(t)
	_, err := h.Run(t.Context(), "sh", "-euc", `
		cd /var/www/dixis/frontend
		rm -rf node_modules
		sudo -u deploy pnpm install --offline --frozen-lockfile
		systemctl restart dixis-frontend-launcher`)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Break(t.Context(), "healthy"); err != nil {
		t.Error(err)
	}
}

func TestHostsDoNotShare(t *testing.T) {
	t.Parallel()
	one, two := boot(t), boot(t)
	if err := one.Break(t.Context(), "transient-stopped"); err != nil {
		t.Fatal(err)
	}
	if health := two.Check(t.Context()); !health.Healthy() {
		t.Errorf("stopping the frontend of one host broke the other:\n%s", health)
	}
}

func TestMemoryLimitsWork(t *testing.T) {
	t.Parallel()
	h := boot(t)
	got := script(t, h, `systemd-run --quiet --wait --unit=hungry --property=MemoryMax=64M --property=MemorySwapMax=0 \
		node -e "const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1))"
		systemctl show --property=Result hungry`)
	// By signal with cgroup v1, oom-kill with v2.
	if !strings.Contains(got, "Result=signal") && !strings.Contains(got, "Result=oom-kill") {
		t.Errorf("a service that takes more than its MemoryMax ended with: %s", got)
	}
}

func TestRebootKeepsTheDisk(t *testing.T) {
	t.Parallel()
	h := boot(t)
	before := script(t, h, "echo kept >/etc/kept; sync; cat /proc/sys/kernel/random/boot_id")
	if err := h.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := script(t, h, "cat /etc/kept"); got != "kept\n" {
		t.Errorf("after the reboot the file holds %q", got)
	}
	if after := script(t, h, "cat /proc/sys/kernel/random/boot_id"); after == before {
		t.Errorf("the boot id is still %s", after)
	}
	if err := h.Break(t.Context(), "healthy"); err != nil {
		t.Errorf("the frontend did not come back: %v", err)
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	h := boot(t)

	t.Run("stdin, stdout and exit status pass", func(t *testing.T) {
		cmd := h.Command(t.Context(), "sh", "-c", "cat; exit 7")
		cmd.Stdin = strings.NewReader("over there")
		out, err := cmd.Output()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if out != "over there" || !ok || exit.ExitCode() != 7 {
			t.Errorf("got %q, %v", out, err)
		}
	})
	t.Run("the environment is clean", func(t *testing.T) {
		got := script(t, h, `pwd; env | grep -v -E "^(PATH|HOME|USER|LOGNAME|SHELL|LANG|TERM|PWD|OLDPWD|_|SHLVL)="`)
		if got != "/root\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a command that is not on the host fails, though it may be on the machine", func(t *testing.T) {
		out, err := h.Run(t.Context(), "go", "version")
		if err == nil {
			t.Errorf("it ran: %s", out)
		}
	})
	t.Run("the error of Run holds stderr", func(t *testing.T) {
		_, err := h.Run(t.Context(), "ls", "/no/such")
		if err == nil || !strings.Contains(err.Error(), "No such file") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the end of the context kills the process itself", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cmd := h.Command(ctx, "sleep", "4711")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := cmd.Wait(); err == nil {
			t.Error("it ended by itself")
		}
		if got := script(t, h, "pgrep -f '^sleep 4711'"); got != "" {
			t.Errorf("it still runs as %s", got)
		}
	})
	t.Run("signals reach the process itself", func(t *testing.T) {
		cmd := h.Command(t.Context(), "sh", "-c", `trap "echo heard; exit 9" TERM; echo ready; while :; do sleep 0.01; done`)
		out, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd.Stdout = in
		err = cmd.Start()
		_ = in.Close()
		if err != nil {
			t.Fatal(err)
		}
		expect(t, out, "ready")
		if err := cmd.Process().Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		expect(t, out, "heard")
		exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
		if !ok || exit.ExitCode() != 9 {
			t.Errorf("it ended with %v", exit)
		}
	})
	t.Run("files are copied in", func(t *testing.T) {
		source := filepath.Join(t.TempDir(), "tool")
		if err := os.WriteFile(source, []byte("#!/bin/sh\necho works\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.CopyIn(t.Context(), source, "/opt/new/folder/tool", 0o755); err != nil {
			t.Fatal(err)
		}
		if got := script(t, h, "/opt/new/folder/tool"); got != "works\n" {
			t.Errorf("it prints %q", got)
		}
	})
	t.Run("it works without D-Bus", func(t *testing.T) {
		if err := h.Break(t.Context(), "systemd-unreachable"); err != nil {
			t.Fatal(err)
		}
		if got := script(t, h, "echo still here"); got != "still here\n" {
			t.Errorf("it prints %q", got)
		}
	})
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	h := boot(t)
	cmd := h.Command(t.Context(), "bash", "--norc")
	terminal, err := cmd.StartInTerminal(80, 24)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	typed := func(s string) {
		t.Helper()
		if _, err := terminal.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	typed("tty; stty size; echo asked >/dev/tty; ps -o tty= $$\n")
	expect(t, terminal, "/dev/pts/")
	expect(t, terminal, "24 80")
	expect(t, terminal, "asked")
	expect(t, terminal, "pts/")
	typed("sleep 4712\n")
	for script(t, h, "pgrep -f '^sleep 4712'") == "" {
		time.Sleep(10 * time.Millisecond) // until the shell has started it
	}
	typed("\x03") // Ctrl-C ends it and leaves the shell alive
	typed("echo $((6 * 7)) $?\n")
	expect(t, terminal, "42 130")
	typed("exit 3\n")
	_, _ = io.Copy(io.Discard, terminal)
	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	if !ok || exit.ExitCode() != 3 {
		t.Errorf("the shell ended with %v", exit)
	}
}

// expect reads until the text has come.
func expect(t *testing.T, from io.Reader, text string) {
	t.Helper()
	var seen strings.Builder
	one := make([]byte, 1)
	for !strings.HasSuffix(seen.String(), text) {
		if _, err := from.Read(one); err != nil {
			t.Fatalf("waiting for %q: %v after %q", text, err, seen.String())
		}
		seen.Write(one)
	}
}

func TestSnapshotOfAHostThatIsOnlyLookedAt(t *testing.T) {
	t.Parallel()
	h := boot(t)
	before := snapshot(t, h)
	script(t, h, `systemctl status dixis-frontend-prod no-such-unit cron; systemctl list-units --all; journalctl -n 5
		systemctl cat dbus; ss -lntp; ps aux; ls -lR /etc >/dev/null; sudo -u deploy id; curl -s http://127.0.0.1:3000/orders
		curl -s https://dixis.gr/api/healthz; cd / && sudo -u deploy pm2 jlist`)
	h.Check(t.Context())
	for _, change := range before.Diff(snapshot(t, h)) {
		t.Error(change)
	}
}

func TestSnapshotSeesEveryChange(t *testing.T) {
	t.Parallel()
	h := boot(t)
	changes := []struct{ what, script, sees string }{
		{"a new file", "echo x >/etc/new", "file /etc/new: none, or as in the image  =>  -rw-r--r-- 0:0 2 bytes "},
		{"a changed file", "echo x >>/etc/new", "file /etc/new: -rw-r--r-- 0:0 2 bytes "},
		{"a removed file of the image", "rm /etc/hosts", "file /etc/hosts: none, or as in the image  =>  removed"},
		{"a file that is put back otherwise", "echo 127.0.0.1 localhost >/etc/hosts", "file /etc/hosts: removed  =>  -rw"},
		{"permissions", "chmod 600 /etc/fstab", "file /etc/fstab: none, or as in the image  =>  -rw------- 0:0 "},
		{"an owner", "chown deploy /usr/bin/less", "file /usr/bin/less: none, or as in the image  =>  -rwxr-xr-x 1000:0 "},
		{"a time", "touch /etc/passwd", "file /etc/passwd: "},
		{
			"other content of the same length and time",
			"touch -r /etc/new /root/r; printf 'y\\ny\\n' >/etc/new; touch -r /root/r /etc/new", "file /etc/new: -rw-r--r-- 0:0 4 bytes ",
		},
		{"a file that came and went", "touch /var/lib/x; rm /var/lib/x", "file /var/lib: "},
		{"a renamed folder", "mv /var/www/dixis/frontend/.next /var/www/dixis/frontend/.previous", "frontend/.next: none, or as in the image  =>  removed"},
		{"something in /run", "echo x >/run/x", "file /run/x: none"},
		{"something in memory", "echo x >/dev/shm/x", "file /dev/shm/x: none"},
		{"a restarted unit", "systemctl restart systemd-logind", "unit systemd-logind.service: "},
		{"a stopped unit", "systemctl stop dixis-frontend-prod", "unit dixis-frontend-prod.service: "},
		{"an enabled unit", "systemctl enable fstrim.timer", "file /etc/systemd/system/timers.target.wants/fstrim.timer: "},
		{"a process", "sleep 4713 </dev/null >/dev/null 2>&1 &", "uid 0/0/0/0: sleep 4713"},
	}
	before := snapshot(t, h)
	for _, c := range changes {
		script(t, h, c.script)
		after := snapshot(t, h)
		var all []string
		for _, change := range before.Diff(after) {
			all = append(all, change.String())
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, c.sees) {
			t.Errorf("%s (%s) shows as:\n%s\nnot as: %s", c.what, c.script, got, c.sees)
		}
		before = after
	}
}

func TestSnapshotWithoutSystemd(t *testing.T) {
	t.Parallel()
	h := boot(t)
	if err := h.Break(t.Context(), "systemd-unreachable"); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, h)
	if got := before.Units["*"]; got != "unknown: systemctl gets no answer" {
		t.Errorf("the units are %q", got)
	}
	for _, change := range before.Diff(snapshot(t, h)) {
		t.Error(change)
	}
}

func snapshot(t *testing.T, h *host.Host) host.Snapshot {
	t.Helper()
	s, err := h.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A process that boots hosts and dies without a word leaves nothing behind for long, but for what it was told to keep.
func TestLeftovers(t *testing.T) {
	if cache := os.Getenv("LAB_TEST_DIE_IN"); cache != "" {
		orphan, err := host.Boot(t.Context(), host.Options{Name: "orphan", Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := host.Boot(t.Context(), host.Options{Name: "kept", Cache: cache, Keep: true}); err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		runtime.KeepAlive(orphan) // it owns the host until here
	}
	t.Parallel()
	cache := sharedImages(t)
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLeftovers$", "-test.v")
	self.Env = append(os.Environ(), "LAB_TEST_DIE_IN="+cache)
	if out, err := self.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the process that should have died: %v\n%s", err, out)
	}
	want := func(names ...string) {
		t.Helper()
		hosts, err := host.List(cache)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range hosts {
			if !h.Up {
				t.Errorf("%s is dead", h.Name)
			}
			got = append(got, h.Name)
		}
		if strings.Join(got, " ") != strings.Join(names, " ") {
			t.Errorf("hosts: %v, not %v", got, names)
		}
	}
	want("kept", "orphan")

	h, err := host.Boot(t.Context(), host.Options{Name: "next", Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	want("kept", "next")

	if _, err := host.Boot(t.Context(), host.Options{Name: "kept", Cache: cache}); err == nil {
		t.Error("a second host got the name of the first")
	}
	kept, err := host.Open(cache, "kept")
	if err != nil {
		t.Fatal(err)
	}
	if health := kept.Check(t.Context()); !health.Healthy() {
		t.Errorf("the kept host:\n%s", health)
	}
	if err := host.Remove(t.Context(), cache, "kept"); err != nil {
		t.Error(err)
	}
	want("next")
}

// sharedImages returns a cache of its own for hosts that uses the images of the common one.
func sharedImages(t *testing.T) string {
	t.Helper()
	boot(t) // builds the image if there is none
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	if err := os.Symlink(filepath.Join(user, "runbook-lab", "images"), filepath.Join(cache, "images")); err != nil {
		t.Fatal(err)
	}
	return cache
}
