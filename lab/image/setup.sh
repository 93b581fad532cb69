# Runs as root inside the new tree, without a network, after the files and the pnpm store are in place.
set -eu

# An empty machine-id would make systemd apply all presets at the first boot.
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id

# Whatever umask the tree was made under.
chmod -R u+w,a+rX /etc/hostname /etc/hosts /etc/systemd/system /usr/local /var/lib/pnpm /var/www

useradd --create-home --shell /bin/bash deploy
chown -R deploy:deploy /var/www/dixis /var/lib/pnpm

# Downloads that can't succeed and clean-ups that nobody asked for would only blur comparisons of the file tree.
systemctl disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer
# Nobody logs in at the console.
systemctl mask console-getty.service
systemctl enable dixis-frontend-launcher.service

su deploy -s /bin/sh -c '
  set -eu
  cd /var/www/dixis/frontend
  pnpm config set --global store-dir /var/lib/pnpm/store
  pnpm install --offline --frozen-lockfile
  pnpm build
'
