import path from 'node:path';
import { assert, property, string } from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { bpftraceProgram } from '../../../../src/core/tracers/bpftrace/bpftrace-program.ts';
import { toolRequest } from '../../../../src/core/tracers/tool-request.ts';
import { toolVersion } from '../../../../src/core/tracers/tools.ts';
import type { TraceParams } from '../../../../src/core/tracing/ftrace-program.ts';
import type { TraceKind } from '../../../../src/core/tracing/kinds.ts';
import { lookup, typedLookup } from './request.ts';

const program = (more: Partial<TraceParams>, version = '0.23.2', btf: readonly string[] = []) =>
  bpftraceProgram(
    toolRequest({ ...lookup, ...more }, { duration: true, argumentsAtReturn: true }),
    toolVersion(version),
    new Map(btf.map((symbol) => [symbol, 'zfs'])),
  );

const CASES: readonly (readonly [TraceKind, string])[] = [
  ['calls', ''],
  ['calls', 'comm == "dd" && flags < -3 && nm != "x" && (flags & 4) != 0'],
  ['returns', 'comm == "dd" && (flags == 1 || ret == EIO) && duration > 10us'],
  ['errors', 'pid == 7'],
  ['count', 'ret == 0'],
  ['latency', 'duration >= 1ms'],
  ['stacks', ''],
  ['callers', 'ret == ENOENT'],
];

// 0.17 and 0.19 know no module in a probe; both took these programs as they stand (bpftrace -d of 0.17.0).
describe.each(['0.17.0', '0.19.1', '0.20.2', '0.23.2', '0.24.0'])('programs for bpftrace %s', (version) => {
  test('are those of the golden file', async () => {
    const text = CASES.map(
      ([kind, condition]) => `# ${kind} ${condition}\n${program({ kind, condition }, version).text}`,
    ).join('\n');
    await expect(text).toMatchFileSnapshot(
      path.join(import.meta.dirname, 'golden', `bpftrace-${version}.txt`),
    );
  });
});

/** Kinds of which one end of a call is enough. */
const TYPED: readonly (readonly [TraceKind, string])[] = [
  ['calls', 'comm == "dd" && flags < -3'],
  ['count', 'flags == 1 && ret == EIO'],
  ['stacks', 'zdp->z_id == 34'],
];

describe.each(['0.17.0', '0.19.1', '0.20.2', '0.24.0'])(
  'programs for functions with BTF, bpftrace %s',
  (version) => {
    test('are those of the golden file', async () => {
      const text = TYPED.map(
        ([kind, condition]) =>
          `# ${kind} ${condition}\n${program({ ...typedLookup, kind, condition }, version, ['zfs_lookup']).text}`,
      ).join('\n');
      await expect(text).toMatchFileSnapshot(
        path.join(import.meta.dirname, 'golden', `bpftrace-btf-${version}.txt`),
      );
    });
  },
);

describe('a program for a function with BTF', () => {
  const first = (more: Partial<TraceParams>) =>
    program({ ...typedLookup, ...more }, '0.23.2', ['zfs_lookup']).text.split('\n')[1];

  it('has kprobes where a return has to find its entry', () => {
    expect(['returns', 'latency', 'errors'].map((kind) => first({ kind: kind as TraceKind }))).toEqual(
      Array(3).fill('kprobe:zfs:zfs_lookup'),
    );
  });

  it('has a kprobe where arguments are not those of the declaration, or their names are not known', () => {
    // The first one is gone, and the others are still where they were.
    const rest = typedLookup.typed?.arguments.slice(1) ?? [];
    expect(first({ typed: { arguments: rest, returns: null } })).toBe('kprobe:zfs:zfs_lookup');
    expect(first({ typed: null })).toBe('kprobe:zfs:zfs_lookup');
    expect(first({ module: 'other' })).toBe('kprobe:other:zfs_lookup');
    expect(first({ module: null })).toBe('fentry:zfs:zfs_lookup');
  });
});

describe('a program for bpftrace', () => {
  it('reads what pointers lead to, with the width and the sign of its type', () => {
    const { text } = program({
      typed: {
        arguments: [
          {
            name: 'zio',
            declared: 'zio_t *',
            place: { kind: 'register', register: 'rdi' },
            type: { kind: 'pointer' },
            members: [
              {
                path: 'io_spa->spa_name',
                offsets: [16, 288],
                type: { kind: 'text', isPointer: false },
              },
              {
                path: 'io_error',
                offsets: [8],
                type: { kind: 'integer', size: 4, isSigned: true, means: 'error' },
              },
            ],
          },
          {
            name: 'seventh',
            declared: 'uint8_t',
            place: { kind: 'stack', offset: 0 },
            type: { kind: 'integer', size: 1, isSigned: false, means: 'number' },
            members: [],
          },
        ],
        returns: null,
      },
    });
    expect(text).toContain('$a1 = str(((*(uint64*)(reg("di") + 16)) + 288));');
    expect(text).toContain('$a2 = (int64)(*(int32*)(reg("di") + 8));');
    expect(text).toContain('$a3 = (uint64)(uint8)(*(uint64*)(reg("sp") + 8));');
  });

  it('puts a name that is no word into quotes', () => {
    expect(program({ symbol: 'zil_commit_impl.isra.0' }).text).toContain(
      'kprobe:zfs:"zil_commit_impl.isra.0"',
    );
  });

  it('leaves to us what bpftrace cannot compare, and refuses it where calls are only counted', () => {
    const calls = program({ condition: 'nm ~ "zk_*" && flags == 0' });
    expect(calls.text).toContain('if (($a3 == 0)) {');
    expect(calls.filters.ours).toMatchObject({ kind: 'text', operator: '~' });
    expect(() => program({ kind: 'count', condition: 'nm ~ "zk_*"' })).toThrow(/cannot check all/);
  });

  it('has nothing of a string but what can end nothing', () => {
    const base = program({ condition: 'comm == "A"' }).text;
    assert(
      property(string({ unit: 'binary-ascii', maxLength: 30 }), (value) => {
        const condition = `comm == "${value}"`;
        let text: string;
        try {
          text = program({ condition }).text;
        } catch {
          return; // No condition at all: a quote or a control character.
        }
        const compared = text.split('\n').find((line) => line.includes('comm == '));
        if (compared === undefined) {
          // Checked here.
          expect(text).not.toContain(value.length > 3 ? value : '\0');
        } else {
          expect(value).toMatch(/^[\w ./:@+,=-]*$/);
          expect(text).toBe(base.replace('"A"', `"${value}"`));
        }
      }),
    );
  });
});
