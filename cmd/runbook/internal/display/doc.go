// Package display shows a run to the person who started it, as it goes on.
//
// What has ended is a line that stays: the scroll-back is evidence. What is going on is one line below, on a terminal,
// that is written again every quarter of a second, with the time that it has taken and the last thing that it said. In a
// file or a pipe every step has one line when it begins and one when it ends.
//
// A line begins with the time in UTC and a word. What is as it should be is written small, what somebody should look at
// in capitals; colours repeat that and add nothing. In a dry run the word says REAL for what was looked at and WOULD for
// what would be done; in a drill it says DRILL where a run would change the host.
//
// The package only writes. It decides nothing, and a run goes on when nothing can be written any more.
package display
