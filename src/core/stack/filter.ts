import type { Task } from '../tasks.ts';
import type { Trace } from './frame.ts';

/**
 * True when a task and its stack fit a filter as a person types it: every word must be found, case
 * ignored, in the task's comm, a function or a module. `module:`, `function:` and `comm:` before a
 * word look there only; `pid:` wants the whole number, of the thread or its process.
 */
export function traceMatches(filter: string, task: Task, trace: Trace): boolean {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => word === '' || wordMatches(word, task, trace));
}

function wordMatches(word: string, task: Task, trace: Trace): boolean {
  const colon = word.indexOf(':');
  const wanted = word.slice(colon + 1);
  switch (word.slice(0, Math.max(colon, 0))) {
    case 'module':
      return inModule(wanted, trace);
    case 'function':
      return inFunction(wanted, trace);
    case 'comm':
      return inComm(wanted, task);
    case 'pid':
      return wanted === '' || wanted === String(task.pid) || wanted === String(task.tgid);
    default:
      // comm may hold colons itself: kworker/u8:0
      return inComm(word, task) || inFunction(word, trace) || inModule(word, trace);
  }
}

function inComm(wanted: string, task: Task): boolean {
  return task.comm.toLowerCase().includes(wanted);
}

function inFunction(wanted: string, trace: Trace): boolean {
  return trace.some((frame) => frame.symbol.toLowerCase().includes(wanted));
}

function inModule(wanted: string, trace: Trace): boolean {
  return wanted === '' || trace.some((frame) => frame.module?.toLowerCase().includes(wanted) ?? false);
}
