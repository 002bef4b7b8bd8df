import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Frame, frameKey } from '../../../../src/core/stack/frame.ts';
import { parseFrame } from '../../../../src/core/stack/proc-stack.ts';
import { resolveFrames } from '../../../../src/target/collectors/resolve-frames.ts';
import { decodeSnapshot } from '../../../../src/target/collectors/task-snapshot.ts';

const golden = (name: string) => readFileSync(join(import.meta.dirname, 'golden', name), 'utf8');

/** The frames that were asked about: all module frames of the snapshot, each once, in order. */
const frames: Frame[] = [
  ...new Map(
    decodeSnapshot(golden('tasks-hung.txt'))
      .groups.flatMap(({ trace }) => trace)
      .filter(({ module }) => module !== null)
      .map((frame) => [frameKey(frame), frame]),
  ).values(),
];
const answer = resolveFrames.decode(golden('resolved-frames.txt'), { frames });

function places(text: string): string[] | null {
  const wanted = parseFrame(text);
  const at = frames.findIndex((frame) => wanted !== null && frameKey(frame) === frameKey(wanted));
  const lines = answer.frames[at];
  return lines ? lines.map((line) => `${line.function} ${line.path.split('/').at(-1)}:${line.line}`) : null;
}

test('a frame is the function that was inlined there, in those it was inlined into', () => {
  expect(places('zil_commit_impl+0x140a/0x15d0 [zfs]')).toEqual([
    'zil_process_commit_list zil.c:2925',
    'zil_commit_writer zil.c:3190',
    'zil_commit_impl zil.c:3688',
  ]);
  expect(places('zio_wait+0x14e/0x2f0 [zfs]')).toEqual(['zio_wait zio.c:2555']);
});

test('modules without debug info have no lines, and only ZFS is worth a remark', () => {
  expect(answer.modules).toContainEqual(expect.objectContaining({ module: 'zfs', outcome: 'dwarf' }));
  expect(answer.modules).toContainEqual(expect.objectContaining({ module: 'jbd2', outcome: 'no-dwarf' }));
  expect(places('kjournald2+0x220/0x250 [jbd2]')).toBeNull();
  expect(answer.remarks).toEqual([]);
  const stripped = resolveFrames.decode('M\tzfs\tno-dwarf\n', { frames });
  expect(stripped.frames.every((lines) => lines === null)).toBe(true);
  expect(stripped.remarks).toEqual([expect.stringMatching(/zfs.*no debug info.*ZFS_DKMS_DISABLE_STRIP/)]);
});

test('every frame of zfs and spl has its line', () => {
  frames.forEach((frame, i) => {
    if (frame.module === 'zfs' || frame.module === 'spl') {
      expect(answer.frames[i]?.length, frameKey(frame)).toBeGreaterThan(0);
    }
  });
});

test('only names that can be symbols get into the script', () => {
  const odd = { symbol: 'f', offset: 1, size: 2, module: 'zfs', reliable: true };
  const script = resolveFrames.script({
    frames: [
      odd,
      { ...odd, symbol: '$(reboot)' },
      { ...odd, symbol: 'ZSCOPE_FRAMES\nreboot' },
      { ...odd, module: 'a b' },
    ],
  });
  expect(script).toContain('\n0 zfs f 1 2\n');
  expect(script).not.toMatch(/reboot|a b 1/);
});
