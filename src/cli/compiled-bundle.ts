/**
 * Loads a bundle of ours as `require` does, with what V8 made of it the last time: a process that gives
 * one answer takes a tenth of its time to compile itself.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Script } from 'node:vm';

/** What Node wraps around a CommonJS module (nodejs.org/api/modules.html, "The module wrapper"). */
type ModuleWrapper = (
  exports: object,
  require: NodeJS.Require,
  module: { readonly exports: object },
  filename: string,
  dirname: string,
) => void;

/** Compiled code that was made so long ago is removed when other code is kept: mostly a bundle's that is gone. */
const KEPT_DAYS = 30;

/** Bits of a file's mode by which its group and all others may write it. */
const OTHERS_WRITE = 0o022;

/** The bundle, and how to keep the code that it has run so far for the next process. */
export interface CompiledBundle {
  readonly exports: object;
  /** Quick, and does nothing when the kept code is good. To be called once the answer is out. */
  keep(): void;
}

/**
 * V8 takes compiled code only for its own version, the same flags and a source of the same length, and
 * compiles anew otherwise; the name of the kept file has the rest: which file, of what time.
 * @param bundle the file, which holds ASCII only
 * @param folder where compiled code is kept
 * @throws Error as node:fs does when there is no bundle
 */
export function loadCompiled(bundle: string, folder: string, require: NodeJS.Require): CompiledBundle {
  const { size, mtimeMs } = statSync(bundle);
  const name = [path.basename(bundle), process.version, process.arch, size, Math.round(mtimeMs)].join('-');
  const kept = path.join(folder, `${name}.code`);
  const cachedData = readTwice(kept);
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(bundle, 'latin1')}\n})`;
  const script = new Script(source, {
    filename: bundle,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  const module = { exports: {} };
  // The one thing that a script's value can be: the function that its source is.
  const wrapper = script.runInThisContext() as ModuleWrapper;
  wrapper(module.exports, require, module, bundle, path.dirname(bundle));
  const isGood = cachedData !== undefined && script.cachedDataRejected !== true;
  return {
    exports: module.exports,
    keep: () => {
      if (!isGood) {
        keepTwice(kept, script.createCachedData());
      }
    },
  };
}

/**
 * V8 trusts the contents of compiled code, and ends the process over a bit that is wrong: so the file has it
 * twice, which is compared sooner than any sum is calculated. Undefined when it is not there or damaged, or when
 * others could have written it: it is a program that runs as this user.
 */
function readTwice(file: string): Buffer | undefined {
  let bytes: Buffer;
  try {
    const { uid, mode } = statSync(file);
    // Windows has neither.
    if (process.getuid !== undefined && (uid !== process.getuid() || (mode & OTHERS_WRITE) !== 0)) {
      return undefined;
    }
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  const code = bytes.subarray(0, bytes.length / 2);
  return code.length > 0 && code.equals(bytes.subarray(code.length)) ? code : undefined;
}

/** Writes code twice, whole or not at all: another process may read it now. What cannot be kept is made again. */
function keepTwice(file: string, code: Buffer): void {
  const folder = path.dirname(file);
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(draft, Buffer.concat([code, code]), { mode: 0o600 });
    renameSync(draft, file);
    const oldest = Date.now() - KEPT_DAYS * 24 * 60 * 60 * 1000;
    for (const name of readdirSync(folder)) {
      const other = path.join(folder, name);
      if (statSync(other).mtimeMs < oldest) {
        rmSync(other, { force: true });
      }
    }
  } catch {
    // A folder that cannot be written to, or a full disk.
  }
}
