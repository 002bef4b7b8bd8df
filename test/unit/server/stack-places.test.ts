import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/core/stack/frame.ts';
import type { TextTrace } from '../../../src/core/stack/traces.ts';
import type { LocateFrame } from '../../../src/protocol/server.ts';
import type { Locator } from '../../../src/server/locator.ts';
import type { AddressInStack } from '../../../src/server/stack-documents.ts';
import { StackPlaces } from '../../../src/server/stack-places.ts';

/** Sizes of the functions of two builds. */
const builds: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  old: { zlog_commit: 0x40, zlog_write_all: 0x20 },
  new: { zlog_commit: 0x40, zlog_write_all: 0x30 },
};

/** What was called, as each build has it. */
const ADDRESSES: Readonly<Record<string, number>> = { old: 0x1234, new: 0x1234, gone: 0x5678 };

const isOf = ({ symbol, size }: Frame, buildId: string) => {
  const known = builds[buildId]?.[symbol];
  return known !== undefined && (size === null || size === known);
};

const debug = (
  here: readonly string[] = [],
  programs: readonly string[] = [],
  installed: readonly string[] = [],
) => ({
  builtHere: async () => here,
  programsHere: async (name: string) => (name === 'zdb' ? [programs, installed] : []),
  remark: async (_frame: Frame, known: readonly string[], fits: boolean) =>
    `${fits ? 'fits' : 'perhaps'} ${known.join(' ')}`,
  fit: async (frames: readonly Frame[], { buildId }: { readonly buildId: string }) =>
    frames.every((frame) => isOf(frame, buildId)),
  unnamed: async (stack: readonly Frame[], { buildId }: { readonly buildId: string }) =>
    stack.filter(({ symbol }) => builds[buildId]?.[symbol] !== undefined),
  atAddresses: async (addresses: readonly AddressInStack[], buildId: string) =>
    addresses.map(({ item, code }) =>
      item.address === ADDRESSES[buildId]
        ? {
            lines: [{ function: 'f', path: `/${buildId}.c`, line: 1 }],
            isShown: item.mapped === undefined || (code !== null && buildId === 'new'),
          }
        : null,
    ),
  withLines: async (
    stacks: readonly (readonly Frame[])[],
    [build]: readonly { readonly module: string | null; readonly buildId: string }[],
  ) =>
    stacks.map((stack) =>
      stack.map((frame): LocateFrame => {
        const fits = isOf(frame, build?.buildId ?? '');
        const line = { function: frame.symbol, path: `/${build?.buildId}.c`, line: 1 };
        return { frame, debug: fits ? [line] : null };
      }),
    ),
});

/** Gives what debug info says as the place, as the real one does for a file of the workspace. */
const locator = {
  hasSource: ({ symbol }: Frame) => symbol.startsWith('zlog_'),
  locateStack: async (stack: readonly LocateFrame[]) =>
    stack.map(({ frame, debug: lines }) => [
      {
        function: frame.symbol,
        inlined: false,
        uri: null,
        path: lines?.[0]?.path ?? null,
        line: lines?.[0]?.line ?? null,
        how: lines === null ? 'function' : 'dwarf',
      },
    ]),
};

function placesOf(...known: Parameters<typeof debug>): StackPlaces {
  // Only this one question is asked of the locator.
  return new StackPlaces(locator as unknown as Locator, debug(...known));
}

function trace(
  frames: Readonly<Record<string, number | null>>,
  hasOffset = true,
  module: string | null = 'zfs',
): TextTrace {
  const placed = Object.entries(frames).map(([symbol, size], line) => ({
    frame: { symbol, offset: hasOffset ? 8 : -1, size, module, reliable: true },
    line,
    start: 0,
    end: 9,
  }));
  return { firstLine: 0, lastLine: 9, start: 0, end: 9, tasks: [], verdict: '', title: '', frames: placed };
}

const saw = (places: StackPlaces, ...buildIds: readonly string[]) =>
  places.saw(buildIds.map((buildId) => ({ module: 'zfs', buildId })));

describe('the build of a stack in a text', () => {
  it('is the one that all of its frames fit', async () => {
    const places = placesOf();
    saw(places, 'new', 'old');
    const stack = trace({ zlog_commit: 0x40, zlog_write_all: 0x30 });
    expect((await places.of(stack, 0)).buildId).toBe('new');
    expect((await places.of(trace({ zlog_commit: 0x40, zlog_write_all: 0x20 }), 0)).buildId).toBe('old');
  });

  it('is none where one frame does not fit', async () => {
    const places = placesOf();
    saw(places, 'old');
    const { places: found, buildId } = await places.of(trace({ zlog_commit: 0x40, zlog_write_all: 0x30 }), 0);
    expect([buildId, found[0]?.how]).toEqual([null, 'function']);
  });

  it('is none where no size tells builds apart', async () => {
    const places = placesOf();
    saw(places, 'old');
    expect((await places.of(trace({ zlog_commit: null }), 0)).buildId).toBeNull();
    expect((await places.of(trace({ zlog_commit: 0x40 }, false), 0)).buildId).toBeNull();
  });

  it('of a program is the only one in the workspace that its functions are in', async () => {
    const stack = trace({ zlog_commit: null }, true, 'zdb');
    expect((await placesOf([], ['new']).of(stack, 0)).buildId).toBe('new');
    expect((await placesOf([], ['new', 'gone']).of(stack, 0)).buildId).toBe('new');
    expect((await placesOf([], ['new', 'old']).of(stack, 0)).buildId).toBeNull();
    // What is installed counts where nothing in the workspace fits.
    expect((await placesOf([], ['new'], ['old']).of(stack, 0)).buildId).toBe('new');
    expect((await placesOf([], ['gone'], ['old']).of(stack, 0)).buildId).toBe('old');
    const other = trace({ zlog_commit: null, zlog_other: null }, true, 'zdb');
    expect((await placesOf([], ['new']).of(other, 0)).buildId).toBeNull();
    expect((await placesOf([], ['new']).of(trace({ zlog_commit: null }), 0)).buildId).toBeNull();
  });

  it('of frames without a module is the only one of ZFS that has their functions', async () => {
    const stack = trace({ zlog_commit: null, zlog_write_all: null, do_syscall_64: null }, true, null);
    const places = placesOf();
    const buildsOf = async () => [
      (await places.of(stack, 0)).buildId,
      (await places.of(stack, 1)).places[0]?.path,
      (await places.of(stack, 2)).buildId,
    ];
    expect(await buildsOf()).toEqual([null, null, null]);
    saw(places, 'new');
    expect(await buildsOf()).toEqual(['new', '/new.c', null]);
    // Without sizes nothing tells it from another.
    saw(places, 'old');
    expect(await buildsOf()).toEqual([null, null, null]);
    const sized = placesOf();
    saw(sized, 'new');
    // The kernel's own name its size: no module means the kernel there.
    expect((await sized.of(trace({ zlog_commit: 0x40 }, true, null), 0)).buildId).toBeNull();
    const twice = placesOf();
    twice.saw([
      { module: 'zfs', buildId: 'new' },
      { module: 'spl', buildId: 'old' },
    ]);
    expect((await twice.of(stack, 0)).buildId).toBeNull();
  });

  it('of an entry without a function is the only one that calls something there', async () => {
    const at = (address: number, module = 'zdb') => ({
      item: { kind: 'address', line: 1, start: 0, end: 9, module, address } as const,
      others: [],
      code: null,
    });
    const buildOf = async (places: StackPlaces, ...of: Parameters<typeof at>) =>
      (await places.ofAddress(at(...of))).buildId;
    expect(await buildOf(placesOf([], ['new', 'gone']), 0x1234)).toBe('new');
    expect(await buildOf(placesOf([], ['new', 'old']), 0x1234)).toBeNull();
    expect(await buildOf(placesOf([], ['gone'], ['old']), 0x1234)).toBe('old');
    expect(await buildOf(placesOf([], ['gone']), 0x1234)).toBeNull();
    expect(await buildOf(placesOf([], ['new']), 0x1234, 'bash')).toBeNull();
    const { places } = await placesOf([], ['new']).ofAddress(at(0x1234));
    expect(places).toMatchObject([{ path: '/new.c', line: 1, how: 'dwarf' }]);
  });

  it('where a process stopped is the one whose code the text has; one that nothing shows only with a doubt', async () => {
    const item = { kind: 'address', line: 1, start: 0, end: 9, module: 'zdb', address: 0x1234 } as const;
    const of = async (places: StackPlaces, code: AddressInStack['code']) => {
      const { buildId, doubt } = await places.ofAddress({
        item: { ...item, mapped: 0x1000 },
        others: [],
        code,
      });
      return [buildId, doubt];
    };
    const code = { bytes: [0x90], at: 0 };
    expect(await of(placesOf([], ['old', 'new']), code)).toEqual(['new', undefined]);
    // What is installed comes behind what is in the workspace, unless it alone is shown.
    expect(await of(placesOf([], ['old'], ['new']), code)).toEqual(['new', undefined]);
    expect(await of(placesOf([], ['old'], ['new']), null)).toEqual([
      'old',
      expect.stringContaining('lines of build old'),
    ]);
    expect(await of(placesOf([], ['old', 'new']), null)).toEqual([
      null,
      expect.stringContaining('builds old, new'),
    ]);
  });

  it('may be built in the workspace, and is found once it runs on a target', async () => {
    const stack = trace({ zlog_commit: 0x40 });
    expect((await placesOf(['new']).of(stack, 0)).buildId).toBe('new');
    const places = placesOf();
    expect((await places.of(stack, 0)).buildId).toBeNull();
    saw(places, 'old');
    expect((await places.of(stack, 0)).buildId).toBe('old');
  });
});
