package budget_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"runbook/steps/internal/budget"
)

func TestItemsStayInTheirBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOf(rapid.String()).Draw(t, "items")
		limit, size := rapid.IntRange(0, 20).Draw(t, "limit"), rapid.IntRange(2, 200).Draw(t, "size")
		kept := budget.Items(items, limit, size)
		raw, err := json.Marshal(kept)
		if err != nil || len(kept) > limit || len(raw) > size+2 {
			t.Fatalf("kept %d items of %d bytes: %v", len(kept), len(raw), err)
		}
		if len(kept) < len(items) && len(kept) < limit {
			next, _ := json.Marshal(append(append([]string{}, kept...), items[len(kept)]))
			if len(next) <= size {
				t.Fatalf("one more would have fitted: %s", next)
			}
		}
	})
}

func TestCutsKeepCharactersWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, size := rapid.String().Draw(t, "text"), rapid.IntRange(3, 40).Draw(t, "size")
		head, tail, line := budget.Head(text, size), budget.Tail(text, size), budget.Line(text, size)
		if !strings.HasPrefix(text, head) || !strings.HasSuffix(text, tail) {
			t.Fatalf("%q and %q are no ends of %q", head, tail, text)
		}
		for _, cut := range []string{head, tail, line} {
			if len(cut) > size || !utf8.ValidString(cut) {
				t.Fatalf("%q is no cut to %d", cut, size)
			}
		}
		if len(text) <= size && (head != text || tail != text) {
			t.Fatalf("%q was cut", text)
		}
		if len(text) > size && (len(head) <= size-utf8.UTFMax || len(tail) <= size-utf8.UTFMax) {
			t.Fatalf("%q and %q are cut too short", head, tail)
		}
	})
}

func TestALineHasNoControlCharacters(t *testing.T) {
	if got := budget.Line(" a\x1b[31m\nb\xff\t", 40); got != "a?[31m?b?" {
		t.Errorf("have %q", got)
	}
	if got := budget.Line("abcdefgh", 6); got != "abc…" {
		t.Errorf("have %q", got)
	}
}
