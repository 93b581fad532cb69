package image

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
)

// files is laid over the new tree as it stands: files/etc/hosts becomes /etc/hosts.
//
//go:embed all:files
var files embed.FS

// setup runs inside the tree, last.
//
//go:embed setup.sh
var setup string

const (
	// suite is what the production host runs.
	suite = "bookworm"
	// appDir is where the frontend stands in the tree.
	appDir = "/var/www/dixis/frontend"
	// pm2 is what the production host has, as npm names it.
	pm2 = "pm2@6.0.14"
	// storeDir is pnpm's store, which allows `pnpm install --offline` on a host.
	storeDir = "/var/lib/pnpm/store"
)

// debian holds the arguments that say what mmdebstrap puts into the tree.
func debian() []string {
	return []string{
		"--mode=root",
		"--variant=apt",
		"--include=systemd-sysv,dbus,iproute2,procps,curl,sudo,less,nginx-light,php8.2-cli,openssl,ca-certificates",
		"--aptopt=Acquire::Languages \"none\"",
		"--aptopt=APT::Install-Recommends \"false\"",
		"--dpkgopt=force-unsafe-io",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		// What mmdebstrap took over from this machine has no place on the host.
		`--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/hostname "$1"/etc/resolv.conf`,
	}
}

// pnpmVersion is the one the app asks for, "pnpm@10.1.2" in its package.json.
func pnpmVersion() (string, error) {
	text, err := files.ReadFile("files" + appDir + "/package.json")
	if err != nil {
		return "", fmt.Errorf("read the app's package.json: %w", err)
	}
	var manifest struct {
		PackageManager string `json:"packageManager"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return "", fmt.Errorf("read the app's package.json: %w", err)
	}
	if !strings.HasPrefix(manifest.PackageManager, "pnpm@") {
		return "", fmt.Errorf("read the app's package.json: packageManager is %q, not a pnpm", manifest.PackageManager)
	}
	return manifest.PackageManager, nil
}

// key names the tree that this recipe makes with the given Node: 16 hex digits.
func key(nodeVersion string) (string, error) {
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s %s %s %s %s %q %q\n", runtime.GOARCH, nodeVersion, suite, pm2, storeDir, debian(), setup)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		fmt.Fprintf(&all, "%s %q\n", path, text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash the recipe: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(all.Bytes()))[:16], nil
}
