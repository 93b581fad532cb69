package nginx

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// The most of a log that is read to find out why a reload failed.
const mostLog = 64 << 10

// errorLog is where a master writes why it can't do what it was told: its standard error, which nginx points to its
// error log.
type errorLog struct {
	pid  int
	path string
	from int64 // what is before was written before the reload
}

// openErrorLog notes where the log ends now. One that is no file, or not for us to read, stays without a path.
func openErrorLog(pid int) errorLog {
	path := fmt.Sprintf("/proc/%d/fd/2", pid)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return errorLog{}
	}
	return errorLog{pid: pid, path: path, from: info.Size()}
}

// complaint is why a master did not take its configuration, as far as it said.
type complaint struct {
	text  string
	final bool // it has given up: nginx tries to listen five times
}

// complaint finds what the master has written since the log was opened.
func (l errorLog) complaint() complaint {
	var c complaint
	if l.path == "" {
		return c
	}
	f, err := os.Open(l.path)
	if err != nil {
		return c
	}
	defer f.Close()
	var heard listener
	_, _ = io.Copy(&heard, io.NewSectionReader(f, l.from, mostLog))
	heard.end()
	for _, s := range heard.all {
		switch {
		case s.pid != l.pid || s.level != emergency:
		case strings.HasPrefix(s.text, "still could not bind()"):
			c.final = true
		default:
			c.text, c.final = s.message().place(), !strings.HasPrefix(s.text, "bind() to ")
		}
	}
	return c
}
