import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../../../src/core/failure.ts';
import { BtfFile, KIND } from '../../../../../src/core/symbols/btf/btf-file.ts';
import { btfFunction } from '../../../../../src/core/symbols/btf/typed-function.ts';
import { BtfBuilder } from './builder.ts';

const SIGNED = 1 << 24;
const BOOL = 4 << 24;

/** Types of a small kernel: `ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)` and more. */
function kernel() {
  const btf = new BtfBuilder();
  const int = btf.type(KIND.int, 'int', 4, 0, [SIGNED | 32]);
  const char = btf.type(KIND.int, 'char', 1, 0, [8]);
  const long = btf.type(KIND.int, 'long int', 8, 0, [SIGNED | 64]);
  const unsigned = btf.type(KIND.int, 'long unsigned int', 8, 0, [64]);
  const bool = btf.type(KIND.int, '_Bool', 1, 0, [BOOL | 8]);
  const size = btf.type(KIND.typedef, 'size_t', unsigned);
  const ssize = btf.type(KIND.typedef, 'ssize_t', long);
  const constant = btf.type(KIND.const, '', char);
  const text = btf.type(KIND.pointer, '', constant);
  const name = btf.type(KIND.array, '', 0, 0, [char, int, 16]);
  const inode = btf.type(KIND.struct, 'inode', 24, 2, ['i_ino', unsigned, 0, 'i_name', name, 64]);
  const toInode = btf.type(KIND.pointer, '', inode);
  // Without a name, and with a bit field that a probe cannot fetch.
  const inner = btf.type(KIND.union, '', 8, 1, ['f_inode', toInode, 0]);
  const file = btf.type(
    KIND.struct,
    'file',
    24,
    3,
    ['f_mode', int, (3 << 24) | 1, 'f_pos', long, 64, '', inner, 128],
    true,
  );
  const toFile = btf.type(KIND.pointer, '', file);
  const place = btf.type(
    KIND.enum,
    'whence',
    4,
    3,
    ['SEEK_SET', 0, 'SEEK_CUR', 1, 'SEEK_BAD', 0xffffffff],
    true,
  );
  const wide = btf.type(KIND.enum64, 'wide', 8, 2, ['LOW', 1, 0, 'HIGH', 0, 2]);
  const define = (symbol: string, returns: number, ...parameters: (string | number)[]) =>
    btf.type(KIND.function, symbol, btf.type(KIND.prototype, '', returns, parameters.length / 2, parameters));
  define('vfs_read', ssize, 'file', toFile, 'path', text, 'count', size, 'whence', place);
  define(
    'vfs_many',
    0,
    'a',
    int,
    'b',
    bool,
    'c',
    int,
    'd',
    int,
    'e',
    int,
    'f',
    int,
    'error',
    int,
    'wide',
    wide,
  );
  define('vfs_whole', int, 'first', int, 'inode', inode, 'last', int);
  define('vfs_print', int, 'format', text, '', 0);
  return { btf, int, toFile };
}

const members = (structure: string) =>
  structure === 'file' ? ['f_mode', 'f_pos', 'f_inode->i_ino', 'f_inode->i_name', 'none'] : [];
const ask = (symbol: string, machine: 'x86-64' | 'arm64' = 'x86-64') =>
  btfFunction(new BtfFile(kernel().btf.bytes()), symbol, machine, members);

describe('a function by BTF', () => {
  it('has its arguments by name and type, in the registers of the convention', () => {
    const found = ask('vfs_read');
    expect(found?.returns).toEqual({ kind: 'integer', size: 8, isSigned: true, means: 'number' });
    expect(found?.arguments.map(({ name, declared, place }) => [name, declared, place])).toEqual([
      ['file', 'struct file *', { kind: 'register', register: 'rdi' }],
      ['path', 'const char *', { kind: 'register', register: 'rsi' }],
      ['count', 'size_t', { kind: 'register', register: 'rdx' }],
      ['whence', 'enum whence', { kind: 'register', register: 'rcx' }],
    ]);
    expect(found?.arguments[1]?.type).toEqual({ kind: 'text', isPointer: true });
    expect(found?.arguments[3]?.type).toMatchObject({
      isSigned: true,
      constants: [{ name: 'SEEK_SET', value: 0 }, { value: 1 }, { name: 'SEEK_BAD', value: -1 }],
    });
  });

  it('has the chosen members of what its pointers lead to, but no bit fields', () => {
    const [file] = ask('vfs_read')?.arguments ?? [];
    expect(file?.members.map(({ path, offsets }) => [path, ...offsets])).toEqual([
      ['f_pos', 8],
      ['f_inode->i_ino', 16, 0],
      ['f_inode->i_name', 16, 8],
    ]);
  });

  it('has those behind the registers on the stack, where the convention is sure', () => {
    const places = (machine: 'x86-64' | 'arm64') =>
      ask('vfs_many', machine)?.arguments.map(({ place }) => place);
    expect(places('x86-64')?.slice(6)).toEqual([
      { kind: 'stack', offset: 0 },
      { kind: 'stack', offset: 8 },
    ]);
    expect(places('arm64')?.slice(6)).toEqual([
      { kind: 'register', register: 'x6' },
      { kind: 'register', register: 'x7' },
    ]);
    const [, flag, , , , , error, wide] = ask('vfs_many')?.arguments ?? [];
    expect(flag?.type).toEqual({ kind: 'bool', size: 1 });
    expect(error?.type).toMatchObject({ means: 'error' });
    expect(wide?.type).toMatchObject({ constants: [{ value: 1 }, { value: 2 ** 33 }] });
    expect(ask('vfs_many')?.returns).toBeNull();
  });

  it('has none behind a structure, which may take any number of registers', () => {
    expect(ask('vfs_whole')?.arguments.map(({ place }) => place.kind)).toEqual([
      'register',
      'unknown',
      'unknown',
    ]);
  });

  it('ends at those that are not declared', () => {
    expect(ask('vfs_print')?.arguments.map(({ name }) => name)).toEqual(['format']);
  });

  it('declares what C declares, also a type of itself, which has no end', () => {
    const { btf, int, toFile } = kernel();
    const callback = btf.type(KIND.prototype, '', int, 2, ['a', toFile, 'b', int]);
    const constant = btf.type(KIND.const, '', btf.type(KIND.pointer, '', callback));
    const { types: itself } = btf.end;
    btf.type(KIND.prototype, '', int, 2, ['x', itself + 1, 'y', itself + 1]);
    const round = btf.type(KIND.pointer, '', itself);
    btf.type(KIND.function, 'each', btf.type(KIND.prototype, '', 0, 2, ['call', constant, 'round', round]));
    const found = btfFunction(new BtfFile(btf.bytes()), 'each', 'x86-64', members);
    expect(found?.arguments[0]?.declared).toBe('int (*)(struct file *, int)const');
    expect(found?.arguments[1]?.declared).toMatch(/^int \(\*\)\(int \(\*\)/);
    expect(found?.arguments[1]?.declared.length).toBeLessThan(1_000_000);
  });

  it('is none where BTF has no such function, or two that differ', () => {
    expect(ask('vfs_write')).toBeNull();
    expect(ask('vfs_rea')).toBeNull();
    expect(ask('')).toBeNull();
    const { btf, int } = kernel();
    btf.type(KIND.function, 'vfs_read', btf.type(KIND.prototype, '', int, 1, ['other', int]));
    expect(btfFunction(new BtfFile(btf.bytes()), 'vfs_read', 'x86-64', members)).toBeNull();
  });

  it('of a module has types and names of its kernel', () => {
    const { btf, toFile, int } = kernel();
    const own = new BtfBuilder(btf.end);
    own.type(KIND.function, 'zpl_open', own.type(KIND.prototype, '', int, 1, ['filp', toFile]));
    const base = new BtfFile(btf.bytes());
    const found = btfFunction(new BtfFile(own.bytes(), base), 'zpl_open', 'x86-64', members);
    expect(found?.arguments.map(({ name, declared }) => `${declared}${name}`)).toEqual(['struct file *filp']);
    expect(found?.arguments[0]?.members).toHaveLength(3);
    expect(btfFunction(base, 'zpl_open', 'x86-64', members)).toBeNull();
  });

  it('of a module has the members of what it declares only, where its kernel has them', () => {
    const { btf, int } = kernel();
    const own = new BtfBuilder(btf.end);
    const declared = ['file', 'nowhere'].map((name) =>
      own.type(KIND.pointer, '', own.type(KIND.forward, name, 0)),
    );
    const parameters = declared.flatMap((pointer, i) => [`a${i}`, pointer]);
    own.type(KIND.function, 'zpl_open', own.type(KIND.prototype, '', int, 2, parameters));
    const file = new BtfFile(own.bytes(), new BtfFile(btf.bytes()));
    const found = btfFunction(file, 'zpl_open', 'x86-64', members);
    expect(found?.arguments.map((argument) => argument.members.length)).toEqual([3, 0]);
  });
});

describe('BTF of any bytes', () => {
  const read = (bytes: Uint8Array, symbol: string) => {
    try {
      btfFunction(new BtfFile(bytes), symbol, 'x86-64', members);
    } catch (error) {
      if (!isFailure(error)) throw error;
    }
  };

  it('is read or refused', () => {
    const whole = kernel().btf.bytes();
    const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.nat(whole.length), (changes, length) => {
        const bytes = whole.slice(0, changes.length % 3 === 0 ? length : whole.length);
        for (const [at, value] of changes) {
          if (at < bytes.length) bytes[at] = value;
        }
        for (const symbol of ['vfs_read', 'vfs_many', 'vfs_whole']) read(bytes, symbol);
      }),
      { numRuns: 500 },
    );
  });

  it('has types that lead to themselves', () => {
    const btf = new BtfBuilder();
    const loop = btf.type(KIND.typedef, 'loop', 1);
    const self = btf.type(KIND.struct, 'file', 8, 2, ['', 2, 0, '', 2, 0]);
    const pointer = btf.type(KIND.pointer, '', self);
    const prototype = btf.type(KIND.prototype, '', loop, 2, ['a', loop, 'b', pointer]);
    btf.type(KIND.function, 'round', prototype);
    const found = btfFunction(new BtfFile(btf.bytes()), 'round', 'x86-64', members);
    expect(found?.arguments.map(({ type }) => type)).toEqual([null, { kind: 'pointer' }]);
  });

  it('has one name for all of its functions', () => {
    const btf = new BtfBuilder();
    const int = btf.type(KIND.int, 'int', 4, 0, [SIGNED | 32]);
    const prototype = btf.type(KIND.prototype, '', int, 1, ['a', int]);
    const first = btf.type(KIND.function, 'init', prototype);
    const read = () => btfFunction(new BtfFile(btf.bytes()), 'init', 'x86-64', members);
    for (let i = 1; i < 40; i++) btf.type(KIND.function, 'init', prototype);
    expect(read()?.arguments).toHaveLength(1);
    // Reading each of a million would take hours.
    while (btf.type(KIND.function, 'init', prototype) < first + 1000);
    expect(read()).toBeNull();
  });

  it('says with a sentence that it is none', () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(30), kernel().btf.bytes().subarray(0, 60)]) {
      expect(() => new BtfFile(bytes)).toThrow(/cannot be read: they are damaged/);
    }
  });
});
