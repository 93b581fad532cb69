# Becomes systemd-nspawn. Runs in a mount namespace of its own, so that the disk and the overlay are unmounted by the
# kernel when the last process of the host is gone, however it went.
#   $1 the host's folder   $2 the image   $3 the host's name   $4… its cgroups, one in each hierarchy
set -eu
dir=$1 image=$2 name=$3
shift 3
for group in "$@"; do
	echo $$ >"$group/cgroup.procs"
done

mount -o loop "$dir/disk.img" "$dir/disk"
mkdir -p "$dir/disk/upper" "$dir/disk/work"
# redirect_dir: a folder of the image can be renamed, as on a plain disk.
mount -t overlay -o "lowerdir=$image,upperdir=$dir/disk/upper,workdir=$dir/disk/work,redirect_dir=on" lab "$dir/root"
cd /

# /tmp is on the disk, as Debian 12 has it.
export SYSTEMD_NSPAWN_TMPFS_TMP=0
# nspawn leaves the controllers of cgroup v1 read-only; PID 1 needs them writable before it starts, or limits such as
# MemoryMax= do nothing. A plain "remount,rw" is refused as busy: "bind" changes the mount alone.
# shellcheck disable=SC2016
exec systemd-nspawn --directory="$dir/root" --machine="$name" --hostname=dixis --quiet \
	--register=no --keep-unit --settings=no --link-journal=no --resolv-conf=off --timezone=off \
	--private-network --kill-signal=SIGRTMIN+3 --console=read-only -- \
	/bin/sh -c '
		for controller in memory pids cpu cpuacct blkio; do
			[ ! -d /sys/fs/cgroup/$controller ] || mount -o remount,bind,rw /sys/fs/cgroup/$controller
		done
		exec /usr/lib/systemd/systemd'
