/** Numbers in their order, with where each of them was. */
export interface Ascending {
  readonly sorted: Float64Array;
  /** For each of the sorted numbers its index in what was sorted. */
  readonly indices: Uint32Array;
}

/** Bits of a number that one pass of sorting is about: fewer for few numbers, since each value of them takes a step. */
const DIGIT = 11;
const SMALL_DIGIT = 8;
const FEW = 1 << 12;
const MOST_SPAN = 0xffffffff;

/**
 * Sorts whole numbers that lie in [low, high) once a base is added to each; others are left out. Equal ones stay in
 * their order.
 */
export function ascending(offsets: ArrayLike<number>, base: number, low: number, high: number): Ascending {
  const numbers = new Float64Array(offsets.length);
  const inside = new Uint32Array(offsets.length);
  let count = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < offsets.length; index++) {
    const number = base + (offsets[index] ?? Number.NaN);
    numbers[index] = number;
    if (number >= low && number < high) {
      inside[count++] = index;
      least = Math.min(least, number);
      most = Math.max(most, number);
    }
  }
  const unsorted = inside.subarray(0, count);
  const indices =
    most - least <= MOST_SPAN
      ? byDigits(numbers, unsorted, least, most - least)
      : unsorted.sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0));
  const sorted = new Float64Array(count);
  for (let place = 0; place < count; place++) {
    sorted[place] = numbers[indices[place] ?? 0] ?? 0;
  }
  return { sorted, indices };
}

/**
 * Radix sort, from the lowest digit on: a tenth of the time that comparing takes.
 * @param span of the numbers above the least one
 */
function byDigits(numbers: Float64Array, unsorted: Uint32Array, least: number, span: number): Uint32Array {
  const count = unsorted.length;
  const bits = count < FEW ? SMALL_DIGIT : DIGIT;
  const digits = 1 << bits;
  let from = unsorted;
  let to: Uint32Array = new Uint32Array(count);
  for (let shift = 0; shift < 32 && span >>> shift > 0; shift += bits) {
    // Where the next number with each digit goes.
    const places = new Uint32Array(digits + 1);
    for (let at = 0; at < count; at++) {
      const digit = (((numbers[from[at] ?? 0] ?? 0) - least) >>> shift) & (digits - 1);
      places[digit + 1] = (places[digit + 1] ?? 0) + 1;
    }
    for (let digit = 1; digit < digits; digit++) {
      places[digit] = (places[digit] ?? 0) + (places[digit - 1] ?? 0);
    }
    for (let at = 0; at < count; at++) {
      const index = from[at] ?? 0;
      const digit = (((numbers[index] ?? 0) - least) >>> shift) & (digits - 1);
      const place = places[digit] ?? 0;
      to[place] = index;
      places[digit] = place + 1;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** How many of ascending numbers are at most a limit: the last of them has the index before that. */
export function countAtMost(limit: number, numbers: Float64Array): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
