import { Failure } from '../../core/failure.ts';
import type { DownloadCollector } from '../collector.ts';

export interface KernelTypesParams {
  /** As `/sys/kernel/btf` spells it; `vmlinux` for the kernel itself. */
  readonly module: string;
}

/** How the bytes come; null where the kernel has none (CONFIG_DEBUG_INFO_BTF, CONFIG_DEBUG_INFO_BTF_MODULES). */
export type KernelTypesHeader = 'gz' | 'plain' | null;

/**
 * The types that the kernel has of itself or of a loaded module: some megabytes of memory that everybody may read
 * (kernel/bpf/sysfs_btf.c, kernel/bpf/btf.c), and that wait for nothing.
 */
export const kernelTypes: DownloadCollector<KernelTypesParams, KernelTypesHeader> = {
  name: 'kernel-types',
  title: 'Types that the kernel has of itself (BTF)',
  grade: 'observe',
  needsRoot: false,
  idleMs: 30_000,
  script: ({ module }) => {
    if (!/^\w{1,64}$/.test(module)) {
      throw new Failure('bad-request', 'This is no module.');
    }
    return `file=/sys/kernel/btf/${module}
if [ ! -r $file ]; then
  echo none
elif command -v gzip >/dev/null 2>&1; then
  echo gz
  gzip -1 -n -c <$file
else
  echo plain
  cat $file
fi
`;
  },
  header: (line) => {
    switch (line) {
      case 'gz':
      case 'plain':
        return line;
      case 'none':
        return null;
      default:
        throw new Failure(
          'bad-output',
          'The target was asked for the types of its kernel and answered something else.',
          'Show Log has what the target said.',
        );
    }
  },
};
