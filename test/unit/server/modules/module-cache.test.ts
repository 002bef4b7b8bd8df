import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModuleCache } from '../../../../src/server/modules/module-cache.ts';

let folder: string;
let limit: number;
let cache: ModuleCache;
beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(tmpdir(), 'zscope-cache-')), 'modules');
  limit = 100;
  cache = new ModuleCache(folder, async () => limit);
});
afterEach(() => rmSync(path.dirname(folder), { recursive: true, force: true }));

const id = (n: number) => `${n}`.repeat(40).slice(0, 40);
const MEGABYTE = 1024 * 1024;
/** No process of this machine: beyond PID_MAX_LIMIT (include/linux/threads.h). */
const NOBODY = 4_194_305;

async function put(
  n: number,
  megabytes: number,
  content = Buffer.alloc(megabytes * MEGABYTE),
): Promise<void> {
  const part = await cache.claimPart(id(n), 'target');
  writeFileSync(part, content);
  await cache.put(id(n), part);
}

/** As if it was last used so many minutes ago. */
function age(name: string, minutes: number): void {
  const then = Date.now() / 1000 - minutes * 60;
  utimesSync(path.join(folder, name), then, then);
}

describe('the cache of modules', () => {
  it('finds what was put in, and nothing else', async () => {
    expect(await cache.find(id(1))).toBeNull();
    await put(1, 0, Buffer.from('elf'));
    expect(readFileSync((await cache.find(id(1))) ?? '', 'utf8')).toBe('elf');
    expect(await cache.find('../../etc/passwd')).toBeNull();
    await expect(cache.claimPart('../evil', 'target')).rejects.toThrow(RangeError);
  });

  it('removes what was not used for the longest time', async () => {
    limit = 5;
    await put(1, 2);
    age(`${id(1)}.debug`, 30);
    await put(2, 2);
    age(`${id(2)}.debug`, 20);
    await cache.find(id(1)); // Used by now.
    await put(3, 2);
    expect(readdirSync(folder).sort()).toEqual([`${id(1)}.debug`, `${id(3)}.debug`]);
    await put(4, 9); // Larger than all that may be there: it is what is needed now.
    expect(readdirSync(folder)).toEqual([`${id(4)}.debug`]);
  });

  it('goes on with a part that was left, its record too', async () => {
    const part = await cache.claimPart(id(1), 'target');
    writeFileSync(part, 'half');
    writeFileSync(`${part}.json`, '{}');
    await cache.leavePart(part);
    expect(existsSync(part)).toBe(false);
    const again = await cache.claimPart(id(1), 'target');
    expect([readFileSync(again, 'utf8'), readFileSync(`${again}.json`, 'utf8')]).toEqual(['half', '{}']);
  });

  it('never has a part under the record of another one', async () => {
    const part = await cache.claimPart(id(1), 'debuginfod');
    const left = part.replace(/\.\d+\.part$/, '.part');
    // Another window left its own meanwhile.
    writeFileSync(left, 'of another window');
    writeFileSync(`${left}.json`, 'its record');
    writeFileSync(part, 'without a record');
    await cache.leavePart(part);
    expect([readFileSync(left, 'utf8'), existsSync(`${left}.json`)]).toEqual(['without a record', false]);
    // What the process had of an earlier attempt.
    writeFileSync(part, 'its own');
    writeFileSync(`${part}.json`, 'its record');
    await cache.claimPart(id(1), 'debuginfod');
    const claimed = [part, `${part}.json`].map((name) =>
      existsSync(name) ? readFileSync(name, 'utf8') : null,
    );
    expect([
      ['its own', 'its record'],
      ['without a record', null],
    ]).toContainEqual(claimed);
  });

  it('takes over the part of a process that is gone, not of one that runs', async () => {
    const part = await cache.claimPart(id(1), 'target');
    writeFileSync(path.join(folder, `${id(1)}.${NOBODY}.part`), 'left');
    writeFileSync(path.join(folder, `${id(1)}.${process.ppid}.part`), 'busy');
    writeFileSync(path.join(folder, `${id(2)}.part`), 'another build');
    expect(await cache.claimPart(id(1), 'target')).toBe(part);
    expect(readFileSync(part, 'utf8')).toBe('left');
    expect(readdirSync(folder)).toContain(`${id(1)}.${process.ppid}.part`);
  });

  it('gives up parts that nobody went on with, with their records', async () => {
    await put(1, 1);
    for (const name of [`${id(2)}.part`, `${id(2)}.part.json`, `${id(3)}.part`]) {
      writeFileSync(path.join(folder, name), 'x');
    }
    age(`${id(2)}.part`, 8 * 24 * 60);
    // What a window that crashed was unpacking, and what another one unpacks now.
    const busy = `${id(4)}.${process.ppid}.part.unpacked`;
    for (const name of [busy, `${id(4)}.${NOBODY}.part.unpacked`]) {
      writeFileSync(path.join(folder, name), 'x');
    }
    limit = 0;
    await cache.trim(id(1));
    expect(readdirSync(folder).sort()).toEqual([`${id(1)}.debug`, busy]);
  });
});
