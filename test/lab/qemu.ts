/** The emulator's command line. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { createServer } from 'node:net';

export interface VmFiles {
  readonly kernel: string;
  readonly initrd: string;
  /** qcow2 over the image's disk. */
  readonly overlay: string;
  /** Raw, what the pool lives on. */
  readonly poolDisk: string;
  readonly console: string;
  readonly pidFile: string;
  /** Socket of the emulator's monitor (QEMU's qmp-spec). */
  readonly monitor: string;
}

/** Longest path of a socket, without its NUL: sun_path of unix(7). */
const LONGEST_SOCKET = 107;

export type Accelerator = 'kvm' | 'tcg';

/**
 * KVM only where the processor itself says that it can virtualise: /dev/kvm may be there, answer,
 * and still not run an ordinary kernel on a host that is such a guest itself.
 */
export function chooseAccelerator(cpuinfo: string, kvmUsable: boolean): Accelerator {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(' ') ?? [];
  return kvmUsable && (flags.includes('vmx') || flags.includes('svm')) ? 'kvm' : 'tcg';
}

export function hostAccelerator(): Accelerator {
  let kvmUsable = true;
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    kvmUsable = false;
  }
  return chooseAccelerator(readFileSync('/proc/cpuinfo', 'utf8'), kvmUsable);
}

/** Arguments of qemu-system-x86_64; the emulator goes to the background once it has started. */
export function qemuArguments(files: VmFiles, port: number, accelerator: Accelerator): string[] {
  const accel =
    accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max,la57=off'];
  const commandLine = [
    'root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet',
    // The serial line is slow, and what matters here is not the guest's own safety.
    'systemd.show_status=0 mitigations=off audit=0 lsm=yama random.trust_cpu=on',
    // With the first event that is enabled anywhere the kernel patches its scheduler, which an emulated machine with
    // several processors can die of: some are on from the start (see HOLD_EVENT in usable.ts, which holds them again).
    'trace_event=sched:sched_process_hang trace_instance=lab^traceoff,sched:sched_switch',
    // Drivers of devices and features that are there but serve nothing here.
    'module_blacklist=kvm,kvm_amd,iTCO_wdt,pcspkr,psmouse,lpc_ich,i2c_i801,ccp,vmw_vmci,ahci',
  ].join(' ');
  return [
    ...['-name', 'zscope-lab', '-machine', 'q35', ...accel, '-smp', '2', '-m', '4G'],
    ...['-nodefaults', '-display', 'none', '-serial', `file:${escapeComma(files.console)}`],
    ...['-kernel', files.kernel, '-initrd', files.initrd, '-append', commandLine],
    ...['-device', 'virtio-rng-pci'],
    // What is on these disks is worth nothing once the host itself has crashed: no flushes.
    ...['-drive', `file=${escapeComma(files.overlay)},format=qcow2,if=virtio,cache=unsafe`],
    ...['-drive', `file=${escapeComma(files.poolDisk)},format=raw,if=virtio,cache=unsafe`],
    // restrict: the guest reaches nothing outside, and only this host's own users reach its sshd.
    ...['-netdev', `user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ...['-device', 'virtio-net-pci,netdev=net0,romfile='],
    // A cache folder with a long name costs the monitor, which few need, and not the VM.
    ...(Buffer.byteLength(files.monitor) > LONGEST_SOCKET
      ? []
      : ['-qmp', `unix:${escapeComma(files.monitor)},server=on,wait=off`]),
    ...['-pidfile', files.pidFile, '-daemonize'],
  ];
}

/** QEMU doubles a comma that belongs to a value. */
function escapeComma(value: string): string {
  return value.replaceAll(',', ',,');
}

/** The preferred TCP port of 127.0.0.1 if nobody listens there, else any that is free. */
export async function freePort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined) {
    const port = await tryListen(preferred);
    if (port !== undefined) return port;
  }
  const port = await tryListen(0);
  if (port === undefined) throw new Error('no free TCP port on 127.0.0.1');
  return port;
}

function tryListen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
