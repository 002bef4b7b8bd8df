/** Whatever befalls a machine while every view of it is open in a real window. */
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import * as lab from '../lab/lab.ts';
import { repository } from '../support/paths.ts';
import { MOMENTS, type Moment } from './befall.ts';
import { Guest } from './guest.ts';
import type { Finding, Proof, ProofContext, Round } from './proof.ts';
import { findingOf, longest, type RoundResult, series, times } from './series.ts';
import { WindowOnlooker } from './window-onlooker.ts';

const ROUNDS = 10;
/** From the views to the moment. */
const LATEST_MS = 10_000;
/** A target ends what has lost its client after 20 s without a beat, and a slow machine. */
const GONE_MS = 60_000;
/** What takes twice as long as the workbench alone does on the same machine, and so much more, hangs; in milliseconds. */
const ANSWER_MS = 2000;

interface Seen extends RoundResult {
  readonly knownMs: number | null;
  /** From the end of the moment until every view had gone on. */
  readonly backMs: number;
  /** How long the window took to answer, by the extension and by the workbench alone. */
  readonly answers: WindowOnlooker['answers'];
  readonly cleanMs: number;
}

function mostOf(answers: Seen['answers'], by: keyof Seen['answers'][number]): number {
  return Math.max(0, ...answers.map((answer) => answer[by]));
}

async function round(moment: Moment, guest: Guest, window: WindowOnlooker, { random }: Round): Promise<Seen> {
  const faults: string[] = [];
  const before = window.answers.length;
  const asking = new AbortController();
  let asked: Promise<void> = Promise.resolve();
  let knownMs: number | null = null;
  let backMs = 0;
  try {
    await window.openViews();
    await pause(random.below(LATEST_MS));
    asked = window.keepAsking(asking.signal);
    // What it fails with is told below.
    asked.catch(() => {});
    const since = Date.now();
    knownMs = await moment.strike({ guest, onlooker: window, random });
    const over = Date.now();
    if (moment.ends !== 'nothing') await window.comesBack(since, moment.ends === 'boot');
    backMs = Date.now() - over;
    asking.abort();
    await asked;
  } catch (error) {
    faults.push(error instanceof Error ? `${error.message} ${error.cause ?? ''}`.trim() : String(error));
    await window.keepEvidence(`failed-${moment.name}`);
  } finally {
    asking.abort();
    await asked.catch(() => {});
  }
  await window.picture(moment.name);
  const answers = window.answers.slice(before);
  const [ours, own] = [mostOf(answers, 'ours'), mostOf(answers, 'own')];
  if (ours > 2 * own + ANSWER_MS) faults.push(`the window took ${ours} ms to answer, ${own} ms by itself`);
  if (answers.length === 0) faults.push('the window was never asked');
  await window.closeViews().catch((error: unknown) => faults.push(`closing the views: ${error}`));
  // A round that went wrong is not to be the next one's.
  if (faults.length > 0 && moment.ends === 'boot') await lab.reset().then(() => guest.begin());
  const { tookMs: cleanMs, rests } = await guest.untilClean(GONE_MS);
  if (rests.length > 0) faults.push(`left: ${rests.join(', ')}`);
  return { knownMs, backMs, answers, cleanMs, faults };
}

async function momentSeries(
  moment: Moment,
  guest: Guest,
  window: WindowOnlooker,
  context: ProofContext,
): Promise<readonly Finding[]> {
  const seen = await series(
    context,
    { name: moment.name, rounds: ROUNDS },
    (each) => round(moment, guest, window, each),
    ({ backMs, answers, cleanMs }) =>
      `views go on after ${backMs} ms, ${answers.length} answers within ${mostOf(answers, 'ours')} ms (workbench ${mostOf(answers, 'own')} ms), clean after ${cleanMs} ms`,
  );
  const known = seen.some(({ knownMs }) => knownMs !== null)
    ? `known after at most ${longest(seen, ({ knownMs }) => knownMs ?? 0)}; `
    : '';
  const back =
    moment.ends === 'nothing'
      ? ''
      : `connected again by itself and all views gone on, with a gap marked, ${longest(seen, ({ backMs }) => backMs)} after it was over; `;
  const answers = seen.flatMap((one) => one.answers);
  return findingOf(
    `${moment.name}: what is shown of it is true`,
    seen,
    `${times(seen.length)}; ${known}${back}asked ${times(answers.length)}, the extension answered within ${longest(answers, ({ ours }) => ours)}, the workbench alone within ${longest(answers, ({ own }) => own)}; ` +
      `nothing left ${longest(seen, ({ cleanMs }) => cleanMs)} after the views were closed`,
  );
}

export const window: Proof = {
  name: 'window',
  shows:
    'The same moments in a real VS Code window with every view of the target open: the status bar and the rows say what is true, the window answers all the time, and the views go on by themselves.',
  needsVm: true,
  async run(context) {
    const guest = await Guest.open();
    const findings: Finding[] = [];
    let opened: WindowOnlooker | null = null;
    try {
      opened = await WindowOnlooker.open(path.join(repository, 'test-artifacts/prove'));
      for (const moment of MOMENTS) {
        if (context.short && moment.ends === 'boot') continue;
        findings.push(...(await momentSeries(moment, guest, opened, context)));
      }
    } finally {
      await opened?.close();
      await guest.close();
    }
    return {
      findings,
      notes: [
        'Open are Targets, Hung Tasks, Errors (watched), dbgmsg, a running trace beside its source, and Activity. What the window says is read from its page: the status bar, with each state that it showed, however short; the rows and messages of the views; the gap in the trace and in dbgmsg; in Activity a look at the tasks that ended well afterwards. It is asked for the list of targets by a click on the status bar, and for a list that the workbench makes alone, again and again from before the moment until the views have gone on: the extension must not take twice as long and 2 s.',
      ],
    };
  },
};
