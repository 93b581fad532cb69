// Package runbooks holds the runbooks that ship with the tool, and their scenarios, inside of its binary.
package runbooks

import "embed"

// FS holds the shipped runbooks, NAME.yaml each, and beside them NAME.scenarios.yaml: what they are rehearsed by.
//
//go:embed *.yaml
var FS embed.FS
