package reports

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pageOf is a page as people keep it: prose around the block, and blocks that are none of ours.
func pageOf(block string) string {
	return "# Our host\n\nIt has a `runbook_snapshot`.\n\n```json\n{\"port\": 3000}\n```\n\n" + block + "\nAnd that is all.\n"
}

func goodValues() Values {
	return Values{
		Format: ValuesFormat, Runbook: "health", Hash: "ab", Params: map[string]string{"port": "3000"}, Host: "srv1",
		Taken: time.Date(2026, 11, 20, 3, 12, 4, 0, time.UTC), Tool: "1.0",
		Checks: []Checked{
			{Step: "unit", Kind: "systemd.unit", With: map[string]any{"unit": "a.service"}, Outcome: "healthy", Values: map[string]any{"active": "active"}},
			{Step: "same", Kind: "systemd.unit", With: map[string]any{"unit": "a.service"}, Outcome: "healthy", Like: "unit"},
			{Step: "blind", Kind: "file.read", With: map[string]any{}, Unseen: "permission denied (denied)"},
		},
	}
}

func blockOf(t *testing.T, v Values) string {
	t.Helper()
	lines, err := v.encode()
	if err != nil {
		t.Fatal(err)
	}
	return "```json\n" + strings.Join(lines, "\n") + "\n```\n"
}

func TestValuesAreReadBack(t *testing.T) {
	want := goodValues()
	block := blockOf(t, want)
	for name, page := range map[string]string{
		"as it was written":          pageOf(block),
		"with line ends of DOS":      strings.ReplaceAll(pageOf(block), "\n", "\r\n"),
		"with a longer fence":        pageOf(strings.ReplaceAll(block, "```", "`````")),
		"with a fence of tildes":     pageOf(strings.ReplaceAll(block, "```", "~~~")),
		"beside a quoted one":        "````text\n" + block + "````\n" + pageOf(block),
		"written by another hand":    pageOf(strings.ReplaceAll(block, "  ", "\t")),
		"with nothing behind":        strings.TrimSuffix(block, "\n"),
		"without the end of a fence": strings.TrimSuffix(block, "```\n"),
	} {
		have, err := ReadValues([]byte(page))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A page that can't be read says what is wrong with it, and where.
func TestPagesThatCanNotBeRead(t *testing.T) {
	block := blockOf(t, goodValues())
	edited := func(old, new string) string {
		if !strings.Contains(block, old) {
			t.Fatalf("there is no %s to edit in\n%s", old, block)
		}
		return pageOf(strings.Replace(block, old, new, 1))
	}
	for _, c := range []struct{ name, page, want string }{
		{"empty", "", "there is no block"},
		{"another page", "# BOOT STABILITY\n\n```ini\n[Unit]\n```\n", "it is no page of runbook snapshot, or the block was taken out"},
		{"quoted only", "````text\n" + block + "````\n", "there is no block"},
		{"twice", pageOf(block) + block, "there are two blocks of values"},
		{"a comma is gone", edited(`"runbook": "health",`, `"runbook": "health"`), "line 13: the values can't be read: invalid character"},
		{"a type is wrong", edited(`"host": "srv1"`, `"host": 7`), "line 15: the values can't be read: cannot unmarshal number"},
		{"cut off", pageOf(block[:len(block)-20] + "\n```\n"), "the values can't be read: their end is missing"},
		{"a word was misspelt", edited(`"outcome"`, `"outcom"`), `unknown field "outcom"`},
		{"something behind it", edited("\n```\n", "\nand more\n```\n"), "there is something behind the values"},
		{"of a newer tool", edited(`"runbook_snapshot": 1`, `"runbook_snapshot": 2`), "of a newer runbook"},
		{"of no version", edited(`"runbook_snapshot": 1`, `"runbook_snapshot": 0`), "there is no such version"},
		{"of no runbook", edited(`"health"`, `"../../tmp/mine"`), "do not name their runbook"},
		{"a moment that is none", edited("2026-11-20T03:12:04Z", "yesterday"), "the values can't be read"},
		{"a check twice", edited(`"step": "blind"`, `"step": "unit"`), "the values of check unit are there twice"},
		{"like nothing", edited(`"like": "unit"`, `"like": "unti"`), "which is no check before it"},
		{"a check without a name", edited(`"step": "blind"`, `"step": ""`), "of a check without a step"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadValues([]byte(c.page))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("have %v, want %s", err, c.want)
			}
		})
	}
}

// The block has what is short on one line, and nothing in it that acts on a terminal or on Markdown.
func TestBlockIsPlain(t *testing.T) {
	v := goodValues()
	v.Checks = v.Checks[:1]
	v.Checks[0].Values = map[string]any{
		"text":  []any{"```", "\x1b[2J\u202Ex", "<script>"},
		"empty": []any{},
		"none":  map[string]any{},
		"emoji": "\U000E0041",
		"long":  []any{strings.Repeat("x", 60), strings.Repeat("y", 60)},
	}
	want := fmt.Sprintf("```json"+`
{
  "runbook_snapshot": 1,
  "runbook": "health",
  "hash": "ab",
  "params": {"port": "3000"},
  "host": "srv1",
  "taken": "2026-11-20T03:12:04Z",
  "tool": "1.0",
  "checks": [
    {
      "step": "unit",
      "kind": "systemd.unit",
      "with": {"unit": "a.service"},
      "outcome": "healthy",
      "values": {
        "emoji": "\udb40\udc41",
        "empty": [],
        "long": [
          "%s",
          "%s"
        ],
        "none": {},
        "text": ["\u0060\u0060\u0060", "\u001b[2J\u202ex", "<script>"]
      }
    }
  ]
}
`+"```\n", strings.Repeat("x", 60), strings.Repeat("y", 60))
	have := blockOf(t, v)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	back, err := ReadValues([]byte(have))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v, back); diff != "" {
		t.Error(diff)
	}
}
