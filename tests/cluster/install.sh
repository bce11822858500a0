#!/bin/sh
# Installs what the cluster's proof needs from Debian, where it is missing. Nothing of it is started:
# the proof runs nodes of its own, and a node that Debian started would only hold ports and memory.
set -eu

missing=
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
command -v patroni >/dev/null || missing="$missing patroni"
command -v etcd >/dev/null || missing="$missing etcd-server"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing:$missing; have them installed, as Debian names them" >&2
    exit 1
fi
echo "installing$missing" >&2
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update -q
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
