#!/bin/sh
# Makes the pool that hangs on command: tank on /dev/mapper/slow, a device mapper table over the
# whole second disk. Leaves a fresh tank/fs and no tank/fs2, however often it is run.
set -eu
if ! dmsetup info slow >/dev/null 2>&1; then
  echo "0 $(blockdev --getsz /dev/vdb) linear /dev/vdb 0" | dmsetup create slow
fi
if [ ! -e /proc/spl/kstat/zfs/tank/state ]; then
  # A pool that an earlier boot left there is not worth importing.
  zpool create -f -o cachefile=none tank /dev/mapper/slow
fi
for name in fs fs2; do
  if zfs list -H -o name "tank/$name" >/dev/null 2>&1; then zfs destroy -r "tank/$name"; fi
done
# A new file system's first commit creates its intent log, which waits for a whole transaction
# group: the deepest of the waits shown.
zfs create tank/fs
