#!/bin/sh -e
# Makes the modules of these tests; needs gcc, binutils, xz and zstd. Run in this folder.
gcc -c -g -O2 -fno-pie -mcmodel=kernel -ffreestanding -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fdebug-prefix-map="$PWD=/var/lib/dkms/zfs/2.3.9/build/module/zfs" \
	-frandom-seed=zlog -o zlog.o "$PWD/zlog.c"
ld -r --build-id=sha1 -o zlog.ko zlog.o
objcopy --only-keep-debug zlog.ko zlog.ko.debug
objcopy --strip-debug --add-gnu-debuglink=zlog.ko.debug zlog.ko stripped.ko
xz -k -f --check=crc64 zlog.ko
zstd -q -f zlog.ko -o zlog.ko.zst
rm zlog.o zlog.ko.debug
