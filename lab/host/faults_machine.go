package host

// machineFaults returns those of what everything on the host stands on: PID 1, the message bus, the disk.
func machineFaults() []Fault {
	return []Fault{
		{
			Name:    "disk-full",
			Summary: "not one free block; what runs keeps running",
			Script:  fillDisk,
			Shows:   Shows{"disk": "full"},
		},
		{
			Name:    "inodes-full",
			Summary: "room on the disk, and none for one more file: a heap of sessions that nobody cleared away",
			Script:  fillInodes,
			Shows:   Shows{"inodes": "full"},
		},
		{
			Name:    "hosts-entry-missing",
			Summary: "dixis.gr is gone from /etc/hosts: the host itself does not know the name, whoever does is served",
			Script:  `sed -i '/dixis\.gr/d' /etc/hosts`,
			Shows:   Shows{"dixis.gr": "none", "site /products": "unknown host"},
		},
		{
			Name:    "build-missing-disk-full",
			Summary: "there is no production build and not one free block to make one",
			Script:  `rm -rf ` + build + restart + fillDisk,
			Shows:   Shows{"transient": failed, "build": "missing", "disk": "full", "/products": noAnswer},
		},
		{
			Name:    "dbus-dead",
			Summary: "no message bus; root's systemctl still reaches PID 1 by its private socket; the frontend is as it was",
			Script:  killBus,
			Shows:   Shows{"systemd": "answers", "dbus": silent},
		},
		{
			Name:    "systemd-unreachable",
			Summary: "no message bus and no private socket: nobody can ask PID 1 anything, and the frontend is down",
			Script:  `systemctl stop dixis-frontend-launcher` + killBus + `rm /run/systemd/private`,
			Shows:   Shows{"systemd": silent, "dbus": silent, "transient": "unknown", "port 3000": "nobody", "/products": noAnswer},
		},
	}
}

const killBus = `
	systemctl mask dbus.socket dbus.service
	systemctl stop dbus.socket dbus.service
`

// fillDisk takes the last free block, those that ext4 keeps for root included.
const fillDisk = `
	fallocate -l "$(df --output=avail --block-size=1 / | tail -n 1)" /var/tmp/export.dump 2>/dev/null || true
	dd if=/dev/zero of=/var/tmp/export.dump.part bs=1M 2>/dev/null || true
	dd if=/dev/zero of=/var/tmp/export.dump.rest bs=4k 2>/dev/null || true
	sync
`

// fillInodes makes empty files until there is no inode left, whatever else comes and goes meanwhile.
const fillInodes = `
	mkdir -p /var/lib/php/sessions
	cd /var/lib/php/sessions
	until [ "$(df --output=iavail / | tail -n 1)" -eq 0 ]; do
		seq -f "sess_$(date +%s%N)_%.0f" "$(df --output=iavail / | tail -n 1)" | xargs touch 2>/dev/null || true
	done
`
