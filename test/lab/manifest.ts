/** A record of the files of a finished folder, by which damage is noticed. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface FileRecord {
  readonly bytes: number;
  readonly mtimeMs: number;
  /** Hex. */
  readonly sha256: string;
}

/** By file name, relative to the folder. */
type Manifest = Record<string, FileRecord>;

export const manifestName = 'manifest.json';

/** Checksums the named files of a folder and writes its manifest. The last thing a build does. */
export async function writeManifest(dir: string, names: readonly string[]): Promise<void> {
  const records = await Promise.all(names.map(async (name) => [name, await record(dir, name)]));
  writeFileSync(join(dir, manifestName), `${JSON.stringify(Object.fromEntries(records), null, 2)}\n`);
}

/**
 * Whether every file of the manifest is as it was written. Size and time of change are compared;
 * only a file whose time differs is read and its checksum compared.
 */
export async function isIntact(dir: string): Promise<boolean> {
  const manifest = readManifest(dir);
  if (manifest === undefined) return false;
  for (const [name, expected] of Object.entries(manifest)) {
    const file = join(dir, name);
    if (!existsSync(file)) return false;
    const { size, mtimeMs } = statSync(file);
    if (size !== expected.bytes) return false;
    if (sameTime(mtimeMs, expected.mtimeMs)) continue;
    if ((await sha256(file)) !== expected.sha256) return false;
    // Whole after all (a copied cache, say): not to be read again each time.
    utimesSync(file, expected.mtimeMs / 1000, expected.mtimeMs / 1000);
  }
  return true;
}

/** utimes rounds to less than a microsecond. */
function sameTime(a: number, b: number): boolean {
  return Math.abs(a - b) < 1;
}

async function record(dir: string, name: string): Promise<FileRecord> {
  const file = join(dir, name);
  const { size, mtimeMs } = statSync(file);
  return { bytes: size, mtimeMs, sha256: await sha256(file) };
}

/** Checksum of the checksums: names exactly this build, not just its recipe. */
export function buildId(dir: string): string {
  return createHash('sha256')
    .update(readFileSync(join(dir, manifestName)))
    .digest('hex')
    .slice(0, 16);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

function readManifest(dir: string): Manifest | undefined {
  try {
    // Written by writeManifest alone; anything else in its place fails the checks above.
    return JSON.parse(readFileSync(join(dir, manifestName), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}
