import type { DebugFile } from '../../core/symbols/debug-file.ts';
import { isZfsModule } from '../../core/zfs/zfs-modules.ts';

/** What was found on the way to a module's debug info, and was of no use. */
export interface Tried {
  /** A file of this build without debug info. */
  noLines: boolean;
  /** A file of another build. */
  otherBuild: boolean;
  /** Why a file could not be had, as a sentence. */
  failed: string | null;
}

/** What a sentence is about. */
export interface About {
  /** Empty for the kernel itself. */
  readonly module: string;
  /** Path on the target of a program or library; null for what the kernel has loaded. */
  readonly program: string | null;
}

/** Whether a reason is a full disk or quota of this machine, as libuv words it. */
export function isFullDisk(why: string): boolean {
  return /^(?:ENOSPC|EDQUOT)\b/.test(why);
}

/**
 * A sentence for the person on why frames of a module have no exact line, and what to do; empty for
 * modules of the kernel: they are stripped as a rule, and their source is rarely in the workspace.
 * Of the kernel itself, which a person asked for, the sentence is empty when it was found nowhere.
 */
export function remarkOf(about: About, tried: Tried): string {
  const { module, program } = about;
  if (program !== null) {
    return programRemark(about, program, tried);
  }
  if (module === '') {
    return kernelRemark(about, tried);
  }
  if (!isZfsModule(module)) {
    return '';
  }
  if (tried.noLines) {
    return `${begin(module)}: it has no debug info. Build it with it (DKMS: ZFS_DKMS_DISABLE_STRIP="yes").`;
  }
  if (tried.otherBuild) {
    return `${begin(module)}: the module file on the target is not the build that runs. Reload the module, or name the folder it was built in in zscope.symbols.targetFolders.`;
  }
  if (tried.failed !== null) {
    return failedRemark(about, tried.failed);
  }
  return `${begin(module)}: the module's file was not found under /lib/modules on the target. Name the folder it was built in in zscope.symbols.targetFolders.`;
}

export function failedRemark({ module, program }: About, why: string): string {
  const reason = isFullDisk(why)
    ? "the disk of this machine that has ZScope's cache is full. Empty some of it, then try again."
    : why;
  return module === '' || program !== null || isZfsModule(module) ? `${begin(module)}: ${reason}` : '';
}

function programRemark(about: About, program: string, { failed, noLines }: Tried): string {
  if (noLines) {
    return `${begin(program)}: it has no debug info on the target. Install its debug package there, build it with -g, or set DEBUGINFOD_URLS.`;
  }
  return failed === null
    ? `${begin(program)}: the file on the target is another one by now.`
    : failedRemark(about, failed);
}

function kernelRemark(about: About, { failed, noLines, otherBuild }: Tried): string {
  if (failed !== null) {
    return failedRemark(about, failed);
  }
  if (noLines) {
    return `${begin('')}: the vmlinux on the target has no debug info.`;
  }
  // Debian's package of headers has one without a build-id.
  return otherBuild ? `${begin('')}: no vmlinux on the target is that of the kernel that runs.` : '';
}

/**
 * A sentence for the person on why the debug info of a build does not tell the line of a frame that fits the build.
 * @param file as it is here
 * @param symbol the frame's; empty for an address without one
 */
export function frameRemark(
  file: Pick<DebugFile, 'hasLines' | 'isSplit' | 'symbols'>,
  buildId: string,
  symbol: string,
): string {
  const build = `Build ${short(buildId)}`;
  if (!file.hasLines) {
    return `${build} has no debug info here: its symbols name the function, and no line. Install its debug package, or build it with -g.`;
  }
  if (file.isSplit) {
    return `${build} has its debug info in .dwo files, which are not read. Build it without -gsplit-dwarf for exact lines.`;
  }
  return symbol !== '' && file.symbols(symbol).length > 1
    ? `${build} has several functions of this name at different lines, and nothing tells which one this is.`
    : `${build} has debug info, but none of this function: it is assembler, or was compiled without -g.`;
}

/** The same of a frame that does not fit a build whose debug info is here. */
export function otherBuildRemark(module: string | null, buildId: string): string {
  return `${begin(module ?? '')}: this stack is of another build than ${short(buildId)}, which is known here.`;
}

/** The same of an address that can be of one known build, where nothing shows that it is. @param lacksCode whether the text could have had its code */
export function assumedRemark(buildId: string, lacksCode: boolean): string {
  const why = lacksCode
    ? 'the text has no code ("Code: ...") that shows it'
    : 'the file has no code that shows it';
  return `These are the lines of build ${short(buildId)}, the only one known here that this address can be of: ${why}.`;
}

/** The same of an address that can be of several. */
export function severalRemark(module: string, builds: readonly string[]): string {
  return `${begin(module)}: it can be of the builds ${builds.map(short).join(', ')}, and nothing in the text shows of which.`;
}

function short(buildId: string): string {
  return buildId.slice(0, 12);
}

function begin(module: string): string {
  return `Exact lines of ${module === '' ? 'the kernel' : module} are not known`;
}
