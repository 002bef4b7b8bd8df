/** How the command line writes frames and places. */
import type { AddressItem } from '../core/stack/text/items.ts';
import type { Place } from '../core/symbols/location.ts';
import { inert } from '../core/text/inert.ts';
import { encode } from './bytes.ts';
import type { AddressPlaces } from './resolver.ts';
import type { StackedFrame } from './stacks.ts';

/** ` (module/zfs/zil.c:3688)` of the frame's own function; empty when nothing is known. */
export function sourceNote(places: readonly Place[]): string {
  const place = places.at(-1);
  return place === undefined || place.path === null ? '' : ` (${inert(located(place))})`;
}

/** ` (dump_label cmd/zdb/zdb.c:3688)`, of an entry whose function the text does not say. */
export function functionNote({ places, isAssumed }: AddressPlaces): string {
  const place = places.at(-1);
  const note = isAssumed ? ', if of this build' : '';
  return place === undefined || place.path === null
    ? ''
    : ` (${inert(`${place.function} ${located(place)}`)}${note})`;
}

/** A line for each inlined function, innermost first, each behind what stands before the frame. */
export function inlinedLines(before: string, places: readonly Place[]): string {
  return places
    .filter(({ inlined }) => inlined)
    .map((place) => {
      const where = place.path === null ? 'inlined' : `${located(place)}, inlined`;
      return `${before}${inert(`${place.function} (${where})`)}\n`;
    })
    .join('');
}

/** `zil.c:3688`, and how that is known when it is not from debug info. */
function located({ path, line, how, candidates }: Place): string {
  if (candidates !== undefined) {
    const lines = candidates.map((one) => (one.path === path ? String(one.line) : `${one.path}:${one.line}`));
    return `${path}:${line}, function; one of ${lines.join(' ')}`;
  }
  const note = how === 'call-site' ? ', call' : how === 'function' ? ', function' : '';
  return `${path}${line === null ? '' : `:${line}`}${note}`;
}

/** An entry without a function, with its places, as a line of JSON like that of a frame. */
export function addressRecord(
  { line, module, address }: AddressItem,
  { places, isAssumed }: AddressPlaces,
): string {
  const place = { line, function: null, offset: address, size: null, module, reliable: true };
  return json({ ...place, ...(isAssumed ? { assumed: true } : {}), places: places.map(placeRecord) });
}

/** A frame with its places as a line of JSON. */
export function frameRecord({ item }: StackedFrame, places: readonly Place[]): string {
  const { line, function: name, offset, size, module, reliable } = item;
  return json({
    line,
    function: name,
    offset,
    size,
    module,
    reliable,
    places: places.map(placeRecord),
  });
}

export function placeRecord({ function: name, inlined, path, line, how, candidates }: Place) {
  const lines = candidates?.map((one) => ({ path: one.path, line: one.line, text: one.text }));
  return { function: name, inlined, path, line, how, ...(lines === undefined ? {} : { candidates: lines }) };
}

/** JSON as other programs read it: U+FFFD for each byte of a text that is no UTF-8. */
export function json(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes('\\udc')
    ? JSON.stringify(value, (_, part) => (typeof part === 'string' ? encode(part).toString() : part))
    : text;
}
