import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { array, assert, constantFrom, oneof, property, string } from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { bccCommand } from '../../../../src/core/tracers/bcc/bcc-command.ts';
import { bccOutput } from '../../../../src/core/tracers/bcc/bcc-output.ts';
import { BpftraceOutput } from '../../../../src/core/tracers/bpftrace/bpftrace-output.ts';
import { bpftraceProgram } from '../../../../src/core/tracers/bpftrace/bpftrace-program.ts';
import { toolRequest } from '../../../../src/core/tracers/tool-request.ts';
import type { ToolOutput } from '../../../../src/core/tracers/tool-trace.ts';
import { toolVersion } from '../../../../src/core/tracers/tools.ts';
import type { TraceStreamEvent } from '../../../../src/core/tracing/events.ts';
import { KINDS, TRACE_KINDS, type TraceKind } from '../../../../src/core/tracing/kinds.ts';
import { lookup } from './request.ts';

const folder = path.join(import.meta.dirname, 'captured');

/** The symbols of zfs.ko in the captured stacks. */
const moduleOf = (symbol: string) => (/^(?:zfs|zpl)_/.test(symbol) ? 'zfs' : null);

function outputOf(tool: string, kind: TraceKind, condition = ''): ToolOutput {
  const params = { ...lookup, kind, condition };
  return tool === 'bpftrace'
    ? new BpftraceOutput(
        bpftraceProgram(
          toolRequest(params, { duration: true, argumentsAtReturn: true }),
          toolVersion('0.23.2'),
        ),
        moduleOf,
      )
    : bccOutput(bccCommand(toolRequest(params, { duration: false, argumentsAtReturn: false })), moduleOf);
}

function read(output: ToolOutput, text: string): TraceStreamEvent[] {
  return [...text.split('\n').flatMap((line) => output.line(line) ?? []), ...output.end()];
}

describe('what a tool printed in the VM', () => {
  test.each(readdirSync(folder).filter((name) => name.endsWith('.txt')))('%s', async (name) => {
    const [tool = '', kind = ''] = name.replace('.txt', '').split('-');
    const events = read(outputOf(tool, kind as TraceKind), readFileSync(path.join(folder, name), 'utf8'));
    const text = events.map((event) => JSON.stringify(event)).join('\n');
    await expect(`${text}\n`).toMatchFileSnapshot(path.join(folder, name.replace('.txt', '.jsonl')));
  });
});

describe('a record of bpftrace', () => {
  const record = (data: string) => JSON.stringify({ type: 'printf', data });
  const head = 'call\t1234567890\t7\t1\t0x10\t0x20\t-3\tdd\t';

  it('is a call with its values by their names, and starts the session', () => {
    const events = read(
      outputOf('bpftrace', 'calls'),
      record(`${head}name\n\n        zfs_lookup+5\n        zpl_lookup+217\n\n`),
    );
    expect(events[0]).toEqual({ kind: 'started', withArguments: true });
    expect(events[1]).toMatchObject({
      time: 1.234567,
      comm: 'dd',
      pid: 7,
      cpu: 1,
      arguments: [
        { name: 'dzp', value: '0x10' },
        { name: 'nm', value: '"name"' },
        { name: 'zpp', value: '0x20' },
        { name: 'flags', value: '-3' },
      ],
      stack: [
        { symbol: 'zfs_lookup', offset: 5, module: 'zfs' },
        { symbol: 'zpl_lookup', offset: 217, module: 'zfs' },
      ],
    });
  });

  it('keeps a string with tabs, newlines and what looks like a frame in front of the stack', () => {
    const [, call] = read(
      outputOf('bpftrace', 'calls'),
      record(`${head}a\tb\n  fake+1\nc\n\n        zfs_lookup+5\n\n`),
    );
    expect(call).toMatchObject({ stack: [{ symbol: 'zfs_lookup' }] });
    expect(call?.kind === 'call' && call.arguments[1]?.value).toBe('"a\tb\n  fake+1\nc"');
  });

  it('is left out when it does not fulfil what bpftrace could not check', () => {
    const events = read(
      outputOf('bpftrace', 'calls', 'nm ~ "zk_*"'),
      [record(`${head}other\n`), record(`${head}zk_1\n`)].join('\n'),
    );
    expect(events.filter(({ kind }) => kind === 'call')).toHaveLength(1);
  });
});

it('nothing that a tool prints breaks the reader', () => {
  const lines = oneof(
    string({ unit: 'binary', maxLength: 80 }),
    constantFrom(
      ...readdirSync(folder)
        .filter((name) => name.endsWith('.txt'))
        .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n')),
      '{"type": "map", "data": {"@tasks": {"a,b": -1, "x,9": "y"}, "@hits": null}}',
      '{"type": "printf", "data": "call\\t1\\t2"}',
      "\t5   x = b'dd', y = 7",
    ),
  );
  const kinds = TRACE_KINDS.filter((kind) => kind !== 'graph');
  assert(
    property(
      constantFrom('bpftrace', 'bcc'),
      constantFrom(...kinds),
      array(lines, { maxLength: 40 }),
      (tool, kind, all) => {
        for (const event of read(outputOf(tool, kind), all.join('\n'))) {
          if (event.kind === 'tally') {
            expect(KINDS[kind].how).toBe('tally');
            expect(event.hits).toBeGreaterThanOrEqual(0);
          }
        }
      },
    ),
    { numRuns: 100 },
  );
});
