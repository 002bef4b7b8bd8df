/** A message of the kernel's log. */
export interface KernelLine {
  /** Counts all messages since the boot. */
  readonly sequence: number;
  /** Since the boot, in seconds. */
  readonly time: number;
  /** As the kernel gave it, with its escapes; untrusted. */
  readonly text: string;
}

/**
 * Reads a line of /dev/kmsg (Documentation/ABI/testing/dev-kmsg): `6,339,5140900,-;text`. Null for the lines below
 * one, which begin with a blank and say of which device it is, and for what is none.
 */
export function parseKernelLine(line: string): KernelLine | null {
  const found = /^\d{1,9},(\d{1,15}),(\d{1,15}),[^;]{0,100};(.*)$/s.exec(line);
  return found === null
    ? null
    : { sequence: Number(found[1]), time: Number(found[2]) / 1e6, text: found[3] ?? '' };
}

/** `[    5.140900] text`, as dmesg prints it. */
export function kernelLineText({ time, text }: KernelLine): string {
  return `[${time.toFixed(6).padStart(12)}] ${text}`;
}
