// Package e2e proves the promises of runbook on real systemd hosts: the real binary, driven through real terminals, on
// hosts of the lab that are really broken. It has tests only, under the build tag lab.
//
// What a run did is judged by what stands outside of it: the lab's probes (curl, ss, systemctl), the file tree, units
// and processes before and after, marks that changes leave on the host, and the lines of the journal as they lie on the
// disk. Of the screen only what is promised to stay is matched: ids of steps, words of verdicts, the keys of a question.
//
// Nothing waits for a time to pass. Where a run must be met in the middle of something, that something reads from a
// [gate] on the host, and the test knows that it stands there because opening the other end of the gate returns.
package e2e
