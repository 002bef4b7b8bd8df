import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDbgmsgLine, parseDbgmsgSource } from '../../../../src/core/zfs/dbgmsg.ts';

const source = (path: string, line: number, name: string) => ({
  text: `${path}:${line}:${name}()`,
  path,
  line,
  function: name,
});

test('since 2.3: time, task, place, message', () => {
  expect(
    parseDbgmsgLine(
      "1795373680   ff1f85194972a100 vdev.c:186:vdev_dbgmsg(): disk vdev '/dev/mapper/slow': probe done, cant_read=0",
    ),
  ).toEqual({
    time: 1795373680,
    task: 'ff1f85194972a100',
    source: source('vdev.c', 186, 'vdev_dbgmsg'),
    text: "disk vdev '/dev/mapper/slow': probe done, cant_read=0",
  });
});

test('0.7 to 2.2: no task', () => {
  expect(parseDbgmsgLine('1795369041   spa_history.c:307:spa_history_log_sync(): txg 4 create')).toEqual({
    time: 1795369041,
    task: null,
    source: source('spa_history.c', 307, 'spa_history_log_sync'),
    text: 'txg 4 create',
  });
});

test('0.6.5: no place either', () => {
  expect(parseDbgmsgLine('1795369041   spa=tank async request task=1')).toEqual({
    time: 1795369041,
    task: null,
    source: null,
    text: 'spa=tank async request task=1',
  });
});

test('dprintf and SET_ERROR', () => {
  expect(parseDbgmsgLine('1795369041   ff1f85194972a100 dprintf: zap.c:22:zap_x(): a: b')).toMatchObject({
    source: source('zap.c', 22, 'zap_x'),
    text: 'a: b',
  });
  expect(parseDbgmsgLine('1795369041   arc.c:123:arc_x(): error 28')).toMatchObject({
    source: source('arc.c', 123, 'arc_x'),
    text: 'error 28',
  });
});

test('messages without a place keep their text whole', () => {
  for (const text of ['slow zio[0]: zio=ff1f85194972a100 timestamp=5', '12345678 blocks', 'a.c:1:f', '']) {
    expect(parseDbgmsgLine(`1795369041   ${text}`)).toEqual({
      time: 1795369041,
      task: null,
      source: null,
      text,
    });
  }
  expect(parseDbgmsgLine('    version: 5000')).toEqual({
    time: null,
    task: null,
    source: null,
    text: '    version: 5000',
  });
});

test('a 32-bit task pointer is one only before a place', () => {
  expect(parseDbgmsgLine('1795369041   c0ffee00 spa.c:1:f(): x')).toMatchObject({
    task: 'c0ffee00',
    text: 'x',
  });
});

test('a place alone', () => {
  expect(parseDbgmsgSource('spa.c:6241:spa_async_request()')).toEqual(
    source('spa.c', 6241, 'spa_async_request'),
  );
  for (const text of ['spa.c:6241', 'spa.c:1:f(): x', 'dprintf: spa.c:1:f()', '']) {
    expect(parseDbgmsgSource(text)).toBeNull();
  }
});

test('any line is read, and none takes long', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(text.endsWith(parseDbgmsgLine(text).text)).toBe(true);
    }),
  );
  const start = performance.now();
  for (const text of ['1'.repeat(60_000), `1 ${'a.'.repeat(30_000)}`, `1   ${'a/'.repeat(30_000)}.c:1:f()`]) {
    parseDbgmsgLine(text);
  }
  expect(performance.now() - start).toBeLessThan(200);
});
