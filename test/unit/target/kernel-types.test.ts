import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { KIND } from '../../../src/core/symbols/btf/btf-file.ts';
import { type KernelTypesHeader, kernelTypes } from '../../../src/target/collectors/kernel-types.ts';
import type { ByteSink, Connection } from '../../../src/target/connection.ts';
import { readKernelTypes } from '../../../src/target/kernel-types.ts';
import { BtfBuilder } from '../core/symbols/btf/builder.ts';

function sample(): Uint8Array {
  const btf = new BtfBuilder();
  btf.type(KIND.int, 'int', 4, 0, [32]);
  return btf.bytes();
}

/** A connection that gives these bytes in pieces that are gone when the next one comes. */
function giving(header: KernelTypesHeader, bytes: Uint8Array): Connection {
  const connection = {
    download: async (_collector: unknown, _params: unknown, sink: ByteSink<KernelTypesHeader>) => {
      await sink.header(header);
      const piece = Buffer.alloc(7);
      for (let at = 0; at < bytes.length; at += piece.length) {
        const length = Buffer.from(bytes).copy(piece, 0, at);
        await sink.bytes(piece.subarray(0, length));
      }
    },
  };
  // What is used of a connection.
  return connection as unknown as Connection;
}

describe('the types of a kernel', () => {
  it.each(['gz', 'plain'] as const)('are read as they come: %s', async (packing) => {
    const bytes = packing === 'gz' ? gzipSync(sample()) : sample();
    const file = await readKernelTypes(giving(packing, bytes), 'vmlinux');
    expect(file?.type(1)).toMatchObject({ kind: KIND.int, name: 'int' });
  });

  it('are none where the kernel has none', async () => {
    expect(await readKernelTypes(giving(null, new Uint8Array(0)), 'vmlinux')).toBeNull();
  });

  it('that are damaged, or unpack to far more than there can be, are refused', async () => {
    const bomb = gzipSync(Buffer.alloc(5000));
    for (const bytes of [gzipSync(sample()).subarray(0, 30), bomb]) {
      await expect(readKernelTypes(giving('gz', bytes), 'zfs', null, 4096)).rejects.toThrow(
        /damaged, or larger/,
      );
    }
  });
});

describe('what asks for them', () => {
  const run = (module: string) =>
    execFileSync('sh', { input: kernelTypes.script({ module }), encoding: 'latin1' });

  it('says that there are none of a module that is not loaded', () => {
    expect(run('no_such_module')).toBe('none\n');
    expect(kernelTypes.header('none', { module: 'x' })).toBeNull();
  });

  it('takes names of modules only', () => {
    for (const module of ['../../etc', 'a b', '', '$(id)']) {
      expect(() => run(module)).toThrow(/no module/);
    }
    expect(() => kernelTypes.header('other', { module: 'x' })).toThrow(/something else/);
  });
});
