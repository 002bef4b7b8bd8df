/**
 * Names of error numbers as ZFS on Linux uses them. The numbers are those of
 * include/uapi/asm-generic/errno-base.h and errno.h, which x86-64, arm64, riscv and s390x share
 * (alpha, mips, parisc and sparc have others), and of include/linux/errno.h for those that never leave the kernel.
 */
const LINUX: Readonly<Record<number, string>> = Object.fromEntries([
  ...numbered(
    1,
    `EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK
    EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS
    EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP`,
  ),
  ...numbered(
    42,
    'ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT',
  ),
  ...numbered(
    59,
    `EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP
    EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART
    ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT
    EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED
    ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
    EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE
    ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON`,
  ),
  ...numbered(
    512,
    'ERESTARTSYS ERESTARTNOINTR ERESTARTNOHAND ENOIOCTLCMD ERESTART_RESTARTBLOCK EPROBE_DEFER EOPENSTALE ENOPARAM',
  ),
]);

/** What ZFS calls some of them: include/os/linux/spl/sys/errno.h. */
const ZFS_WORDS: Readonly<Record<number, string>> = {
  52: 'ECKSUM',
  53: 'EFRAGS',
  55: 'ENOTACTIVE',
  95: 'ENOTSUP',
};

/** `zfs_errno_t`, include/sys/fs/zfs.h: added to at its end only. */
const ZFS: Readonly<Record<number, string>> = Object.fromEntries(
  numbered(
    1024,
    `CHECKPOINT_EXISTS DISCARDING_CHECKPOINT NO_CHECKPOINT DEVRM_IN_PROGRESS VDEV_TOO_BIG IOC_CMD_UNAVAIL
    IOC_ARG_UNAVAIL IOC_ARG_REQUIRED IOC_ARG_BADTYPE WRONG_PARENT FROM_IVSET_GUID_MISSING
    FROM_IVSET_GUID_MISMATCH SPILL_BLOCK_FLAG_MISSING UNKNOWN_SEND_STREAM_FEATURE EXPORT_IN_PROGRESS
    BOOKMARK_SOURCE_NOT_ANCESTOR STREAM_TRUNCATED STREAM_LARGE_BLOCK_MISMATCH RESILVER_IN_PROGRESS
    REBUILD_IN_PROGRESS BADPROP VDEV_NOTSUP NOT_USER_NAMESPACE RESUME_EXISTS CRYPTO_NOTSUP
    RAIDZ_EXPAND_IN_PROGRESS ASHIFT_MISMATCH STREAM_LARGE_MICROZAP`,
  ).map(([number, name]) => [number, `ZFS_ERR_${name}`]),
);

/**
 * The name of an error number, `EIO` for 5 and for -5; null when the number is none.
 * @param value positive as ZFS returns it, or negative as Linux does
 */
export function errnoName(value: number): string | null {
  const number = Math.abs(value);
  return ZFS_WORDS[number] ?? LINUX[number] ?? ZFS[number] ?? null;
}

/** Numbers of errors by their names, ZFS's words among them: for conditions and filters. */
export const ERRNO_NUMBERS: ReadonlyMap<string, number> = new Map(
  [LINUX, ZFS_WORDS, ZFS].flatMap((table) =>
    Object.entries(table).map(([number, name]): [string, number] => [name, Number(number)]),
  ),
);

function numbered(from: number, names: string): [number, string][] {
  return names.split(/\s+/).map((name, index) => [from + index, name]);
}
