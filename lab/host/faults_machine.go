package host

// machineFaults returns those of what everything on the host stands on: PID 1, the message bus, the disk.
func machineFaults() []Fault {
	return []Fault{
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
	fallocate -l "$(df --output=avail --block-size=1 / | tail -n 1)" /var/tmp/export.dump
	dd if=/dev/zero of=/var/tmp/export.dump.part bs=1M 2>/dev/null || true
	dd if=/dev/zero of=/var/tmp/export.dump.rest bs=4k 2>/dev/null || true
	sync
`
