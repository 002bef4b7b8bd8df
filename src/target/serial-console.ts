import { open, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import type { ConsoleSource } from '../core/console/console-source.ts';
import type { Disposable } from '../core/lifetime.ts';
import { startProcess } from './process-channel.ts';

/** The newest bytes that are kept, or read, of a console. */
const KEPT = 256 * 1024;

/** The end of a serial console's text. */
export interface ConsoleReader extends Disposable {
  /**
   * The newest bytes, 256 KiB at most, and how many of them came since the reader was opened.
   * @throws Error as node:fs, node:net or node:child_process do, where the console cannot be read
   */
  tail(): Promise<{ readonly bytes: Buffer; readonly fresh: number }>;
}

/**
 * Opens a console. What is a stream is read from now on, since it keeps nothing; a file is read when it
 * is wanted. What goes wrong is told by {@link ConsoleReader.tail}.
 */
export async function openConsole(source: ConsoleSource): Promise<ConsoleReader> {
  switch (source.kind) {
    case 'path': {
      const found = await stat(source.path).catch(() => null);
      return found?.isSocket()
        ? overSocket({ path: source.path })
        : new FileReader(source.path, found?.size ?? 0);
    }
    case 'tcp':
      return overSocket({ host: source.host, port: source.port });
    case 'command':
      return await overCommand(source.command);
  }
}

class FileReader implements ConsoleReader {
  constructor(
    private readonly path: string,
    /** Its size when it was opened. */
    private readonly from: number,
  ) {}

  async tail(): Promise<{ bytes: Buffer; fresh: number }> {
    const file = await open(this.path);
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - KEPT);
      const bytes = Buffer.alloc(size - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      // A file that is smaller than it was has been begun anew.
      const fresh = size < this.from ? bytesRead : Math.min(bytesRead, size - this.from);
      return { bytes: bytes.subarray(0, bytesRead), fresh };
    } finally {
      await file.close();
    }
  }

  dispose(): void {}
}

/** The newest bytes of a stream. */
class StreamReader implements ConsoleReader {
  /** The newest bytes, and room for as many again, so that they are seldom moved: consoles come byte by byte. */
  readonly #kept = Buffer.alloc(2 * KEPT);
  #size = 0;
  #error: Error | null = null;

  constructor(private readonly close: () => void) {}

  push(piece: Buffer): void {
    const newest = piece.subarray(-KEPT);
    if (this.#size + newest.length > this.#kept.length) {
      this.#kept.copyWithin(0, this.#size - KEPT, this.#size);
      this.#size = KEPT;
    }
    this.#size += newest.copy(this.#kept, this.#size);
  }

  fail(error: Error): void {
    this.#error ??= error;
  }

  async tail(): Promise<{ bytes: Buffer; fresh: number }> {
    if (this.#size === 0 && this.#error !== null) throw this.#error;
    const bytes = Buffer.from(this.#kept.subarray(Math.max(0, this.#size - KEPT), this.#size));
    return { bytes, fresh: bytes.length };
  }

  dispose(): void {
    this.close();
  }
}

function overSocket(where: { path: string } | { host: string; port: number }): ConsoleReader {
  const socket = connect(where);
  const reader = new StreamReader(() => socket.destroy());
  socket.on('data', (piece: Buffer) => reader.push(piece));
  socket.on('error', (error) => reader.fail(error));
  return reader;
}

/**
 * Runs a command beside a watch, which ends it and what it started (its process group) when stdin ends: by us, or by
 * the end of this process, also by SIGKILL, where a command that writes nothing would notice nothing. The command has
 * the same stdin, on which nothing is ever sent.
 */
const WATCHED = `exec 3<&0
trap : TERM
(trap '' TERM; read -r z <&3; kill -TERM 0; sleep 2; kill -KILL 0) >/dev/null 2>&1 &
watch=$!
/bin/sh -c "$1" zscope <&3 3<&-
status=$?
kill -KILL $watch
wait $watch 2>/dev/null
exit $status`;

/** Arguments of /bin/sh, which must lead a process group. */
export function watched(command: string): readonly string[] {
  return ['-c', WATCHED, 'zscope', command];
}

async function overCommand(command: string): Promise<ConsoleReader> {
  // The window may close now: nobody would be there a moment later.
  const channel = await startProcess('/bin/sh', watched(command), process.env, 'at-once');
  const reader = new StreamReader(() => channel.close());
  channel.stdout.on('data', (piece: Buffer) => reader.push(piece));
  channel.stderr.on('data', (piece: Buffer) => reader.push(piece));
  return reader;
}
