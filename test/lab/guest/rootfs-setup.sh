#!/bin/sh
# mmdebstrap setup hook: files that must exist before packages are configured. $1 is the tree.
set -eu
mkdir -p "$1/etc/dkms" "$1/etc/initramfs-tools/conf.d" "$1/etc/initramfs-tools/hooks"

# Debian's kernel configuration compiles modules with -g and DKMS strips them afterwards. With
# this the module keeps its DWARF and, unlike ENABLE_DEBUGINFO, the inlining of a normal build.
echo 'ZFS_DKMS_DISABLE_STRIP="yes"' >"$1/etc/dkms/zfs.conf"

# Only what the VM boots from: a small initrd unpacks several seconds sooner under emulation.
cat >"$1/etc/initramfs-tools/conf.d/zscope" <<'CONF'
MODULES=list
COMPRESS=lz4
RESUME=none
CONF
cat >"$1/etc/initramfs-tools/hooks/zscope" <<'HOOK'
#!/bin/sh
case "${1:-}" in prereqs) exit 0 ;; esac
. /usr/share/initramfs-tools/hook-functions
manual_add_modules virtio_pci virtio_blk virtio_net virtio_rng ext4
HOOK
chmod 755 "$1/etc/initramfs-tools/hooks/zscope"
