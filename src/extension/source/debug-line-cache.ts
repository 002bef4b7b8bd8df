import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Frame, frameKey } from '../../core/stack/frame.ts';
import type { DebugLine } from '../../core/symbols/location.ts';
import type { TargetFacts } from '../../target/connection.ts';

type Lines = readonly DebugLine[] | null;

/** Builds whose lines are kept on disk; the longest unchanged beyond that are removed. */
const BUILDS_KEPT = 20;

/**
 * What debug info said of frames, by build. Frames of the zfs module are kept by its build-id, in
 * memory and on disk; those of other modules as long as the target is not rebooted, in memory.
 */
export class DebugLineCache {
  readonly #builds = new Map<string, Map<string, Lines>>();
  readonly #loading = new Map<string, Promise<void>>();

  /** @param folder where files go; created when first written. */
  constructor(private readonly folder: string) {}

  /** Reads what is on disk for the target's zfs build; a missing or damaged file is an empty one. */
  async load(facts: TargetFacts): Promise<void> {
    const id = facts.zfsBuildId;
    if (id === null || !/^[0-9a-f]{8,64}$/.test(id)) {
      return;
    }
    let loading = this.#loading.get(id);
    if (loading === undefined) {
      loading = this.#read(id);
      this.#loading.set(id, loading);
    }
    await loading;
  }

  async #read(id: string): Promise<void> {
    try {
      const text = await readFile(this.#file(id), 'utf8');
      const build = this.#build(`build:${id}`);
      for (const [key, lines] of Object.entries(decodeFile(text))) {
        build.set(key, lines);
      }
    } catch {
      // Not there yet, or cut short by a crash: the target is asked again.
    }
  }

  /** undefined: not asked yet. null: asked, and the debug info says nothing. */
  get(facts: TargetFacts, frame: Frame): Lines | undefined {
    return this.#builds.get(buildKey(facts, frame))?.get(frameKey(frame));
  }

  put(facts: TargetFacts, lines: ReadonlyMap<Frame, Lines>): void {
    for (const [frame, value] of lines) {
      this.#build(buildKey(facts, frame)).set(frameKey(frame), value);
    }
    const id = facts.zfsBuildId;
    if (id !== null && /^[0-9a-f]{8,64}$/.test(id)) {
      void this.#write(id);
    }
  }

  async #write(id: string): Promise<void> {
    const build = this.#builds.get(`build:${id}`);
    if (build === undefined) {
      return;
    }
    try {
      await mkdir(this.folder, { recursive: true });
      const file = this.#file(id);
      const partial = `${file}.${randomUUID()}`;
      await writeFile(partial, JSON.stringify(Object.fromEntries(build)));
      await rename(partial, file);
      await this.#trim();
    } catch {
      // The disk is full or read-only: the lines stay in memory.
    }
  }

  async #trim(): Promise<void> {
    const files = (await readdir(this.folder)).filter((name) => name.endsWith('.json'));
    const dated = await Promise.all(
      files.map(async (name) => ({ name, at: (await stat(path.join(this.folder, name))).mtimeMs })),
    );
    dated.sort((a, b) => b.at - a.at);
    await Promise.all(dated.slice(BUILDS_KEPT).map(({ name }) => rm(path.join(this.folder, name))));
  }

  #file(id: string): string {
    return path.join(this.folder, `${id}.json`);
  }

  #build(key: string): Map<string, Lines> {
    let build = this.#builds.get(key);
    if (build === undefined) {
      build = new Map();
      this.#builds.set(key, build);
    }
    return build;
  }
}

function buildKey(facts: TargetFacts, frame: Frame): string {
  return frame.module === 'zfs' && facts.zfsBuildId !== null
    ? `build:${facts.zfsBuildId}`
    : `boot:${facts.bootId}`;
}

/** @throws SyntaxError, TypeError when the text is not what {@link DebugLineCache} writes. */
function decodeFile(text: string): Record<string, Lines> {
  const decoded: Record<string, Lines> = {};
  const raw: unknown = JSON.parse(text);
  if (typeof raw !== 'object' || raw === null) {
    throw new TypeError('not an object');
  }
  for (const [key, value] of Object.entries(raw)) {
    if (value === null) {
      decoded[key] = null;
      continue;
    }
    if (!Array.isArray(value)) {
      throw new TypeError('not a list');
    }
    decoded[key] = value.map((item: unknown) => decodeLine(item));
  }
  return decoded;
}

function decodeLine(item: unknown): DebugLine {
  if (typeof item === 'object' && item !== null && 'function' in item && 'path' in item && 'line' in item) {
    const { function: name, path: file, line } = item;
    if (typeof name === 'string' && typeof file === 'string' && typeof line === 'number') {
      return { function: name, path: file, line };
    }
  }
  throw new TypeError('not a line');
}
