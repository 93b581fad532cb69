# Runs as root inside the new tree, without a network, after the files and the pnpm store are in place.
set -eu

# An empty machine-id would make systemd apply all presets at the first boot.
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id

# Whatever umask the tree was made under.
chmod -R u+w,a+rX /etc/hostname /etc/hosts /etc/nginx /etc/systemd/system /usr/local /var/lib/pnpm /var/www

useradd --create-home --shell /bin/bash deploy
chown -R deploy:deploy /var/www/dixis /var/lib/pnpm

# Downloads that can't succeed and clean-ups that nobody asked for would only blur comparisons of the file tree.
systemctl disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer phpsessionclean.timer
# Nobody logs in at the console.
systemctl mask console-getty.service
systemctl enable dixis-frontend-launcher.service

# self_signed makes a certificate for dixis.gr and its key in folder $1, valid from $2 to $3, which this host trusts.
# The dates are fixed: a tree from an old cache has the same certificates as a new one.
self_signed() {
  work=$(mktemp -d)
  mkdir -p "$1"
  cat >"$work/ca.cnf" <<-END
	[ca]
	default_ca = self
	[self]
	database = $work/index.txt
	new_certs_dir = $work
	rand_serial = yes
	default_md = sha256
	policy = any
	x509_extensions = site
	[any]
	commonName = supplied
	[site]
	basicConstraints = CA:FALSE
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
	subjectAltName = DNS:dixis.gr
	extendedKeyUsage = serverAuth
	END
  : >"$work/index.txt"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=dixis.gr \
    -keyout "$1/privkey.pem" -out "$work/request.pem"
  openssl ca -batch -notext -selfsign -config "$work/ca.cnf" -keyfile "$1/privkey.pem" -in "$work/request.pem" \
    -startdate "$2" -enddate "$3" -out "$1/fullchain.pem"
  cp "$1/fullchain.pem" "/usr/local/share/ca-certificates/$(echo "$1" | tr / -).crt"
  rm -r "$work"
}
self_signed /etc/ssl/dixis.gr 20250101000000Z 20450101000000Z
# Last year's pair, which somebody kept.
self_signed /etc/ssl/dixis.gr/2024 20240101000000Z 20250101000000Z
update-ca-certificates

rm /etc/nginx/sites-enabled/default
ln -s /etc/nginx/sites-available/dixis.gr /etc/nginx/sites-enabled/dixis.gr
nginx -t
rm -f /run/nginx.pid

# The backend as an administrator sets it up: started once, saved, and pm2 told to bring it back at boot.
ip link set lo up
su deploy -s /bin/sh -c '
  set -eu
  cd /var/www/dixis/backend
  chmod +x artisan
  pm2 start artisan --name dixis-backend --interpreter php -- serve --host=127.0.0.1 --port=8001
  timeout 20 sh -c "until curl --silent --fail http://127.0.0.1:8001/api/healthz; do sleep 0.1; done"
  pm2 save
  pm2 kill
  rm -r ~/.pm2/pm2.log ~/.pm2/logs/*
'
PM2_HOME=/tmp/pm2 pm2 startup systemd -u deploy --hp /home/deploy
PM2_HOME=/tmp/pm2 pm2 kill
rm -rf /tmp/pm2

# Last, because it takes longest: what pm2 saved is then older than the seconds in which pm2 takes a process for new
# and gives up on it sooner.
su deploy -s /bin/sh -c '
  set -eu
  cd /var/www/dixis/frontend
  pnpm config set --global store-dir /var/lib/pnpm/store
  pnpm install --offline --frozen-lockfile
  pnpm build
'
