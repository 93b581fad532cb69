// Package schema writes the JSON Schema of a runbook's file, for editors.
//
// It promises to know what the engine knows: the keys come from [engine.Document], the kinds and their inputs from the
// kinds themselves. A schema sees one value at a time, so it asks for less than the engine: what it accepts may still
// have mistakes, and what it refuses the engine refuses too. It never reads or writes a file.
package schema
