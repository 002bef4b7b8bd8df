#!/bin/sh
# Gives the disk back and waits until the programs that hang.sh started have ended.
set -eu
dir=/run/zscope-lab
if [ "$(dmsetup info -c --noheadings -o suspended slow 2>/dev/null)" = Suspended ]; then
  dmsetup resume slow
fi
tries=0
for name in sync zfs dd; do
  pid=$(cat $dir/$name.pid 2>/dev/null || :)
  while [ -n "$pid" ] && [ -e "/proc/$pid" ]; do
    tries=$((tries + 1))
    if [ $tries -ge 120 ]; then
      echo "$name (pid $pid) still runs 60 s after the disk came back" >&2
      exit 1
    fi
    sleep 0.5
  done
  rm -f $dir/$name.pid
done
