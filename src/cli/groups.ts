import { formatFrame } from '../core/stack/frame.ts';
import type { StackGroup } from '../core/stack/groups.ts';
import { inert } from '../core/text/inert.ts';
import { inlinedLines, json, placeRecord, sourceNote } from './labels.ts';
import type { Resolver } from './resolver.ts';

/** Tasks that are named of one stack. */
const MAX_NAMED = 100;

/** The text of a group. */
export function renderGroup(group: StackGroup, resolver: Resolver, asJson: boolean): Promise<string> {
  return asJson ? groupRecord(group, resolver) : groupText(group, resolver);
}

async function groupText({ count, tasks, frames }: StackGroup, resolver: Resolver): Promise<string> {
  // A log may show one task again and again.
  const names = new Map<string, Set<number>>();
  for (const { comm, pid } of tasks.slice(0, MAX_NAMED)) {
    const pids = names.get(comm ?? '') ?? new Set();
    names.set(comm ?? '', pid === null ? pids : pids.add(pid));
  }
  const who = [...names].map(([comm, pids]) =>
    `${comm}${pids.size > 0 ? ` (${[...pids].join(', ')})` : ''}`.trim(),
  );
  const more = tasks.length > MAX_NAMED ? ' ...' : '';
  const heading = `${count} × ${who.join(', ')}${more}`.replace(/ × $/, ' ×');
  let text = `${inert(heading, 4000)}\n`;
  for (const [at, frame] of frames.entries()) {
    const places = await resolver.places(frame, frames[at - 1] ?? null);
    text += `${inlinedLines('    ', places)}    ${inert(formatFrame(frame))}${sourceNote(places)}\n`;
  }
  return `${text}\n`;
}

async function groupRecord({ count, tasks, frames }: StackGroup, resolver: Resolver): Promise<string> {
  const records = [];
  for (const [at, frame] of frames.entries()) {
    const { symbol, offset, size, module } = frame;
    const places = (await resolver.places(frame, frames[at - 1] ?? null)).map(placeRecord);
    records.push({ function: symbol, offset: offset < 0 ? null : offset, size, module, places });
  }
  const named = tasks.slice(0, MAX_NAMED).map(({ comm, pid }) => ({ comm, pid }));
  return `${json({ count, tasks: named, frames: records })}\n`;
}
