import { bracketedAddressFormat, numberedAddressFormat } from './addresses.ts';
import { aloneFormat, namedStackFormat } from './alone.ts';
import { apportFormat } from './apport.ts';
import { bccFormat, deadlockFormat, klockstatFormat } from './bcc.ts';
import { bpftraceFormat } from './bpftrace.ts';
import { crashExceptionFormat, crashFormat } from './crash.ts';
import { decodedFormat, inlinedFormat } from './decoded.ts';
import { drgnFormat } from './drgn.ts';
import { elfutilsFormat } from './elfutils.ts';
import { foldedFormat } from './folded.ts';
import type { Format } from './format.ts';
import { ddbFormat, stackLineFormat } from './freebsd.ts';
import { ftraceCallFormat, ftraceGraphFormat, ftraceStackFormat } from './ftrace.ts';
import { gdbFormat, gdbStopFormat } from './gdb.ts';
import { headedNamesFormat } from './headed.ts';
import { mdbFormat, pstackFormat, tickedFormat, tracebackFormat } from './illumos.ts';
import { libunwindFormat } from './libunwind.ts';
import { oldLinuxFormat, redHatFormat } from './linux-old.ts';
import { lockstatFormat } from './lockstat.ts';
import { atosFormat, macosFormat, macosNameFormat } from './macos.ts';
import { namedAddressFormat, perfFormat } from './perf.ts';
import { perfReportFormat } from './perf-report.ts';
import { procstatFormat } from './procstat.ts';
import { retsnoopFormat } from './retsnoop.ts';
import { segfaultFormats } from './segfault.ts';
import { spacedFormat } from './spaced.ts';
import { straceFormat } from './strace.ts';
import { valgrindFormat } from './valgrind.ts';
import { vmkernelFormat } from './vmkernel.ts';
import { windowsFormat } from './windows.ts';

/** The formats a line is shown to when it holds no frame with a size; the more particular first. */
export function createFormats(): Format[] {
  return [
    lockstatFormat(),
    crashFormat(),
    elfutilsFormat(),
    drgnFormat(),
    libunwindFormat(),
    ddbFormat(),
    gdbFormat(),
    gdbStopFormat(),
    apportFormat(),
    crashExceptionFormat(),
    straceFormat(),
    bracketedAddressFormat(),
    numberedAddressFormat(),
    ...segfaultFormats(),
    foldedFormat(),
    tickedFormat(),
    tracebackFormat(),
    pstackFormat(),
    macosFormat(),
    macosNameFormat(),
    atosFormat(),
    windowsFormat(),
    vmkernelFormat(),
    valgrindFormat(),
    inlinedFormat(),
    decodedFormat(),
    perfFormat(),
    perfReportFormat(),
    oldLinuxFormat(),
    redHatFormat(),
    spacedFormat(),
    ftraceStackFormat(),
    ftraceCallFormat(),
    ftraceGraphFormat(),
    retsnoopFormat(),
    stackLineFormat(),
    procstatFormat(),
    aloneFormat(),
    namedStackFormat(),
    headedNamesFormat(),
    klockstatFormat(),
    deadlockFormat(),
    bpftraceFormat(),
    mdbFormat(),
    namedAddressFormat(),
    bccFormat(),
  ];
}
