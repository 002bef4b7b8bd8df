#!/bin/sh
# Prints `hung` while the pool's disk is suspended, else `running`. Reads nothing that could hang.
if [ "$(dmsetup info -c --noheadings -o suspended slow 2>/dev/null)" = Suspended ]; then
  echo hung
else
  echo running
fi
