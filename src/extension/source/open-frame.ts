import * as vscode from 'vscode';
import type { Trace } from '../../core/stack/frame.ts';
import type { Place } from '../../core/symbols/location.ts';
import type { Connection } from '../../target/connection.ts';
import { type FailureFunnel, isCancelled } from '../failures.ts';
import type { SourceOpener } from './open-place.ts';
import type { PlaceService } from './place-service.ts';
import type { RunningBuilds } from './running-builds.ts';

/** A frame where it stands, and how it was shown when a person chose it. */
export interface ChosenFrame {
  /** The target that it is of; null when that is not connected. */
  readonly connection: Connection | null;
  /** The builds that ran when the trace was taken; those that run now unless given. */
  readonly builds?: RunningBuilds;
  readonly trace: Trace;
  /** 0-based position in the trace. */
  readonly index: number;
  readonly place: Place;
}

/**
 * Opens the source of frames. While the exact line of one is still looked up its function opens at
 * once, and the line is corrected when it is known, unless the person went on meanwhile.
 */
export class FrameOpener {
  /** The frame that was opened last. */
  #last: ChosenFrame | null = null;

  constructor(
    private readonly opener: Pick<SourceOpener, 'choose' | 'open'>,
    private readonly places: Pick<PlaceService, 'known' | 'learn' | 'incomplete'>,
    private readonly funnel: Pick<FailureFunnel, 'note'>,
  ) {}

  /** Resolves when something was opened. @throws Failure when the place has no file in the workspace. */
  async open(frame: ChosenFrame): Promise<void> {
    this.#last = frame;
    const { connection, trace, builds } = frame;
    const learns =
      connection !== null &&
      connection.state !== 'closed' &&
      this.places.incomplete(connection, trace, builds);
    // Nobody is asked to choose a line that is about to be known.
    const place = learns ? frame.place : await this.opener.choose(frame.place);
    if (place === undefined || this.#last !== frame) {
      return;
    }
    await this.opener.open(place, { preserveFocus: false });
    if (place.how !== 'dwarf' && connection !== null && connection.state !== 'closed') {
      void this.#correct(frame, connection);
    }
  }

  /** Goes on to the exact line once it is known. */
  async #correct(frame: ChosenFrame, connection: Connection): Promise<void> {
    const { trace, builds } = frame;
    try {
      if (this.places.incomplete(connection, trace, builds)) {
        await this.places.learn(connection, trace, builds);
      }
      const places = await this.places.known(connection, trace, builds);
      const exact = exactPlace(places[frame.index], frame.place);
      if (exact !== null && this.#last === frame && staysAt(frame.place)) {
        await this.opener.open(exact, { preserveFocus: true });
      }
    } catch (error) {
      // What was asked for is open: that its line cannot be exact is said where stacks are shown.
      if (!isCancelled(error)) {
        this.funnel.note(error, 'Looking up the exact line');
      }
    }
  }
}

/** The exact place of the function that was opened; null when there is none that is another. */
function exactPlace(places: readonly Place[] | undefined, opened: Place): Place | null {
  const exact = (places ?? []).filter(({ how, uri }) => how === 'dwarf' && uri !== null);
  // The frame's own function is the outermost: the others were inlined into it.
  const place = exact.find((candidate) => candidate.function === opened.function) ?? exact.at(-1);
  return place === undefined || (place.uri === opened.uri && place.line === opened.line) ? null : place;
}

/** True while the cursor is on the line that was opened. */
function staysAt({ uri, line }: Place): boolean {
  return vscode.window.visibleTextEditors.some(
    ({ document, selection }) =>
      document.uri.toString() === uri && selection.isEmpty && selection.active.line === (line ?? 1) - 1,
  );
}
