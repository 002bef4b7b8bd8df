/** Where the text of a machine's serial console can be had on this machine. */
export type ConsoleSource =
  /** A file that grows, as QEMU's `-serial file:` writes it, or a unix socket. */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A command line for /bin/sh that prints it. */
  | { readonly kind: 'command'; readonly command: string };

/**
 * Reads what a person wrote: `/var/log/vm.log`, `/run/vm.sock`, `tcp:127.0.0.1:4555` or
 * `exec:virsh console zfs-vm`. Null for what is none of these.
 */
export function parseConsoleSource(text: string): ConsoleSource | null {
  const trimmed = text.trim();
  if (/^(?:\/|[A-Za-z]:[\\/])/.test(trimmed)) return { kind: 'path', path: trimmed };
  const exec = /^exec:\s*(\S[^\0]*)$/.exec(trimmed);
  if (exec?.[1] !== undefined) return { kind: 'command', command: exec[1] };
  const tcp = /^tcp:(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(trimmed);
  const port = Number(tcp?.[3]);
  const host = tcp?.[1] ?? tcp?.[2];
  return host === undefined || port < 1 || port > 65_535 ? null : { kind: 'tcp', host, port };
}
