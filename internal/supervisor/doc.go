// Package supervisor makes changes in a process of their own, so that a change outlives the engine that began it.
//
// The supervisor is the same binary, in a session of its own. It takes a durable claim on the change, holds its
// timeout, and writes its result durably before it ends. When the engine dies, the change ends in good order, and the
// engine that resumes the run finds the result. In doubt is only what died together with its supervisor.
//
// It promises that a claimed change is begun at most once. It never decides whether a change is made.
package supervisor
