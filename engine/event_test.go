package engine_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// filled is an event of a type with something in each of its fields, so that one that is lost on the way shows.
func filled(t *rapid.T, typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.Struct:
		for i := range typ.NumField() {
			if typ.Field(i).IsExported() {
				v.Field(i).Set(filled(t, typ.Field(i).Type))
			}
		}
	case reflect.Pointer:
		p := reflect.New(typ.Elem())
		p.Elem().Set(filled(t, typ.Elem()))
		v.Set(p)
	case reflect.Slice:
		v.Set(reflect.Append(reflect.MakeSlice(typ, 0, 1), filled(t, typ.Elem())))
	case reflect.Map:
		v.Set(reflect.MakeMap(typ))
		v.SetMapIndex(filled(t, typ.Key()), filled(t, typ.Elem()))
	case reflect.Interface:
		v.Set(reflect.ValueOf(rapid.SampledFrom([]any{
			1, -5, 1 << 60, 2.5, 1e300, "text", true, []any{1, 2.5, "x", nil}, map[string]any{"n": 7, "deep": []any{map[string]any{"x": 1}}},
		}).Draw(t, "value")))
	case reflect.String:
		v.SetString(rapid.StringN(1, 8, -1).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int8: // Tri
		v.SetInt(rapid.Int64Range(-1, 1).Draw(t, "tri"))
	default:
		v.SetInt(rapid.Int64Range(1, 1<<40).Draw(t, "number"))
	}
	return v
}

// kinds of events, one of each.
func eventTypes() []engine.Event {
	return []engine.Event{
		engine.RunStarted{},
		engine.RunResumed{},
		engine.Preflight{},
		engine.Looked{},
		engine.Concluded{},
		engine.Skipped{},
		engine.Prepared{},
		engine.Asked{},
		engine.Answered{},
		engine.ChangeStarted{},
		engine.ChangeEnded{},
		engine.ChangeLost{},
		engine.FixEnded{},
		engine.Escalated{},
		engine.Waited{},
		engine.BookStarted{},
		engine.RunEnded{},
		engine.StopAsked{},
		engine.RunInterrupted{},
		engine.Noted{},
		engine.Noticed{},
	}
}

// An event is read back from a journal as it was written, whatever is in it; a field of a later version is passed over.
func TestEventsComeBack(t *testing.T) {
	for _, e := range eventTypes() {
		t.Run(engine.TypeOf(e), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want, _ := reflect.TypeAssert[engine.Event](filled(t, reflect.TypeOf(e)))
				typ, data, err := engine.Encode(want)
				if err != nil {
					t.Fatal(err)
				}
				for _, raw := range []string{string(data), `{"of a later version": {"a": [1]}, ` + string(data)[1:]} {
					got, err := engine.Decode(typ, []byte(raw))
					if err != nil {
						t.Fatal(err)
					}
					unexported := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".cause" }, cmp.Ignore())
					if diff := cmp.Diff(want, got, unexported); diff != "" {
						t.Fatalf("(-written +read)\n%s\n%s", diff, raw)
					}
				}
			})
		})
	}
}

// The same events give the same actions: every beginning of a journal, folded from what was written, asks for what the
// state asked for that was there while it was written.
func TestSameEventsSameActions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := load(t, randomBook(t, rapid.Bool().Draw(t, "limited")))
		w := enginetest.NewWorld()
		w.Answer = agree
		r := &rehearsal{plan: plan, world: w, journal: &enginetest.Journal{}, clock: &enginetest.Clock{}, mode: engine.Live}
		var during [][]engine.Action
		if err := r.watched(func(s *engine.State) { during = append(during, s.Next()) }); err != nil {
			t.Fatalf("run: %v", err)
		}
		state := engine.New(plan)
		for i, e := range r.events(t) {
			state.Apply(e)
			first, second := state.Next(), state.Next()
			if !reflect.DeepEqual(first, second) || !reflect.DeepEqual(first, during[i]) {
				t.Fatalf("after event %d:\nwhile it was written %+v\nfolded %+v\nonce more %+v", i+1, during[i], first, second)
			}
		}
	})
}

// watched drives a run and shows the state after each event.
func (r *rehearsal) watched(see func(*engine.State)) error {
	d, err := r.driver()
	if err != nil {
		return err
	}
	d.Watch = func(_ engine.Stamped, s *engine.State) { see(s) }
	start := engine.RunStarted{Run: "r", Mode: r.mode, Parallel: 4, Params: map[string]any{}, Who: engine.Who{User: "anna"}}
	if err := d.Put(start); err != nil {
		return err
	}
	return d.Run(context.Background())
}
