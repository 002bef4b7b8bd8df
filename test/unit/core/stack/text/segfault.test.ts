import { expect, it } from 'vitest';
import { FrameFinder } from '../../../../../src/core/stack/text/finder.ts';
import { readStackItems } from '../../../../../src/core/stack/text/reader.ts';

function read(text: string): unknown[] {
  const found: unknown[] = [];
  readStackItems(text, (item) => {
    if (item.kind === 'address') {
      const { line, start, end, module, address, mapped } = item;
      found.push([text.split('\n')[line - 1]?.slice(start, end), module, address, mapped]);
    }
  });
  return found;
}

it.each([
  [
    '[   62.511417] zdb[812]: segfault at 0 ip 00007f3c1e1f1bb3 sp 00007ffd03e8a1c0 error 4 in libzpool.so.5.0.0[7f3c1e1f0000+1a5000]',
    ['libzpool.so.5.0.0[7f3c1e1f0000+1a5000]', 'libzpool.so.5.0.0', 0x1bb3, 0x1a5000],
  ],
  // Linux 6.18: a library, a program that is not position-independent, and a trap.
  [
    '[69716.123075] m[15543]: segfault at 0 ip 00007f68618890f9 sp 00007ffc4d23bce8 error 4 in libzpool.so.6.0.0[10f9,7f6861889000+1000] likely on CPU 0 (core 0, socket 0)',
    ['libzpool.so.6.0.0[10f9,7f6861889000+1000]', 'libzpool.so.6.0.0', 0xf9, 0x1000],
  ],
  [
    'Nov 20 11:02:33 box kernel: zhack[15511]: segfault at 0 ip 0000000000401126 sp 00007fff3983cec8 error 4 in zhack[1126,401000+1000] likely on CPU 1 (core 1, socket 0)',
    ['zhack[1126,401000+1000]', 'zhack', 0x126, 0x1000],
  ],
  [
    '[46384.539538] traps: node[23587] trap int3 ip:2155a72 sp:7ffc7978a500 error:0 in node[1d55a72,b72000+1a8c000]',
    ['node[1d55a72,b72000+1a8c000]', 'node', 0x15e3a72, 0x1a8c000],
  ],
])('where a process stopped is read of %j', (line, expected) => {
  expect(read(line)).toEqual([expected]);
});

it('is read of arm64, whose counter stands some lines below', () => {
  const text = `[  402.118233] zdb[655]: unhandled exception: DABT (lower EL), ESR 0x0000000092000006, level 2 translation fault in libzpool.so.6.0.0[6bc20,ffff9e2a0000+1b5000]
[  402.118241] CPU: 1 UID: 0 PID: 655 Comm: zdb Not tainted 6.12.17 #1
[  402.118245] Hardware name: QEMU QEMU Virtual Machine, BIOS 2024.02
[  402.118247] pstate: 60001000 (nZCv daif -PAN -UAO -TCO -DIT +SSBS BTYPE=--)
[  402.118250] pc : 0000ffff9e2bbc20
[  402.118251] lr : 0000ffff9e2bbbf8`;
  expect(read(text)).toEqual([['0000ffff9e2bbc20', 'libzpool.so.6.0.0', 0x1bc20, 0x1b5000]]);
});

it('is not read where the kernel names no file', () => {
  expect(
    read(
      'zed[77]: segfault at 8 ip 00007f3c1e1f1bb3 sp 00007ffd03e8a1c0 error 4\npc : 0000ffff9e2bbc20\nan error in a[1+2]\n',
    ),
  ).toEqual([]);
});

it('is found in the middle of a long log', () => {
  const quiet = '[    1.000000] usb 1-1: new device\n'.repeat(20_000);
  const line =
    '[   62.511417] zdb[812]: segfault at 0 ip 00007f3c1e1f1bb3 sp 00007ffd03e8a1c0 error 4 in libzpool.so.5.0.0[7f3c1e1f0000+1a5000]\n';
  for (const [crash, isThere] of [
    [line, true],
    ['', false],
  ] as const) {
    const finder = new FrameFinder();
    const found = [quiet, crash, quiet].map((piece) => finder.push(piece));
    expect(found.includes(true) || finder.end()).toBe(isThere);
  }
});
