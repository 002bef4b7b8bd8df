# Makes with.ko and without.ko of zs_seed.s, which is in this folder, for the kernel that runs.
# The arguments are symbols that say where the members of its struct module are.
set -e
versions=$(sed -n 's/^\(0x[0-9a-f]*\)\t\(module_layout\|__fentry__\)\t.*/--defsym VERSION_\2=\1/p' \
	"/lib/modules/$(uname -r)/build/Module.symvers")
printf '\t.asciz "vermagic=%s"\n' "$(modinfo -F vermagic zfs)" >>zs_seed.s
for build in with without; do
	as -o $build.o $versions $([ $build = with ] || echo --defsym WITHOUT_CALLBACK=1) \
		$(printf -- '--defsym %s ' "$@") zs_seed.s
	ld -r --build-id=sha1 -o $build.ko $build.o
done
