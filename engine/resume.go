package engine

// resume makes a state of an interrupted run go on: checks are made anew, fixes that ended stay ended, and a change
// that was going on is looked after first.
func (s *State) resume() {
	for i := range s.steps {
		st := &s.steps[i]
		st.since = s.run.now
		if st.book != nil && st.phase == inside {
			st.book.resume()
			continue
		}
		switch {
		case s.plan.Steps[i].Effect == Reads:
			*st = stepState{}
		case st.phase == prepared || st.phase == asking || st.phase == agreed:
			st.reopen()
		case st.phase == retrying:
			st.phase = broken // the yes was for that life
		case st.phase == acting:
			st.phase = attaching
		case st.phase == verifying:
			st.phase = settling
		default:
		}
	}
	s.fresh = nil
	s.rebuild()
}

// askAnew puts a fix back to before its question: whatever was said before rests on what is no longer so.
func (s *State) askAnew(i int) {
	st := &s.steps[i]
	st.question, st.agreed, st.description = nil, nil, nil
	st.phase = waiting
	if st.undo {
		st.undo, st.phase = false, unhelpful
	}
	s.rebuild()
}

// unmade takes back an attempt that, as is certain or as a person says, was not made. What the attempts before it came
// to stays so.
func (s *State) unmade(i int, enter func(phase)) {
	st := &s.steps[i]
	if !st.undo {
		st.made--
		s.changes--
		s.spend(-1)
	}
	switch {
	case st.undo || st.made == 0:
		s.askAnew(i)
	case st.failure != nil:
		enter(broken)
	default:
		st.round, st.looked = 1, nil
		enter(doubtful)
	}
}

// reopen puts a step whose question was open back to the moment before it.
func (st *stepState) reopen() {
	kind := AskFix
	if st.question != nil {
		kind = st.question.Kind
	}
	st.question, st.agreed = nil, nil
	switch {
	case kind == AskFailed:
		st.phase = broken
	case kind == AskDoubt:
		st.phase = doubtful
	case st.undo || kind == AskUndo:
		st.phase, st.undo = unhelpful, false
	default:
		st.phase = waiting
	}
}
