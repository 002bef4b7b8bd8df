/** The emulator's monitor: one command over its socket (QEMU's docs/interop/qmp-spec). */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { LabError } from './processes.ts';

const LIMIT_MS = 20_000;

/** @throws LabError when there is no monitor, or it refuses the command */
export async function askMonitor(
  socketFile: string,
  command: string,
  args: Readonly<Record<string, string | number>>,
): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const socket = connect(socketFile);
  try {
    await once(socket, 'connect', { signal });
    const lines = createInterface({ input: socket });
    const answers = lines[Symbol.asyncIterator]();
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    // The greeting, then an answer to each command; events may come between.
    const answer = async (): Promise<void> => {
      for (;;) {
        const { value, done } = await answers.next();
        if (done === true) throw new LabError(`The emulator's monitor did not answer ${command}.`);
        const said = JSON.parse(value) as { error?: { desc?: string }; return?: unknown; QMP?: unknown };
        if (said.error !== undefined) {
          throw new LabError(`The emulator's monitor refuses ${command}: ${said.error.desc}.`);
        }
        if ('return' in said || 'QMP' in said) return;
      }
    };
    await answer();
    for (const [name, values] of [['qmp_capabilities', {}] as const, [command, args] as const]) {
      socket.write(`${JSON.stringify({ execute: name, arguments: values })}\n`);
      await answer();
    }
  } catch (error) {
    if (error instanceof LabError) throw error;
    throw new LabError(
      `The emulator's monitor cannot be reached: ${error instanceof Error ? error.message : error}.`,
    );
  } finally {
    socket.destroy();
  }
}
