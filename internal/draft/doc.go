// Package draft makes the first draft of a runbook from a page that was written for people: Markdown with headings, lists
// and blocks of shell commands.
//
//	read      = the page as passages: headings, prose, items of lists, code, each with its line
//	calls     = a block of code as commands, taken apart by a parser of shell
//	recognise = a command as steps of kinds; what is not recognised stays a command, a script, or a task for a person
//	connect   = which checks verify a fix
//	print     = the runbook's file
//
// It promises that a draft loads, whatever the page holds: each step is held against the language before it is taken. No
// value of a parameter and no text of the page gets into a shell that the page did not write for one. Each step names the
// line that it comes from, and what nobody can be sure of stands there as TO FILL IN. The package runs nothing, reads no
// file and asks nobody.
package draft
