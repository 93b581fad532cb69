package screen

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// columns is how wide text for people is, at most: longer lines are hard to read in the night, and break in a terminal
// that somebody else opens.
const columns = 80

// Screen is a place to write to, and what is known of it.
type Screen struct {
	io.Writer
	Terminal bool // it shows what is written at once, and its last line can be written again
	Width    int  // columns to use
	Paint    Paint
	Zone     *time.Location // of the person in front of it
}

// New looks at where a program writes. Colours need a terminal that has them, and an environment without NO_COLOR.
func New(w io.Writer, getenv func(string) string) Screen {
	s := Screen{Writer: w, Width: columns, Zone: time.Local}
	width, ok := terminal(w)
	if !ok {
		return s
	}
	dumb := getenv("TERM") == "" || getenv("TERM") == "dumb"
	s.Terminal = !dumb
	s.Paint = Paint{strong: !dumb, colour: !dumb && getenv("NO_COLOR") == ""}
	s.Width = fit(width)
	return s
}

// Measured is the screen with the width that its terminal has now.
func (s Screen) Measured() Screen {
	if width, ok := terminal(s.Writer); ok {
		s.Width = fit(width)
	}
	return s
}

// fit is how wide text is on a terminal of so many columns. One that does not tell has as many as all.
func fit(width int) int {
	const least = 20
	if width < least {
		return columns
	}
	return min(width, columns)
}

// terminal tells whether w is one, and how wide, 0 when it does not say. The file stays in the mode that it is in, so
// that reading from it can have a deadline.
func terminal(w io.Writer) (width int, ok bool) {
	f, is := w.(*os.File)
	if !is {
		return 0, false
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		ok = term.IsTerminal(int(fd))
		if columns, _, err := term.GetSize(int(fd)); err == nil {
			width = columns
		}
	})
	return width, ok && err == nil
}

// Paint marks words for the eye. A word says the same without it. The zero Paint leaves everything as it is.
type Paint struct{ strong, colour bool }

// Good marks what is as it should be.
func (p Paint) Good(s string) string { return p.style(s, ansi.Green, false) }

// Bad marks what is not as it should be.
func (p Paint) Bad(s string) string { return p.style(s, ansi.Red, true) }

// Warn marks what nobody knows, or nobody did.
func (p Paint) Warn(s string) string { return p.style(s, ansi.Yellow, true) }

// Act marks what changes the host.
func (p Paint) Act(s string) string { return p.style(s, ansi.Magenta, true) }

// Strong marks what to read first.
func (p Paint) Strong(s string) string {
	if !p.strong || s == "" {
		return s
	}
	return ansi.NewStyle().Bold().Styled(s)
}

// Quiet marks what need not be read, for it is only there for the record.
func (p Paint) Quiet(s string) string {
	if !p.strong || s == "" {
		return s
	}
	return ansi.NewStyle().Faint().Styled(s)
}

func (p Paint) style(s string, c ansi.BasicColor, bold bool) string {
	if s == "" {
		return s
	}
	var st ansi.Style
	if p.colour {
		st = st.ForegroundColor(c)
	}
	if bold && p.strong {
		st = st.Bold()
	}
	if len(st) == 0 {
		return s
	}
	return st.Styled(s)
}

// Rule is a line across the screen with something at its left and its right: ── left ──── right ──
func (s Screen) Rule(left, right string) string {
	if right != "" {
		right = " " + right + " "
	}
	if left != "" {
		left = " " + Clip(left, max(s.Width-Width(right)-8, 8)) + " "
	}
	fill := max(s.Width-4-Width(left)-Width(right), 2)
	return "──" + left + strings.Repeat("─", fill) + right + "──"
}
