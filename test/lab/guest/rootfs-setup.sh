#!/bin/sh
# mmdebstrap setup hook: files that must exist before packages are configured. $1 is the tree.
set -eu
mkdir -p "$1/etc/dkms" "$1/etc/initramfs-tools/conf.d" "$1/etc/initramfs-tools/hooks"

# Debian's kernel configuration compiles modules with -g and DKMS strips them afterwards. With
# this the module keeps its DWARF and, unlike ENABLE_DEBUGINFO, the inlining of a normal build.
echo 'ZFS_DKMS_DISABLE_STRIP="yes"' >"$1/etc/dkms/zfs.conf"

# Only what the VM boots from: a small initrd unpacks several seconds sooner under emulation. The
# device nodes come from devtmpfs, so udev (left out by rootfs.ts) is not needed this early.
cat >"$1/etc/initramfs-tools/conf.d/zscope" <<'CONF'
MODULES=list
COMPRESS=lz4
RESUME=none
CONF
cat >"$1/etc/initramfs-tools/hooks/zscope" <<'HOOK'
#!/bin/sh
case "${1:-}" in prereqs) exit 0 ;; esac
. /usr/share/initramfs-tools/hook-functions
for module in virtio_pci virtio_blk virtio_net virtio_rng ext4; do
  force_load "$module"
done
HOOK
chmod 755 "$1/etc/initramfs-tools/hooks/zscope"

# Handing /dev over to the real root is the one duty of udev's scripts that remains.
mkdir -p "$1/etc/initramfs-tools/scripts/init-bottom"
cat >"$1/etc/initramfs-tools/scripts/init-bottom/zscope" <<'SCRIPT'
#!/bin/sh
case "${1:-}" in prereqs) exit 0 ;; esac
mount -n -o move /dev "${rootmnt:?}/dev"
SCRIPT
chmod 755 "$1/etc/initramfs-tools/scripts/init-bottom/zscope"
