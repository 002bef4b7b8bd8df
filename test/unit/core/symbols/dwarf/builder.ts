/** Makes small ELF files with debug info by hand, for what no compiler writes. */

type Part = number | string | Uint8Array | readonly Part[];

/** Numbers are bytes, strings end with a zero byte. */
export function bytes(...parts: readonly Part[]): Uint8Array {
  const all: number[] = [];
  const add = (part: Part): void => {
    if (typeof part === 'number') {
      all.push(part & 0xff);
    } else if (typeof part === 'string') {
      all.push(...new TextEncoder().encode(part), 0);
    } else {
      for (const inner of part) add(inner);
    }
  };
  for (const part of parts) add(part);
  return Uint8Array.from(all);
}

function little(value: bigint, size: number): number[] {
  return Array.from({ length: size }, (_, index) =>
    Number((BigInt.asUintN(64, value) >> BigInt(8 * index)) & 0xffn),
  );
}

export const u16 = (value: number): number[] => little(BigInt(value), 2);
export const u32 = (value: number): number[] => little(BigInt(value), 4);
export const u64 = (value: number | bigint): number[] => little(BigInt(value), 8);

export function uleb(value: number): number[] {
  const low = value % 128;
  const rest = Math.floor(value / 128);
  return rest === 0 ? [low] : [low | 0x80, ...uleb(rest)];
}

export interface BuiltSection {
  readonly name: string;
  readonly content: Uint8Array;
  /** Of loaded code; debug info has none. */
  readonly address?: bigint;
  /** SHT_PROGBITS unless told. */
  readonly type?: number;
  /** Number of another section, counted from 1. */
  readonly link?: number;
}

const SHF_ALLOC_EXECINSTR = 0x6;

/** An ET_EXEC file for x86-64. */
export function program(sections: readonly BuiltSection[]): Uint8Array {
  const distinct = [...new Set([...sections.map(({ name }) => name), '.shstrtab'])];
  const names = bytes('', ...distinct);
  const all = [...sections, { name: '.shstrtab', content: names, type: 3 }];
  const nameOffset = (name: string): number => {
    let offset = 1;
    for (const other of distinct) {
      if (other === name) return offset;
      offset += other.length + 1;
    }
    throw new Error(name);
  };
  let offset = 64;
  const headers: Part[] = [new Uint8Array(64)];
  for (const { name, content, address, type = 1, link = 0 } of all as readonly BuiltSection[]) {
    const flags = address === undefined ? 0 : SHF_ALLOC_EXECINSTR;
    headers.push(
      [u32(nameOffset(name)), u32(type), u64(flags), u64(address ?? 0), u64(offset), u64(content.length)],
      [u32(link), u32(0), u64(1), u64(0)],
    );
    offset += content.length;
  }
  const identity = bytes(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, new Uint8Array(9));
  const header = bytes(identity, u16(2), u16(62), u32(1), u64(0), u64(0), u64(offset), u32(0), u16(64), [
    ...u16(0),
    ...u16(0),
    ...u16(64),
    ...u16(all.length + 1),
    ...u16(all.length),
  ]);
  return bytes(header, ...all.map(({ content }) => content), headers);
}

/** `.debug_abbrev`: each is its code, tag, whether it has children, and pairs of attribute and form. */
export function abbreviations(
  ...list: readonly (readonly [
    code: number,
    tag: number,
    children: 0 | 1,
    ...pairs: (readonly [number, number])[],
  ])[]
): Uint8Array {
  return bytes(
    ...list.map(([code, tag, children, ...pairs]) => [
      uleb(code),
      uleb(tag),
      children,
      ...pairs.map(([attribute, form]) => [uleb(attribute), uleb(form)]),
      0,
      0,
    ]),
    0,
  );
}

/** A unit of DWARF 4 in `.debug_info`; its root entry begins at 11. */
export function unit(...entries: readonly Part[]): Uint8Array {
  const body = bytes(u16(4), u32(0), 8, entries);
  return bytes(u32(body.length), body);
}

/** A line table of version 4 with one file, and a program. */
export function lineTable(file: string, ...code: readonly Part[]): Uint8Array {
  const tables = bytes(1, 1, 1, 251, 14, 13, [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1], 0, file, 0, 0, 0, 0);
  const body = bytes(u16(4), u32(tables.length), tables, code);
  return bytes(u32(body.length), body);
}
