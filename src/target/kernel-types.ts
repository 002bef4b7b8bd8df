import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Failure } from '../core/failure.ts';
import { BtfFile } from '../core/symbols/btf/btf-file.ts';
import { type KernelTypesHeader, kernelTypes } from './collectors/kernel-types.ts';
import type { Connection } from './connection.ts';

/** Bytes of the largest: that of a distribution's kernel has some 6 MB. */
const MOST = 64 << 20;

/**
 * Reads the types that the target's kernel has of itself, or of a module.
 * @param module as `/sys/kernel/btf` spells it
 * @param base those of the kernel, for a module
 * @param most bytes that it may have
 * @returns null where it has none
 * @throws Failure as Connection.download, and `bad-output` for what is no BTF
 */
export async function readKernelTypes(
  connection: Connection,
  module: string,
  base: BtfFile | null = null,
  most = MOST,
): Promise<BtfFile | null> {
  let header: KernelTypesHeader = null;
  const pieces: Buffer[] = [];
  let size = 0;
  await connection.download(
    kernelTypes,
    { module },
    {
      header: async (told) => {
        header = told;
      },
      bytes: async (piece) => {
        size += piece.length;
        if (size > most) {
          throw tooLarge();
        }
        pieces.push(Buffer.from(piece)); // A piece is valid only for now.
      },
    },
  );
  return header === null ? null : new BtfFile(await unpacked(header, Buffer.concat(pieces), most), base);
}

async function unpacked(packing: 'gz' | 'plain', bytes: Buffer, most: number): Promise<Uint8Array> {
  if (packing === 'plain') {
    return bytes;
  }
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: most });
  } catch {
    throw tooLarge();
  }
}

function tooLarge(): Failure {
  return new Failure(
    'bad-output',
    'The types of its kernel (BTF) that the target sends are damaged, or larger than those of any kernel.',
    'Arguments are then known by debug info or by the open source only.',
  );
}
