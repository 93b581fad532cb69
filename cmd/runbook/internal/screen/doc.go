// Package screen writes for a person at a terminal: text that can't hurt it, lines that fit, words before colours.
//
// It promises that nothing from outside moves the cursor, changes a colour or hides a word: what the other packages
// print has passed [Clean] or [Line]. It never erases what has been printed, never switches to an alternate screen, and
// never asks the terminal anything; all that it knows comes from the file, its size and the environment.
//
// Lip Gloss is not used here: linked into a program, it runs `tmux info` before main, in every start inside of tmux. An
// incident tool runs nothing that nobody asked for.
package screen
