package systemd

import "encoding/json"

// size is how many bytes an output takes in the journal of a run.
func size(out map[string]any) int {
	raw, err := json.Marshal(out)
	if err != nil {
		return -1
	}
	return len(raw)
}
