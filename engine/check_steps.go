package engine

import (
	"slices"
	"strings"
)

func (v *review) unknownKinds() {
	var names []string
	for _, k := range v.kinds {
		names = append(names, k.Name)
	}
	for _, b := range v.bodies {
		if !b.known && b.uses.Value != "" {
			v.report(b.uses, suggest(b.uses.Value, names), "there is no kind of step called %s; `runbook kinds` lists them", quoteKey(b.uses.Value))
		}
	}
}

func (v *review) misplacedKeys() {
	for i, s := range v.rb.Steps {
		effect := v.effect[i]
		if kind, _ := v.kinds.Find(s.Uses.Value); forgotReads(&s, kind) {
			v.reportAt(s.Given["expect"], len("expect"), "did you mean to add reads: true?",
				"expect belongs to a check, and a %s is a fix unless it says that it only reads", kind.Name)
		}
		if effect == "" {
			continue
		}
		for key := range s.Given {
			if key == "reads" || stepKeyBelongs(key, effect) {
				continue
			}
			v.reportKey(s.Given, key, "%s belongs to %s; %s %s", key, owners(key), s.Uses.Value, whatItDoes(effect))
		}
	}
}

// owners says which steps a key belongs to.
func owners(key string) string {
	var out []string
	for _, e := range []Effect{Reads, Changes, AsksYou, EndsRun, RunsBook} {
		if stepKeyBelongs(key, e) {
			out = append(out, effectName(e))
		}
	}
	return orList(out, "or")
}

func whatItDoes(e Effect) string {
	switch e {
	case Reads:
		return "only looks"
	case Changes:
		return "changes the host"
	case AsksYou:
		return "asks a person"
	case EndsRun:
		return "ends the run"
	case RunsBook:
		return "runs another runbook"
	default:
		return ""
	}
}

func (v *review) notReaders() {
	for _, b := range v.bodies {
		if _, given := b.step.Given["reads"]; !given || b.undo || !b.known || b.kind.MayRead {
			continue
		}
		if b.kind.Effect == Reads {
			v.reportKey(b.step.Given, "reads", "%s only looks in any case: take reads away", b.kind.Name)
		} else {
			v.reportKey(b.step.Given, "reads", "%s can't be told to only read: reads belongs to %s", b.kind.Name, orList(v.readers(), "and"))
		}
	}
}

// readers are the kinds that may only read.
func (v *review) readers() []string {
	var names []string
	for _, k := range v.kinds {
		if k.MayRead {
			names = append(names, k.Name)
		}
	}
	return names
}

func (v *review) noVerify() {
	for i, s := range v.rb.Steps {
		if _, given := s.Given["verify"]; given || v.effect[i] != Changes {
			continue
		}
		at := s.ID
		if at.Value == "" {
			at = s.Uses
		}
		v.report(at, "", "%s is a fix and has no verify: list the checks that show whether it helped, or say goal, or none with a why",
			quoteKey(at.Value))
	}
}

func (v *review) noWhy() {
	for i, s := range v.rb.Steps {
		if _, given := s.Given["why"]; s.Verify.None && !given && v.effect[i] == Changes {
			v.reportAt(s.Verify.Pos, len("none"), "", "a fix that nothing verifies must say why: add a why, or list the checks that show whether it helped")
		}
	}
}

func (v *review) settleTooLong() {
	for _, s := range v.rb.Steps {
		if s.Settle <= 0 || s.Within <= 0 || s.Settle < s.Within {
			continue
		}
		key := "settle"
		if _, given := s.Given[key]; !given {
			key = "within"
		}
		v.reportKey(s.Given, key, "settle (%s) leaves no time to look: within is %s, counted from the end of the fix",
			shortDuration(s.Settle), shortDuration(s.Within))
	}
}

func (v *review) undoNotFix() {
	for _, b := range v.bodies {
		if b.undo && b.known && b.kind.Effect != Changes {
			v.report(b.uses, "", "%s %s, so it takes nothing back: an undo is a fix", b.kind.Name, whatItDoes(b.kind.Effect))
		}
	}
}

func (v *review) userNames() {
	check := func(as Text) {
		if as.Value == "" || strings.Contains(as.Value, openMark) {
			return
		}
		if want, _ := misfit("user", as.Value); want != "" {
			v.report(as, "", "%s", misfitMessage("as", as.Value, want))
		}
	}
	for _, s := range v.rb.Steps {
		check(s.As)
		if s.Undo != nil {
			check(s.Undo.As)
		}
	}
}

func (v *review) misplacedTemplates() {
	look := func(t Text, message string) {
		if i := strings.Index(t.Value, openMark); i >= 0 {
			v.reportAt(v.rb.at(t, i), len(openMark), "", "%s", message)
		}
	}
	const plain = "${{ }} is not read here, only in with, title, why, target, as and say"
	for _, t := range []Text{v.rb.Title, v.rb.Summary, v.rb.Service, v.rb.Owner} {
		look(t, plain)
	}
	for _, p := range v.rb.Params {
		look(p.About, plain)
		if p.Default != nil {
			look(p.Default.Text, plain)
		}
	}
}

// shells are the programs that run their argument as a script.
func shells() []string { return []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"} }

func (v *review) shellTexts() {
	const why = "a value that holds ; or $( ) would be run"
	for _, b := range v.bodies {
		for _, in := range b.inputs {
			switch {
			case b.kind.Name == "script" && in.field.Name == "text":
				if i := strings.Index(in.value.Text.Value, openMark); i >= 0 {
					v.reportAt(v.rb.at(in.value.Text, i), len(openMark), "",
						"the text of a script takes no ${{ }}, because %s: pass the value by env and write \"$NAME\"", why)
				}
			case b.kind.Name == "command" && in.field.Name == "argv":
				v.shellArgument(in.value.Items, why)
			}
		}
	}
}

// shellArgument finds argv: [sh, -c, "… ${{ }} …"], which is a script by another name.
func (v *review) shellArgument(argv []Value, why string) {
	for i, a := range argv {
		program := a.Text.Value[strings.LastIndexByte(a.Text.Value, '/')+1:]
		if !slices.Contains(shells(), program) || i+1 >= len(argv) || !strings.HasPrefix(argv[i+1].Text.Value, "-") {
			continue
		}
		for k, arg := range argv[i+1:] {
			flags := arg.Text.Value
			if !strings.HasPrefix(flags, "-") || strings.HasPrefix(flags, "--") || !strings.Contains(flags, "c") || i+k+2 >= len(argv) {
				continue
			}
			text := argv[i+k+2].Text
			if at := strings.Index(text.Value, openMark); at >= 0 {
				v.reportAt(v.rb.at(text, at), len(openMark), "",
					"the text that %s runs takes no ${{ }}, because %s: pass the value by env and write \"$NAME\"", program, why)
			}
			return
		}
	}
}

func (v *review) literalRunbooks() {
	for _, b := range v.bodies {
		if !b.known || b.kind.Effect != RunsBook {
			continue
		}
		for _, in := range b.inputs {
			if i := strings.Index(in.value.Text.Value, openMark); in.field.Name == "name" && i >= 0 {
				v.reportAt(v.rb.at(in.value.Text, i), len(openMark), "",
					"the runbook to run must be named as it is: it is loaded and checked before anything runs")
			}
		}
	}
}
