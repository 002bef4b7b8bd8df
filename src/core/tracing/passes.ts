import type { Field } from './conditions/check.ts';
import { fulfils } from './conditions/evaluate.ts';
import type { CallEvent } from './events.ts';
import type { FtraceProgram } from './ftrace-program.ts';

/** What of a program decides it. */
export type Filtered = Pick<FtraceProgram, 'fetches'> & {
  readonly filters: Pick<FtraceProgram['filters'], 'ours'>;
};

/** Whether a call fulfils what of the session's condition the kernel could not check. */
export function passes(call: CallEvent, program: Filtered): boolean {
  const { ours } = program.filters;
  return ours === null || fulfils(ours, (field) => fieldValue(field, call, program));
}

function fieldValue(field: Field, call: CallEvent, program: Filtered): bigint | string | null {
  switch (field.kernel) {
    case 'comm':
      return call.comm;
    case 'common_pid':
      return BigInt(call.pid);
    case 'CPU':
      return BigInt(call.cpu);
    case 'ns':
      return call.durationNs == null ? null : BigInt(call.durationNs);
  }
  if (field.known === 'return') {
    const number = numberOf(call.returned?.value ?? '');
    return number !== null && field.type === 'signed' ? BigInt.asIntN(field.bits, number) : number;
  }
  const text = call.arguments.find(({ name }) => name === field.name)?.value;
  if (text === undefined) {
    return null;
  }
  if (field.type === 'string') {
    return /^".*"$/s.test(text) ? text.slice(1, -1) : null;
  }
  const show = program.fetches.find(({ name }) => name === field.name)?.show;
  const constant =
    show?.kind === 'enum' ? show.constants.find(({ name }) => name === text)?.value : undefined;
  if (constant !== undefined) {
    return BigInt(constant);
  }
  return text === 'true' ? 1n : text === 'false' ? 0n : numberOf(text);
}

/** The number that a shown value begins with: `5 EIO`. */
function numberOf(text: string): bigint | null {
  const match = /^(-?)(\d{1,20}|0x[0-9a-f]{1,16})(?: |$)/.exec(text);
  return match === null ? null : match[1] === '-' ? -BigInt(match[2] ?? 0) : BigInt(match[2] ?? 0);
}
