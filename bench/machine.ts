/** Which machine the figures are of. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { LabInfo } from '../test/lab/lab.ts';

/** Lines of Markdown: the machine, the VM, the day, and how busy the machine was before. */
export function machineLines(vm: LabInfo, load: number): string[] {
  const cpus = os.cpus();
  const gigabytes = (os.totalmem() / 2 ** 30).toFixed(1);
  return [
    `- machine: ${cpus[0]?.model.trim() ?? 'unknown processor'}, ${cpus.length} cores, ${gigabytes} GiB, ${system()}, kernel ${os.release()}, Node ${process.versions.node}`,
    `- target: the test VM on it (${vm.accelerator === 'kvm' ? 'KVM' : 'software emulation, no KVM'}), kernel ${vm.image.kernelRelease}, ZFS ${vm.image.zfsVersion}`,
    `- date: ${new Date().toISOString().slice(0, 10)}; load average before: ${load.toFixed(1)}`,
  ];
}

/** PRETTY_NAME of os-release(5). */
function system(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? os.type();
  } catch {
    return os.type();
  }
}
