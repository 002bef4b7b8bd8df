#!/bin/sh
# Makes the disk image and its companions from a root file system, without mounting anything.
# Runs as root, or as root of a user namespace.
#
#   assemble.sh ROOTFS_TAR OVERLAY KEYS OUT DISK_BYTES
#
# KEYS holds id_ed25519.pub (who may sign in) and ssh_host_*_key[.pub]. OUT receives disk.img,
# vmlinuz, initrd.img, zfs.ko.xz, kernel-release and source/zfs-VERSION.
set -eu
rootfs=$1 overlay=$2 keys=$3 out=$4 bytes=$5
tree=$out/tree

echo "step unpacking the root file system"
mkdir "$tree"
tar -C "$tree" --numeric-owner --exclude='./dev/*' --exclude='./var/cache/apt/*' \
  --exclude='./var/lib/apt/lists/*' -xf "$rootfs"

echo "step laying the VM's settings over it"
tar -C "$overlay" --owner=0 --group=0 --mode='u=rwX,go=rX' -cf - . |
  tar -C "$tree" --no-overwrite-dir -xf -
chmod 440 "$tree/etc/sudoers.d/zscope"
cp "$keys"/ssh_host_* "$tree/etc/ssh/"
chmod 600 "$tree"/etc/ssh/ssh_host_*_key
# A machine id that is there already: without one systemd takes this for a first boot.
tr -d - </proc/sys/kernel/random/uuid >"$tree/etc/machine-id"

while IFS=: read -r name _ uid gid _ home _; do
  case $name in root | dev | plain) ;; *) continue ;; esac
  mkdir -p "$tree$home/.ssh"
  cp "$keys/id_ed25519.pub" "$tree$home/.ssh/authorized_keys"
  chmod 700 "$tree$home/.ssh"
  chmod 600 "$tree$home/.ssh/authorized_keys"
  chown -R "$uid:$gid" "$tree$home/.ssh"
done <"$tree/etc/passwd"

# Nothing is started but what is named here: every unit costs seconds under emulation, and the
# ZFS units would import, mount and share pools that the lab's own commands look after.
units=$tree/etc/systemd/system
rm -rf "$units"/*.wants "$units"/*.requires
mkdir "$units/multi-user.target.wants" "$units/sysinit.target.wants"
ln -s /usr/lib/systemd/system/ssh.service "$units/multi-user.target.wants/ssh.service"
ln -s ../zscope-network.service "$units/sysinit.target.wants/zscope-network.service"
ln -s ../zscope-zfs.service "$units/multi-user.target.wants/zscope-zfs.service"
ln -sf /usr/lib/systemd/system/multi-user.target "$units/default.target"
for unit in getty@.service serial-getty@.service getty.target systemd-logind.service \
  systemd-update-utmp.service systemd-random-seed.service systemd-pstore.service \
  systemd-hwdb-update.service systemd-journal-catalog-update.service ldconfig.service \
  systemd-update-done.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
  systemd-machine-id-commit.service systemd-tpm2-setup.service systemd-tpm2-setup-early.service \
  systemd-pcrmachine.service systemd-boot-random-seed.service systemd-ask-password-console.path \
  systemd-ask-password-wall.path systemd-journal-flush.service dev-hugepages.mount \
  dev-mqueue.mount sys-fs-fuse-connections.mount systemd-hibernate-clear.service \
  apt-daily.timer apt-daily-upgrade.timer systemd-sysusers.service systemd-firstboot.service \
  systemd-tmpfiles-clean.timer systemd-hostnamed.socket systemd-sysext.socket; do
  ln -sf /dev/null "$units/$unit"
done

mkdir -p "$tree/etc/systemd/system-generators"
for generator in ssh getty gpt-auto hibernate-resume rc-local system-update sysv tpm2 debug run; do
  ln -s /dev/null "$tree/etc/systemd/system-generators/systemd-$generator-generator"
done
ln -s /dev/null "$tree/etc/systemd/system-generators/zfs-mount-generator"

echo "step copying kernel, initrd, module and ZFS source out of it"
release=$(basename "$tree"/boot/vmlinuz-*)
release=${release#vmlinuz-}
echo "$release" >"$out/kernel-release"
cp "$tree/boot/vmlinuz-$release" "$out/vmlinuz"
cp "$tree/boot/initrd.img-$release" "$out/initrd.img"
cp "$tree/lib/modules/$release/updates/dkms/zfs.ko.xz" "$out/zfs.ko.xz"
mkdir "$out/source"
cp -R --preserve=mode,timestamps,links "$tree"/usr/src/zfs-* "$out/source/"

echo "step writing the disk image"
truncate -s "$bytes" "$out/disk.img"
mke2fs -q -F -t ext4 -L zscope-root -m 0 -E lazy_itable_init=1 -d "$tree" "$out/disk.img"
rm -rf "$tree"
