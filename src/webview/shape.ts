/** Checks of values that arrive as messages: nothing is believed of them until it has been looked at. */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether each named field of a value is a string. */
export function hasStrings(value: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'string');
}

/** Whether each named field of a value is a finite number. */
export function hasNumbers(value: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => Number.isFinite(value[name]));
}

/** Whether each named field of a value is true or false. */
export function hasBooleans(value: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'boolean');
}

/** Whether a value is an array of which every item passes. */
export function isArrayOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isItem);
}

/** What each type of message must hold besides its type. */
type Checks<M extends { readonly type: string }> = {
  readonly [Type in M['type']]: (message: Fields) => boolean;
};

/** Reads messages of the types that have a check; every other value is null. */
export function messageReader<M extends { readonly type: string }>(
  checks: Checks<M>,
): (value: unknown) => M | null {
  const byType = new Map<unknown, (message: Fields) => boolean>(Object.entries(checks));
  // The check of its type makes a value a message: what the compiler cannot see.
  return (value) => (isFields(value) && byType.get(value['type'])?.(value) === true ? (value as M) : null);
}

export function stringOrEmpty(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
