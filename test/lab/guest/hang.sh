#!/bin/sh
# Takes the pool's disk away, then starts three programs that need it; returns when those and the
# pool's txg_sync wait uninterruptibly. Prints a line `PID COMM STATE` for each. Where the disk is
# away already it starts nothing and just looks; exit code 3 if not all four wait then.
set -eu
dir=/run/zscope-lab
mkdir -p "$dir"

state_of() { # PID -> state letter, empty if there is no such process
  # A comm may hold blanks, so the state is looked for behind the last bracket. No other file of
  # a hung process is read: cmdline and its kin would join the hang.
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  rest=${stat##*) }
  echo "${rest%% *}"
}

txg_sync_pid() { # every pool has one: that of the pool that hangs, if any does
  found=
  for comm in /proc/[0-9]*/comm; do
    { read -r name <"$comm"; } 2>/dev/null || continue
    [ "$name" = txg_sync ] || continue
    pid=${comm#/proc/}
    pid=${pid%/comm}
    if [ -z "$found" ] || [ "$(state_of "$pid")" = D ]; then found=$pid; fi
  done
  echo "$found"
}

start() { # NAME COMMAND: in its own session, so that the end of ssh does not end it
  # exec keeps the process id that was written down.
  setsid sh -c "echo \$\$ >$dir/$1.pid; $2" </dev/null >/dev/null 2>&1 &
}

if [ "$(dmsetup info -c --noheadings -o suspended slow)" = Suspended ]; then
  limit=3
else
  limit=60
  dmsetup suspend --nolockfs slow
  start sync 'echo hi >/tank/fs/a; exec sync'
  start zfs 'exec zfs create tank/fs2'
  start dd 'exec dd if=/dev/zero of=/tank/fs/big bs=128k count=64 conv=fsync'
fi

tries=0
while :; do
  lines='' hung=0
  for name in sync zfs dd txg_sync; do
    if [ $name = txg_sync ]; then pid=$(txg_sync_pid); else pid=$(cat $dir/$name.pid 2>/dev/null || :); fi
    state=$(state_of "${pid:-none}")
    if [ "$state" = D ]; then hung=$((hung + 1)); fi
    lines="$lines${pid:--} $name ${state:--}
"
  done
  # Twice in a row: a short wait for something else is D as well.
  if [ $hung -eq 4 ] && [ "$lines" = "${before:-}" ]; then break; fi
  before=$lines
  tries=$((tries + 1))
  if [ $tries -ge $limit ]; then
    printf 'only %d of 4 tasks hang after %d s:\n%s' $hung $limit "$lines" >&2
    exit 3
  fi
  sleep 1
done
printf '%s' "$lines"
