import { sourceName } from '../../core/stack/frame.ts';
import type { Connection } from '../../target/connection.ts';
import { type FailureFunnel, isCancelled } from '../failures.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import { explainRefusal } from './explain.ts';
import { type InlinedFunctions, type InlinedPlaces, NOWHERE } from './inlined-functions.ts';
import { offers } from './instead.ts';
import type { TracePanel } from './trace-panel.ts';
import type { TraceSubjects } from './trace-subjects.ts';
import type { Subject } from './trace-texts.ts';

/** The reason is not held back longer for places that may have to be read from the target; milliseconds. */
const PATIENCE_MS = 1500;

/** Says in the view of a function why it cannot be traced, and offers what can be traced in its place. */
export class Refusals {
  constructor(
    private readonly subjects: TraceSubjects,
    private readonly inlined: InlinedFunctions,
    private readonly server: LazyServer,
    private readonly funnel: FailureFunnel,
  ) {}

  /**
   * @param why what the kernel said
   * @param instead traces what was chosen, in one session, in place of the view; `note` as in StartOptions
   */
  async explain(
    connection: Connection,
    { symbol }: Subject,
    panel: TracePanel,
    why: string,
    instead: (first: Subject, more: readonly Subject[], note: string) => Promise<void>,
  ): Promise<void> {
    // In place of the empty table: it is all there will be.
    const said = `${symbol} cannot be traced.${why === '' ? '' : ` The kernel says: ${why.replace(/\.$/, '')}.`}`;
    panel.update({
      text: `${said} Looking for the reason and for what can be traced instead...`,
      running: false,
      isError: true,
    });
    const closed = new AbortController();
    panel.onClose(() => closed.abort());
    const name = sourceName(symbol);
    const looking = this.inlined.of(connection, name).catch((error: unknown) => {
      this.funnel.note(error, 'Looking for where it was inlined');
      return NOWHERE;
    });
    let offered: ReturnType<typeof offers> = [];
    const show = async (places: InlinedPlaces) => {
      const verdict = await explainRefusal(connection, this.server, symbol, why, places, closed.signal);
      offered = offers(verdict, places, name, (suggestion) =>
        this.subjects.named(suggestion.symbol, suggestion.module),
      );
      panel.update({
        text: verdict.sentence,
        isError: true,
        alternatives: offered.map(({ alternative }) => alternative),
      });
    };
    let isChosen = false;
    panel.onTraceInstead((index) => {
      const offer = offered[index];
      if (offer !== undefined && !isChosen) {
        isChosen = true; // A second click would trace twice.
        this.funnel.guard('Tracing', async () => {
          try {
            const [first, ...more] = await offer.subjects();
            if (first !== undefined) {
              await instead(first, more, offer.note ?? '');
            }
          } finally {
            isChosen = false;
          }
        });
      }
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), PATIENCE_MS);
    });
    const soon = await Promise.race([looking, late]);
    clearTimeout(timer);
    try {
      await show(soon ?? NOWHERE);
    } catch (error) {
      // What the kernel said stays, whatever becomes of the look for more; a view that is closed is told nothing.
      const problem = isCancelled(error) ? '' : ` ${this.funnel.note(error, 'Looking for the reason')}`;
      panel.update({ text: `${said}${problem}` });
      return;
    }
    if (soon === null) {
      const places = await looking;
      if (places.places.length > 0 && !isChosen && !closed.signal.aborted) {
        await show(places).catch((error: unknown) => {
          if (!isCancelled(error)) {
            this.funnel.note(error, 'Looking for the reason');
          }
        });
      }
    }
  }
}
