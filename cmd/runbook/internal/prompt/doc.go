// Package prompt puts a run's questions to the person at the terminal.
//
// Nobody says yes by accident. A question is read from the terminal itself, whatever standard input is; what was typed
// before it stood there is thrown away; only the word yes means yes; and silence, an empty line, any other word and the
// end of input mean no. A change of high risk wants the name of its target. Without a terminal there is nobody, and a
// terminal that goes away while a question is open is not a no: the run pauses.
//
// The package asks and gives back what was said. It decides nothing else, and writes nothing but to the terminal.
package prompt
