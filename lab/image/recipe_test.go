package image

import (
	"io/fs"
	"strings"
	"testing"
)

// Whoever builds the image gets packages from where their own npm and apt get them.
func TestRecipeNamesNoRegistry(t *testing.T) {
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			// What the host says of its own ports and of whoever asks it.
			for _, own := range []string{"://127.0.0.1:", "://$host$", "://$address"} {
				line = strings.ReplaceAll(line, own, "")
			}
			if strings.Contains(line, "://") || strings.Contains(line, "tarball:") {
				t.Errorf("%s names an address: %s", path, line)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeyFollowsTheRecipe(t *testing.T) {
	one, err := key("v20.1.0")
	if err != nil {
		t.Fatal(err)
	}
	same, err := key("v20.1.0")
	if err != nil || same != one || len(one) != 16 {
		t.Errorf("the same recipe has the keys %s and %s, %v", one, same, err)
	}
	other, err := key("v22.1.0")
	if err != nil || other == one {
		t.Errorf("another Node has the same key %s, %v", other, err)
	}
}

func TestPnpmIsPinned(t *testing.T) {
	version, err := pnpmVersion()
	if err != nil || !strings.HasPrefix(version, "pnpm@10.") {
		t.Errorf("the app asks for %q, %v", version, err)
	}
}
