/** How the language server's process is started; measurements start it in the same way. */

/** Bounds the server's heap: the index of a kernel tree fits, a runaway does not take the machine. */
const HEAP_MEGABYTES = 1024;

/** For Node. With gc() the server gives memory back when it is idle, and after a large text came. */
export const serverArguments: readonly string[] = [`--max-old-space-size=${HEAP_MEGABYTES}`, '--expose-gc'];

/** glibc keeps what was freed unless it is told when to give it back (mallopt(3), M_TRIM_THRESHOLD). */
export const serverEnvironment: Readonly<Record<string, string>> = { MALLOC_TRIM_THRESHOLD_: '1000000' };
