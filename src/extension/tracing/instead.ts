import { fitsAnyFunction } from '../../core/tracing/conditions/fields.ts';
import type { TraceRefused, TraceStarted } from '../../core/tracing/events.ts';
import { SITE_KINDS } from '../../core/tracing/sites.ts';
import type { Suggestion, Verdict } from '../../core/tracing/why-not.ts';
import type { TraceAlternative } from '../../protocol/trace-view.ts';
import { PLAIN, type TraceChoice } from './choose-kind.ts';
import { allOf, choosePlaces, fitsOneTrace, type InlinedPlaces } from './inlined-functions.ts';
import { alternative, hiddenText, placeAlternative, type Subject } from './trace-texts.ts';

/** Places that are offered one by one. */
const MOST_OFFERED = 20;

/** Something that can be traced in place of a function that cannot. */
export interface Offer {
  readonly alternative: TraceAlternative;
  /** What calls the trace does not see, where all are meant: see StartOptions. */
  readonly note?: string;
  /** What is traced then, in one session. @throws vscode.CancellationError when the person is asked and does not answer */
  subjects(): Promise<readonly Subject[]>;
}

/**
 * What a person is offered in place of a function that has no code: the places where it was inlined, then its
 * callers or its compiled forms.
 * @param named makes a subject of a symbol
 */
export function offers(
  { suggestions }: Verdict,
  inlined: InlinedPlaces,
  symbol: string,
  named: (suggestion: Suggestion) => Promise<Subject>,
): readonly Offer[] {
  const { places, forms, hidden } = inlined;
  const where = `where ${symbol} was inlined${forms.length === 0 ? '' : ', and its own code'}`;
  const [every, among] =
    places.length === 1
      ? [`The place ${where}`, `the place ${where}`]
      : [
          `${hidden === 0 ? 'All' : 'The'} ${places.length} places ${where}`,
          `among the ${places.length} places ${where}`,
        ];
  const all: Offer = {
    alternative: { symbol: every, about: `each by a probe at its very instruction${hiddenText(hidden)}` },
    note: hiddenText(hidden),
    subjects: async () => allOf(inlined),
  };
  const some: Offer = {
    alternative: { symbol: 'Choose places...', about: `${among}${hiddenText(hidden)}` },
    subjects: () => choosePlaces(inlined),
  };
  return [
    ...(places.length === 0 || allOf(inlined).length < 2 ? [] : fitsOneTrace(inlined) ? [all, some] : [some]),
    ...places.slice(0, MOST_OFFERED).map((place) => ({
      alternative: placeAlternative(place),
      subjects: async () => [place],
    })),
    ...suggestions.map((suggestion) => ({
      alternative: alternative(suggestion, symbol),
      subjects: async () => [await named(suggestion)],
    })),
  ];
}

/**
 * How it is traced then: as the function was to be, as far as that can be. Its arguments are others, so a condition
 * stays only where it asks for none.
 */
export function choiceInstead({ kind, condition }: TraceChoice, { site }: Subject): TraceChoice {
  return {
    ...PLAIN,
    kind: site === undefined || SITE_KINDS.includes(kind) ? kind : PLAIN.kind,
    condition: condition !== '' && fitsAnyFunction(condition) ? condition : '',
  };
}

export function isRefused(answer: TraceStarted | TraceRefused): answer is TraceRefused {
  return answer.kind === 'refused';
}
