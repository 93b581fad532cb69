// Package runbooks holds the runbooks that ship with the tool, inside of its binary.
package runbooks

import "embed"

// FS holds the shipped runbooks, NAME.yaml each.
//
//go:embed *.yaml
var FS embed.FS
