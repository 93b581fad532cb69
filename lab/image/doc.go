// Package image builds the file tree that every lab host starts from: a minimal Debian 12 with systemd, nginx,
// Node, pnpm, the frontend already built, PHP, and the backend saved in the list of deploy's pm2.
//
// A tree is built once and kept in the cache under a key made of everything that went into it, so an edit of the
// recipe builds a new tree beside the old one. Packages come through apt-get, mmdebstrap, npm and pnpm as the
// machine has them configured; no address of a mirror or registry stands in this package. A finished tree is never
// written to again: hosts put an overlay over it.
package image
