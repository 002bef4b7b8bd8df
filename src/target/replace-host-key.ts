import { copyFile, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { Failure } from '../core/failure.ts';
import type { HostKeyChange } from './host-key-changed.ts';
import { fingerprint, formatEntry, matchesHost, parseKnownHosts, withoutName } from './known-hosts.ts';

/**
 * Writes the key that a host showed in place of those that known_hosts has of it. Exactly the lines
 * that were shown to the person are changed: a line that names other hosts too keeps those. What was
 * there stays beside it in `FILE.old`; the new file takes the old one's place at once and whole.
 * @throws Failure when the files say something else by now, or cannot be written
 */
export async function replaceHostKey(change: HostKeyChange): Promise<void> {
  const files = [...new Set(change.lines.map(({ file }) => file))];
  const texts = await Promise.all(files.map((file) => rewritten(file, change, file === files[0])));
  for (const [index, file] of files.entries()) {
    await replaceFile(file, texts[index] ?? '').catch((error: unknown) => {
      throw new Failure(
        'host-key-refused',
        `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`,
        'Replace the line by hand, or ask who looks after that file.',
      );
    });
  }
}

/** A file's bytes, one a character (latin1), with the host's old keys gone, and the new one in place of the first where `adds`. */
async function rewritten(file: string, change: HostKeyChange, adds: boolean): Promise<string> {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0));
  // Read as it was when the lines were shown; written byte by byte, so that a comment in whatever
  // encoding stays what it is.
  const text = bytes.toString('utf8');
  const wanted = change.lines.filter((line) => line.file === file);
  const entries = parseKnownHosts(text, file);
  // Split as the reader of entries does, so that their numbers are those of these lines.
  const lines = bytes.toString('latin1').split('\n');
  let added = !adds;
  const gone = new Set<number>();
  for (const { line, fingerprint: old } of wanted) {
    const entry = entries.find((candidate) => candidate.line === line);
    const isSame =
      entry?.marker === 'none' && fingerprint(entry.key) === old && matchesHost(entry.hosts, change.name);
    if (!isSame) {
      throw new Failure(
        'host-key-refused',
        `${file} has changed since: line ${line} is not the one that was shown.`,
        'Connect again.',
      );
    }
    const rest = withoutName(lines[line - 1] ?? '', latin1(change.name));
    if (rest === null) {
      throw new Failure(
        'host-key-refused',
        `Line ${line} of ${file} names ${change.alias} by a pattern, which may stand for other machines too.`,
        'Correct that line by hand.',
      );
    }
    const hashed = entry.hosts.kind === 'hashed';
    const entryNow = formatEntry(change.name, Buffer.from(change.key, 'base64'), hashed);
    const fresh = added ? [] : [latin1(entryNow)];
    added = true;
    const kept = [...(rest === '' ? [] : [rest]), ...fresh];
    if (kept.length === 0) gone.add(line - 1);
    else lines[line - 1] = kept.join('\n');
  }
  return lines.filter((_line, index) => !gone.has(index)).join('\n');
}

/** The bytes of a text, one a character. */
function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

async function replaceFile(name: string, text: string): Promise<void> {
  // A link stays one: what it leads to is replaced.
  const file = await realpath(name);
  const { mode, uid, gid } = await stat(file);
  const temporary = `${file}.zscope-${process.pid}`;
  await copyFile(file, `${file}.old`);
  try {
    const handle = await open(temporary, 'wx', mode & 0o777);
    try {
      await handle.chmod(mode & 0o777);
      // Root edits a file of somebody else's.
      if (process.getuid?.() === 0) await handle.chown(uid, gid);
      await handle.writeFile(text, 'latin1');
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
