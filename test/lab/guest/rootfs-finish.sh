#!/bin/sh
# mmdebstrap customize hook: accounts, and the removal of what every image gets anew. $1 is the tree.
set -eu
for name in dev plain; do
  chroot "$1" useradd --create-home --shell /bin/bash "$name"
done
# "*" is no valid password hash but, unlike "!", does not mark the account as locked: sign-in by
# key works, by password never.
for name in root dev plain; do
  chroot "$1" usermod --password '*' "$name"
done
rm -f "$1"/etc/ssh/ssh_host_*
test -n "$(ls "$1"/lib/modules/*/updates/dkms/zfs.ko*)"
