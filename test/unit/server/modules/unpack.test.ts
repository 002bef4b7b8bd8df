import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpackFile } from '../../../../src/server/modules/unpack.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { sample } from './sample.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-unpack-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);

async function unpacked(content: Buffer, limit?: number): Promise<Buffer> {
  writeFileSync(at('packed'), content);
  await unpackFile(at('packed'), at('out'), limit);
  return readFileSync(at('out'));
}

const packed = {
  xz: sample('zlog.ko.xz'),
  zst: sample('zlog.ko.zst'),
  gz: gzipSync(sample('zlog.ko')),
};

describe('unpacking a module', () => {
  it('takes each kind, whatever its name', async () => {
    for (const content of [sample('zlog.ko'), ...Object.values(packed)]) {
      expect((await unpacked(content)).equals(sample('zlog.ko'))).toBe(true);
    }
  });

  for (const [kind, content] of Object.entries(packed)) {
    it(`refuses ${kind} that is cut short, damaged or too large, with a sentence`, async () => {
      for (const cut of [20, content.length >> 1, content.length - 9]) {
        const failure = await failureOf(unpacked(content.subarray(0, cut)));
        expect([failure.code, failure.message]).toEqual([
          'bad-output',
          `The file of the module could not be unpacked: it is damaged (${kind}).`,
        ]);
      }
      const large = await failureOf(unpacked(content, 1000));
      expect(large.message).toContain('larger');
      for (let turn = 0; turn < 50; turn++) {
        const damaged = Buffer.from(content);
        const byte = 8 + ((turn * 37) % (content.length - 8));
        damaged[byte] = (damaged[byte] ?? 0) ^ (1 << (turn % 8));
        // zstd checks nothing of literals here; what else is damaged is refused.
        const outcome = await unpacked(damaged).catch((error: unknown) => error);
        expect(Buffer.isBuffer(outcome) ? null : outcome).toSatisfy(
          (error) => error === null || (error as { code: string }).code === 'bad-output',
        );
      }
    });
  }

  it('refuses what is no module, and a frame that asks for gigabytes', async () => {
    expect((await failureOf(unpacked(Buffer.from('<html>not found</html>')))).message).toContain('neither');
    expect((await failureOf(unpacked(Buffer.alloc(0)))).message).toContain('neither');
    const greedy = Buffer.from('28b52ffd00b8', 'hex'); // a window of 2^33 bytes
    const failure = await failureOf(unpacked(Buffer.concat([greedy, Buffer.alloc(100)])));
    expect(failure.message).toContain('memory');
    // The same behind a frame of no harm, one to be skipped, and one of a block that repeats a byte.
    const skipped = Buffer.from('5a2a4d1803000000616263', 'hex');
    const repeated = Buffer.from('28b52ffd20642303007a', 'hex');
    const later = Buffer.concat([packed.zst, skipped, repeated, greedy, Buffer.alloc(100)]);
    expect((await failureOf(unpacked(later))).message).toContain('memory');
    const single = Buffer.from('28b52ffde0000000f000000000', 'hex'); // one segment of 2^36 bytes
    expect((await failureOf(unpacked(Buffer.concat([single, Buffer.alloc(100)])))).message).toContain(
      'memory',
    );
  });
});
