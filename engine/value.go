package engine

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// asPlain turns what an expression gives into the plain values that inputs and journals hold: string, int, float64,
// bool, nil, []any and map[string]any. The expression library has more of them: typed lists, times, maps with keys of
// any type, infinity. What has no plain form is an error.
func asPlain(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int:
		return v, nil
	case string:
		return strings.ToValidUTF8(v, "\uFFFD"), nil // as the journal would write it
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v is not a number", v)
		}
		return v, nil
	case time.Duration:
		return v.String(), nil // as a duration is written
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(r.Int()), nil
	case reflect.Slice, reflect.Array:
		out := make([]any, r.Len())
		for i := range out {
			item, err := asPlain(r.Index(i).Interface())
			if err != nil {
				return nil, err
			}
			out[i] = item
		}
		return out, nil
	case reflect.Map:
		out := make(map[string]any, r.Len())
		for _, key := range r.MapKeys() {
			name, ok := reflect.TypeAssert[string](key)
			if !ok {
				return nil, fmt.Errorf("a map needs texts as its keys, and has %v", key.Interface())
			}
			item, err := asPlain(r.MapIndex(key).Interface())
			if err != nil {
				return nil, err
			}
			out[name] = item
		}
		return out, nil
	default:
		return nil, fmt.Errorf("a runbook has no values of type %T", v)
	}
}

// inText writes a scalar as it stands inside of a text. Numbers are never written with an exponent.
func inText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}
