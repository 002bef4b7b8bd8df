import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConsoleSource } from '../../../../src/core/console/console-source.ts';
import { consoleText, lastFault } from '../../../../src/core/console/console-text.ts';

describe('where a serial console is', () => {
  it.each([
    ['/var/log/vm.log', { kind: 'path', path: '/var/log/vm.log' }],
    [' C:\\vms\\one.log ', { kind: 'path', path: 'C:\\vms\\one.log' }],
    ['tcp:127.0.0.1:4555', { kind: 'tcp', host: '127.0.0.1', port: 4555 }],
    ['tcp:[::1]:65535', { kind: 'tcp', host: '::1', port: 65_535 }],
    ['exec: virsh console vm', { kind: 'command', command: 'virsh console vm' }],
  ])('%s', (text, source) => {
    expect(parseConsoleSource(text)).toEqual(source);
  });

  it.each(['', 'vm.log', 'tcp:host', 'tcp:host:0', 'tcp:host:65536', 'exec:', 'exec:a\0b', 'file:///x'])(
    'not %j',
    (text) => {
      expect(parseConsoleSource(text)).toBeNull();
    },
  );
});

describe('text of a serial console', () => {
  it('has no control sequences, and one newline for a line', () => {
    const written =
      '\u001b[2J\u001b[01;01H[    1.5] a\r\n\u001b]0;title\u0007b\r\r\n\u001b[1;31mc\u001b(B\u001b[m\u202e';
    expect(consoleText(written)).toBe('[    1.5] a\nb\nc<U+202E>');
  });

  it('is inert whatever was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const text = consoleText(Buffer.from(bytes).toString('latin1'));
        expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
    );
  });

  it('names the panic, else the first fault, else nothing', () => {
    const oops =
      '[ 12.3] BUG: kernel NULL pointer dereference, address: 0000000000000000\n[ 12.4] Oops: 0002 [#1]\n';
    expect(lastFault(oops)).toBe('BUG: kernel NULL pointer dereference, address: 0000000000000000');
    expect(
      lastFault(
        `${oops}[ 12.5] Kernel panic - not syncing: Fatal exception\n[ 12.6] ---[ end Kernel panic - not syncing: Fatal exception ]---`,
      ),
    ).toBe('Kernel panic - not syncing: Fatal exception');
    expect(lastFault('[    0.0] Linux version 6.1\nlogin: ')).toBeNull();
  });
});
