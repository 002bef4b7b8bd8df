#!/bin/sh
# Builds zfs.ko in a Debian tree for its own kernel headers, from its own zfs-dkms, with the debug info
# kept. Runs as root of that tree.
#
#   build.sh FOLDER NAME
#
# FOLDER receives NAME.ko. The name says how it is compiled: see the `case` below.
set -eu
out=$1 name=$2
mkdir -p "$out"

prepared=/root/prepared
if [ ! -e "$prepared" ]; then
  cd /tmp
  apt-get download zfs-dkms
  dpkg-deb --extract zfs-dkms_*.deb /
  source=$(echo /usr/src/zfs-*)
  # Of several kernels the newest.
  headers=
  for build in /lib/modules/*/build; do
    headers=${build%/build}
  done
  # The path that DKMS builds in, and the arguments that zfs-dkms has DKMS call configure with.
  tree=/var/lib/dkms/zfs/${source#/usr/src/zfs-}/build
  mkdir -p "${tree%/build}"
  cp -a "$source" "$tree"
  cd "$tree"
  echo "step configuring ${source#/usr/src/} for ${headers#/lib/modules/}"
  sh ./configure --prefix=/usr --with-config=kernel \
    --with-linux="$headers/source" --with-linux-obj="$headers/build"
  echo "$tree" >"$prepared"
fi
tree=$(cat "$prepared")

# clang as the compiler of a kernel that GCC built: without the arguments that it does not know.
cat >/usr/local/bin/kernel-clang <<'WRAPPER'
#!/bin/sh
unknown=$(clang -### "$@" 2>&1 | sed -n "s/.*error: un[a-z]* [a-z]*:\{0,1\} *'\([^']*\)'.*/\1/p")
for argument in "$@"; do
  shift
  case "
$unknown
" in *"
$argument
"*) continue ;; esac
  case $argument in -Werror*) continue ;; esac
  set -- "$@" "$argument"
done
exec clang "$@" -w
WRAPPER
chmod 755 /usr/local/bin/kernel-clang

case $name in
  debian-12) set -- ;;
  no-inline) set -- KCFLAGS='-fno-inline -fno-ipa-sra' ;;
  dwarf-4) set -- KCFLAGS=-gdwarf-4 KAFLAGS=-gdwarf-4 ;;
  clang) set -- CC=kernel-clang KCFLAGS=-gdwarf-5 ;;
  *)
    echo "no build is named $name" >&2
    exit 2
    ;;
esac
echo "step building zfs.ko: $name"
cp -a "$tree" "$tree.$name"
make -C "$tree.$name" -j"$(nproc)" "$@"
module=$tree.$name/module/zfs.ko
# Before ZFS 2.2 each of its modules had a folder.
[ -e "$module" ] || module=$tree.$name/module/zfs/zfs.ko
mv "$module" "$out/$name.ko"
rm -rf "$tree.$name"
