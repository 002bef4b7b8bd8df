import type { Disposable } from '../../core/lifetime.ts';
import type { TraceParams } from '../../core/tracing/ftrace-program.ts';
import type { SessionFunction, SessionHeader } from '../../core/tracing/sessions/session.ts';
import { moduleIds } from '../../target/collectors/module-ids.ts';
import type { Connection } from '../../target/connection.ts';
import type { Tracer } from '../../target/tracer.ts';
import type { PlaceService } from '../source/place-service.ts';
import { type RecordedSession, Recording } from './recording.ts';
import type { SessionStore } from './session-store.ts';

/** A session as it runs. */
export interface RunningSession extends RecordedSession {
  readonly connection: Connection;
  /** Functions that are traced by now. */
  readonly functions: readonly SessionFunction[];
  readonly params: TraceParams;
  /** What traces. */
  readonly tracer: Pick<Tracer, 'id'>;
  /** What runs on the target, for a person to read. */
  readonly program: string;
}

/** Has every session recorded from its start to its end. */
export class SessionKeeper implements Disposable {
  readonly #running = new Set<Recording>();
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly store: SessionStore,
    private readonly places: Pick<PlaceService, 'builds'>,
  ) {}

  /** Calls the listener when a session came or was ended. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  /**
   * Records a session that is about to start.
   * @param alias what the person calls the target
   * @returns what is to be told how it ended: see SessionEnd
   */
  keep(session: RunningSession, alias: string): { end(reason: string): void } {
    const recording = new Recording(
      this.store,
      session,
      () => this.#header(session, alias),
      (header) => withBuilds(header, session.connection),
      () => this.#tell(),
    );
    this.#running.add(recording);
    return {
      end: (reason) => {
        void recording.end(reason).then(() => {
          this.#running.delete(recording);
          this.#tell();
        });
      },
    };
  }

  #header({ connection, params, tracer, functions, program }: RunningSession, alias: string): SessionHeader {
    const { facts } = connection;
    const known = this.places.builds(connection);
    const kind = `${params.kind ?? 'calls'}${tracer.id === 'ftrace' ? '' : ` by ${tracer.id}`}`;
    return {
      name: `${functions.map(({ symbol }) => symbol).join(', ')} (${kind})`,
      startedAt: Date.now(),
      target: {
        alias,
        hostname: facts.hostname,
        kernel: facts.kernelRelease,
        machine: facts.machine,
        bootId: facts.bootId,
        zfsVersion: facts.zfsVersion,
      },
      modules: ['zfs', 'spl'].flatMap((module) => {
        const buildId = known.id(module) ?? (module === 'zfs' ? facts.zfsBuildId : null);
        return buildId === null ? [] : [{ module, buildId }];
      }),
      functions: [...functions],
      tracer: tracer.id,
      program,
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }

  dispose(): void {
    for (const recording of this.#running) {
      recording.dispose();
    }
    this.#listeners.clear();
  }
}

/**
 * A header with the builds of ZFS's modules, which most stacks are of, and those of the functions. They are asked for
 * with each session: that a module was loaded anew since the last one is what makes sessions differ.
 */
async function withBuilds(header: SessionHeader, connection: Connection): Promise<SessionHeader> {
  const modules = [...new Set(['zfs', 'spl', ...header.functions.flatMap(({ module }) => module ?? [])])];
  try {
    const loaded = await connection.run(moduleIds, { modules });
    const builds = modules.map((module) => ({ module, buildId: loaded.get(module)?.buildId ?? null }));
    return {
      ...header,
      modules: builds.flatMap(({ module, buildId }) => (buildId === null ? [] : [{ module, buildId }])),
    };
  } catch {
    return header; // It is worth keeping also where nobody knows of which build it is.
  }
}
