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

function begin(module: string): string {
  return `Exact lines of ${module === '' ? 'the kernel' : module} are not known`;
}
