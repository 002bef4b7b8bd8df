import { formatFrame } from '../core/stack/frame.ts';
import { inert } from '../core/text/inert.ts';
import { inlinedLines, json, placeRecord, sourceNote } from './labels.ts';
import type { Resolver } from './resolver.ts';
import type { StackedFrame, TextStack } from './stacks.ts';

/** Tasks that are named of one stack. */
const MAX_NAMED = 100;

/** Different stacks that are kept; a machine has fewer. */
const MAX_STACKS = 100_000;

interface Group {
  readonly frames: readonly StackedFrame[];
  count: number;
  readonly tasks: { readonly comm: string | null; readonly pid: number | null }[];
}

/** Counts equal stacks: those with the same frames in the same order, guesses left out. */
export class Groups {
  readonly #groups = new Map<string, Group>();
  #stack: TextStack | null = null;
  #frames: StackedFrame[] = [];

  /** Takes the frames of a text in their order. */
  add(frame: StackedFrame): void {
    if (frame.stack !== this.#stack) {
      this.#end();
      this.#stack = frame.stack;
    }
    if (frame.frame.reliable) {
      this.#frames.push(frame);
    }
  }

  #end(): void {
    const frames = this.#frames;
    const task = this.#stack?.task ?? null;
    this.#frames = [];
    if (frames.length === 0) {
      return;
    }
    const key = frames.map(({ frame }) => formatFrame(frame)).join('\n');
    let group = this.#groups.get(key);
    if (group === undefined && this.#groups.size < MAX_STACKS) {
      group = { frames, count: 0, tasks: [] };
      this.#groups.set(key, group);
    }
    if (group !== undefined) {
      group.count++;
      if (task !== null && group.tasks.length < MAX_NAMED) {
        group.tasks.push({ comm: task.comm, pid: task.pid });
      }
    }
  }

  /** The text of each group, the most frequent first. */
  async render(resolver: Resolver, asJson: boolean): Promise<string[]> {
    this.#end();
    const groups = [...this.#groups.values()].sort((a, b) => b.count - a.count);
    return Promise.all(
      groups.map((group) => (asJson ? groupRecord(group, resolver) : groupText(group, resolver))),
    );
  }
}

async function groupText({ count, tasks, frames }: Group, resolver: Resolver): Promise<string> {
  const names = new Map<string, number[]>();
  for (const { comm, pid } of tasks) {
    names.set(comm ?? '', [...(names.get(comm ?? '') ?? []), ...(pid === null ? [] : [pid])]);
  }
  const who = [...names].map(([comm, pids]) =>
    `${comm}${pids.length > 0 ? ` (${pids.join(', ')})` : ''}`.trim(),
  );
  const more = count > MAX_NAMED && tasks.length === MAX_NAMED ? ' ...' : '';
  const heading = `${count} × ${who.join(', ')}${more}`.replace(/ × $/, ' ×');
  let text = `${inert(heading, 4000)}\n`;
  for (const { frame, inner } of frames) {
    const places = await resolver.places(frame, inner);
    const shown = frame.offset < 0 ? frame.symbol : formatFrame(frame);
    text += `${inlinedLines('    ', places)}    ${inert(shown)}${sourceNote(places)}\n`;
  }
  return `${text}\n`;
}

async function groupRecord({ count, tasks, frames }: Group, resolver: Resolver): Promise<string> {
  const records = [];
  for (const { item, frame, inner } of frames) {
    const { function: name, offset, size, module } = item;
    const places = (await resolver.places(frame, inner)).map(placeRecord);
    records.push({ function: name, offset, size, module, places });
  }
  return `${json({ count, tasks, frames: records })}\n`;
}
