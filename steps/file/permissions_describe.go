package file

import (
	"context"
	"fmt"
	"strings"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

// How much of a change is described line by line.
const (
	mostSingly = 10 // changes; when there are more they are put together by what they are
	mostGroups = 20 // kinds of changes
	mostLikes  = 3  // paths to each
)

// survey is what a job has to do.
type survey struct {
	looked, changes int
	groups          []*group // in the order in which they were met
	left            []*group // their what is the reason
	undo            string   // of a single path
}

// group is what many inodes have in common.
type group struct {
	what  string
	count int
	like  []string // the first of them
}

func (j job) survey(ctx context.Context) (survey, error) {
	var s survey
	err := j.each(ctx, &s.looked, func(i inode, r rights) error {
		s.changes++
		s.groups = count(s.groups, j.wish.difference(i.rights(), r), j.label(i))
		if !i.below {
			s.undo = j.wish.takesBack(i.rights(), r)
		}
		return nil
	}, func(i inode, reason string) {
		s.left = count(s.left, reason, j.label(i))
	})
	return s, err
}

// count puts one more into its group. The last of the groups holds what has no place of its own.
func count(groups []*group, what, label string) []*group {
	for n, g := range groups {
		if g.what == what || n == mostGroups {
			g.count++
			if len(g.like) < mostSingly {
				g.like = append(g.like, label)
			}
			return groups
		}
	}
	if len(groups) == mostGroups {
		what = "other changes"
	}
	return append(groups, &group{what: what, count: 1, like: []string{label}})
}

func describePermissions(ctx context.Context, in permissionsInput, t engine.Task) (engine.Description, error) {
	d, err := hostcall.Look(ctx, t.As, func() (engine.Description, error) {
		j, err := jobFor(in)
		if err != nil {
			return engine.Description{}, err
		}
		defer func() { _ = j.dir.Close() }()
		soon, cancel := context.WithTimeout(ctx, describeWithin)
		defer cancel()
		s, err := j.survey(soon)
		partly := err != nil && soon.Err() != nil && ctx.Err() == nil
		if err != nil && !partly {
			return engine.Description{}, err
		}
		return j.describe(s, partly), nil
	})
	return d, writeFailure(in.Path, err)
}

// describe tells what a survey found; partly when it had not seen all.
func (j job) describe(s survey, partly bool) engine.Description {
	d := engine.Description{Target: j.String(), Exact: s.lines()}
	atLeast := ""
	if partly {
		atLeast = "at least "
		d.Exact = append(d.Exact, fmt.Sprintf("this is what could be seen in %s: the tree is larger", describeWithin))
	}
	switch {
	case s.changes == 0 && !partly:
		d.Summary = fmt.Sprintf("leave %s as it is", j)
	case !j.in.Recursive:
		d.Summary = fmt.Sprintf("change %s: %s", j, s.groups[0].what)
		d.Undo = s.undo
	default:
		d.Summary = fmt.Sprintf("change %s%d of %d files and directories in %s: %s", atLeast, s.changes, s.looked, j, j.wanted())
		d.Undo = "by hand, from the evidence, which holds what everything had before"
	}
	return d
}

// lines tells each change when there are few, and how many there are of each kind when there are many: the one that is
// not like all others must not be lost among them.
func (s survey) lines() []string {
	var lines []string
	for _, g := range s.groups {
		if s.changes > mostSingly {
			lines = append(lines, g.line(": "))
			continue
		}
		for _, label := range g.like {
			lines = append(lines, label+": "+g.what)
		}
	}
	for _, g := range s.left {
		lines = append(lines, "left as they are: "+g.line(" "))
	}
	return lines
}

func (g *group) line(sep string) string {
	like := strings.Join(g.like[:min(len(g.like), mostLikes)], ", ")
	if g.count > mostLikes {
		like += ", …"
	}
	return fmt.Sprintf("%d%s%s (%s)", g.count, sep, g.what, like)
}

// wanted is what the input asks for.
func (j job) wanted() string {
	var parts []string
	for _, part := range [][2]string{{"owner ", j.in.Owner}, {"group ", j.in.Group}, {"mode ", j.in.Mode}} {
		if part[1] != "" {
			parts = append(parts, part[0]+part[1])
		}
	}
	return strings.Join(parts, ", ")
}
