import { type KernelLine, parseKernelLine } from '../../core/kernel-log/kmsg.ts';
import type { Collector } from '../collector.ts';

/** Most lines of one answer: the newest. */
export const MOST_KERNEL_LINES = 500;

/**
 * Prints what the kernel's log has, a record each read and none waited for. A busybox `dd` may not know the flag: then
 * nothing comes, and a read that waits is not tried.
 */
const READ = 'dd if=/dev/kmsg bs=8192 iflag=nonblock 2>/dev/null';

/** Sequence numbers go beyond what some awks hold in an integer, but not beyond a double. */
const awk = (after: number): string =>
  `awk -F, -v after=${after} '/^[0-9]+,[0-9]+,[0-9]+,/ && $2 + 0 > after { line[++n % ${MOST_KERNEL_LINES}] = $0 }
END { for (i = n < ${MOST_KERNEL_LINES} ? 1 : n - ${MOST_KERNEL_LINES - 1}; i <= n; i++) print line[i % ${MOST_KERNEL_LINES}] }'`;

/** The newest lines of the kernel's log, those after a sequence number; -1 for all. */
export const kernelLines: Collector<{ readonly after: number }, readonly KernelLine[]> = {
  name: 'kernel-lines',
  title: 'Newest lines of the kernel log',
  grade: 'observe',
  // kernel.dmesg_restrict
  needsRoot: true,
  timeoutMs: 20_000,
  script: ({ after }) => `${READ} | ${awk(Number.isSafeInteger(after) ? after : -1)}\n`,
  decode: (output) =>
    output
      .split('\n')
      .map(parseKernelLine)
      .filter((line) => line !== null),
};
