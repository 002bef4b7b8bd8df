import type { Disposable } from '../../core/lifetime.ts';
import { lostIn, type TraceCounters, type TraceEvent, type TraceTally } from '../../core/tracing/events.ts';
import { TRACE_KINDS } from '../../core/tracing/kinds.ts';
import type { KeptSession, SessionFunction } from '../../core/tracing/sessions/session.ts';
import { TRACE_ROWS_KEPT } from '../../protocol/trace-view.ts';
import { Newest } from '../newest.ts';
import { RunningBuilds } from '../source/running-builds.ts';
import type { ShownSession, TraceHeading } from '../tracing/trace-panel.ts';

/** A session of a file, as a trace view shows it: nothing comes, and nothing is asked of a target. */
export class KeptTrace implements ShownSession {
  readonly connection = null;
  /** A file may be anybody's: its script for root is to be read in its text first. */
  readonly program = '';
  readonly builds = new RunningBuilds();
  readonly functions: readonly SessionFunction[];
  readonly events = new Newest<TraceEvent>(TRACE_ROWS_KEPT);
  readonly tallies: readonly TraceTally[];
  readonly counters: TraceCounters | null;
  readonly lost: number;

  constructor({ header, events, tallies, end }: KeptSession) {
    for (const { module, buildId } of header.modules) {
      // No sign of the build in memory: it may not even be loaded any more.
      this.builds.learn(module, { buildId, sign: '' });
    }
    this.functions = header.functions;
    this.events.push(events);
    this.tallies = tallies;
    this.lost = events.reduce((sum, event) => sum + lostIn(event), 0);
    this.counters =
      end === null
        ? null
        : { kind: 'counters', calls: end.calls ?? 0, overrun: end.overrun, missed: end.missed };
  }

  connectionOf(): null {
    return null;
  }

  listen(): Disposable {
    return { dispose: () => {} };
  }

  dispose(): void {}
}

export function keptHeading({ header }: KeptSession): TraceHeading {
  const [first] = header.functions;
  return {
    symbol: first?.symbol ?? 'trace',
    target: header.target.alias,
    argumentsKnown: '',
    kind: TRACE_KINDS.find((kind) => kind === first?.kind) ?? 'calls',
  };
}
