#!/usr/bin/env bash
# Installs the servers named as arguments (redis, valkey) on Debian and its relatives, as root.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

# Debian 12 has Valkey only in its backports. The mirror is read from apt itself, and a private
# copy of its lists is used, so that no source is left behind on this machine.
from_backports() (
  . /etc/os-release
  t=$(mktemp -d)
  trap 'rm -rf "$t"' EXIT
  chmod 755 "$t" # apt reads it as another user
  mkdir -p "$t/parts" "$t/lists/partial"
  cp -r /etc/apt/sources.list.d/. "$t/parts" 2>/dev/null || true
  apt="apt-get -qq -o Dir::Etc::SourceParts=$t/parts -o Dir::State::Lists=$t/lists"
  # The mirror's address is known only once the lists are there.
  $apt update
  uri=$($apt indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
    "Codename: $VERSION_CODENAME" | head -n 1)
  echo "deb $uri $VERSION_CODENAME-backports main" >"$t/parts/zz-backports.list"
  $apt update
  $apt install -y --no-install-recommends -t "$VERSION_CODENAME-backports" "$1"
)

apt-get update -qq
for engine in "$@"; do
  if apt-cache show "$engine-server" >/dev/null 2>&1; then
    apt-get install -y -qq --no-install-recommends "$engine-server"
  else
    from_backports "$engine-server"
  fi
done
