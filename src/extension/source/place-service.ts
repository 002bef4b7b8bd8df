import { type Frame, frameKey } from '../../core/stack/frame.ts';
import type { DebugLine, Place } from '../../core/symbols/location.ts';
import { locateRequest } from '../../protocol/server.ts';
import { type ResolvedFrames, resolveFrames } from '../../target/collectors/resolve-frames.ts';
import type { Connection } from '../../target/connection.ts';
import type { DebugLineCache } from './debug-line-cache.ts';
import type { LazyServer } from './lazy-server.ts';

/** Frames asked for at once: the question must fit into one argument of a command (128 KiB on Linux). */
const FRAMES_ASKED = 500;

/**
 * From frames to places in the source. The target's debug info says file and line, asked once a
 * frame and build; the language server says where that is in the workspace.
 */
export class PlaceService {
  /** One question at a time per connection: the module is unpacked for each. */
  readonly #asking = new WeakMap<Connection, Promise<unknown>>();
  /** Frames that a connection could not answer for a reason that may pass: not asked again over it. */
  readonly #unanswered = new WeakMap<Connection, Set<string>>();

  constructor(
    private readonly server: LazyServer,
    private readonly cache: DebugLineCache,
  ) {}

  /**
   * What is known of the frames of one stack without asking the target. One list per frame, innermost
   * place first, never empty.
   */
  async known(
    connection: Connection | null,
    frames: readonly Frame[],
  ): Promise<readonly (readonly Place[])[]> {
    if (connection !== null) {
      await this.cache.load(connection.facts);
    }
    const { places } = await this.server.request(locateRequest, {
      stacks: [
        frames.map((frame) => ({
          frame,
          debug: connection === null ? null : (this.cache.get(connection.facts, frame) ?? null),
        })),
      ],
    });
    return places[0] ?? [];
  }

  /** True when asking the target could still tell more of one of the frames. */
  incomplete(connection: Connection, frames: readonly Frame[]): boolean {
    return this.#missing(connection, frames).length > 0;
  }

  /**
   * Asks the target for what is not known yet of these frames.
   * @returns sentences for the person on modules whose lines cannot be exact, and why.
   * @throws Failure
   */
  async learn(
    connection: Connection,
    frames: readonly Frame[],
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    await this.cache.load(connection.facts);
    while (this.#asking.has(connection)) {
      await this.#asking.get(connection)?.catch(() => {});
    }
    const missing = this.#missing(connection, frames).slice(0, FRAMES_ASKED);
    if (missing.length === 0) {
      return [];
    }
    const question = connection.run(
      resolveFrames,
      { frames: missing },
      signal === undefined ? {} : { signal },
    );
    this.#asking.set(connection, question);
    try {
      const answer = await question;
      this.#keep(connection, missing, answer);
      const running = answer.modules.find(({ module }) => module === 'zfs')?.buildId ?? '';
      const reloaded = running !== '' && running !== connection.facts.zfsBuildId;
      return reloaded
        ? [...answer.remarks, 'The zfs module was reloaded since ZScope connected: connect again.']
        : answer.remarks;
    } finally {
      this.#asking.delete(connection);
    }
  }

  /**
   * Keeps what the debug info of a build said, also that it says nothing. What a missing tool or file
   * left open is only remembered for this connection: the person may have mended it by the next.
   */
  #keep(connection: Connection, asked: readonly Frame[], answer: ResolvedFrames): void {
    const lines = new Map<Frame, readonly DebugLine[] | null>();
    const unanswered = this.#unanswered.get(connection) ?? new Set();
    asked.forEach((frame, i) => {
      const module = answer.modules.find(({ module }) => module === frame.module);
      const sameBuild = frame.module !== 'zfs' || module?.buildId === connection.facts.zfsBuildId;
      if (sameBuild && (module?.outcome === 'dwarf' || module?.outcome === 'no-dwarf')) {
        lines.set(frame, answer.frames[i] ?? null);
      } else {
        unanswered.add(frameKey(frame));
      }
    });
    this.#unanswered.set(connection, unanswered);
    this.cache.put(connection.facts, lines);
  }

  /** Frames of modules that nobody has asked about in this build yet, each once. */
  #missing(connection: Connection, frames: readonly Frame[]): Frame[] {
    const seen = new Map<string, Frame>();
    const unanswered = this.#unanswered.get(connection);
    for (const frame of frames) {
      const key = frameKey(frame);
      const open = frame.module !== null && this.cache.get(connection.facts, frame) === undefined;
      if (open && !unanswered?.has(key)) {
        seen.set(key, frame);
      }
    }
    return [...seen.values()];
  }
}
