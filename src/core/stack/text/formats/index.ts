import { bracketedAddressFormat, numberedAddressFormat } from './addresses.ts';
import { aloneFormat, namedStackFormat } from './alone.ts';
import { apportFormat } from './apport.ts';
import { bccFormat, klockstatFormat } from './bcc.ts';
import { bpftraceFormat } from './bpftrace.ts';
import { crashExceptionFormat, crashFormat } from './crash.ts';
import { decodedFormat, inlinedFormat } from './decoded.ts';
import { drgnFormat } from './drgn.ts';
import { elfutilsFormat } from './elfutils.ts';
import { foldedFormat } from './folded.ts';
import type { Format } from './format.ts';
import { ddbFormat, stackLineFormat } from './freebsd.ts';
import { ftraceCallFormat, ftraceGraphFormat, ftraceStackFormat } from './ftrace.ts';
import { gdbFormat } from './gdb.ts';
import { mdbFormat, pstackFormat, tickedFormat, tracebackFormat } from './illumos.ts';
import { oldLinuxFormat, redHatFormat } from './linux-old.ts';
import { lockstatFormat } from './lockstat.ts';
import { macosFormat, macosNameFormat } from './macos.ts';
import { namedAddressFormat, perfFormat } from './perf.ts';
import { retsnoopFormat } from './retsnoop.ts';
import { straceFormat } from './strace.ts';
import { valgrindFormat } from './valgrind.ts';
import { windowsFormat } from './windows.ts';

/** The formats a line is shown to when it holds no frame with a size; the more particular first. */
export function createFormats(): Format[] {
  return [
    lockstatFormat(),
    crashFormat(),
    elfutilsFormat(),
    drgnFormat(),
    ddbFormat(),
    gdbFormat(),
    apportFormat(),
    crashExceptionFormat(),
    straceFormat(),
    bracketedAddressFormat(),
    numberedAddressFormat(),
    foldedFormat(),
    tickedFormat(),
    tracebackFormat(),
    pstackFormat(),
    macosFormat(),
    macosNameFormat(),
    windowsFormat(),
    valgrindFormat(),
    inlinedFormat(),
    decodedFormat(),
    perfFormat(),
    oldLinuxFormat(),
    redHatFormat(),
    ftraceStackFormat(),
    ftraceCallFormat(),
    ftraceGraphFormat(),
    retsnoopFormat(),
    stackLineFormat(),
    aloneFormat(),
    namedStackFormat(),
    klockstatFormat(),
    bpftraceFormat(),
    mdbFormat(),
    namedAddressFormat(),
    bccFormat(),
  ];
}
