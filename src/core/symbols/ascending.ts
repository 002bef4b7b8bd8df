/** Numbers in their order, with where each of them was. */
export interface Ascending {
  readonly sorted: Float64Array;
  /** For each of the sorted numbers its index in what was sorted. */
  readonly indices: Uint32Array;
}

/** Sorts numbers that lie in [low, high) once a base is added to each; others are left out. */
export function ascending(offsets: readonly number[], base: number, low: number, high: number): Ascending {
  const count = offsets.length;
  // Sorting plain numbers takes a tenth of the time that a comparison of our own takes: each has its
  // index below it, as far as both fit into one that is exact.
  const keys = new Float64Array(count);
  let known = 0;
  let isExact = true;
  for (let index = 0; index < count; index++) {
    const number = base + (offsets[index] ?? Number.NaN);
    if (number >= low && number < high) {
      const key = number * count + index;
      keys[known++] = key;
      isExact &&= Number.isSafeInteger(key);
    }
  }
  if (!isExact) {
    return slowly(offsets, base, low, high);
  }
  const sorted = keys.subarray(0, known).sort();
  const indices = new Uint32Array(known);
  for (let place = 0; place < known; place++) {
    const key = sorted[place] ?? 0;
    const number = Math.floor(key / count);
    sorted[place] = number;
    indices[place] = key - number * count;
  }
  return { sorted, indices };
}

function slowly(offsets: readonly number[], base: number, low: number, high: number): Ascending {
  const numbers = Float64Array.from(offsets, (offset) => base + offset);
  const indices = Uint32Array.from(numbers.keys())
    .filter((index) => (numbers[index] ?? 0) >= low && (numbers[index] ?? 0) < high)
    .sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0));
  return { sorted: Float64Array.from(indices, (index) => numbers[index] ?? 0), indices };
}

/**
 * How many of some ascending numbers are at most a limit: the last of them has the index before that. What is asked for each
 * address of thousands has a search of its own, without calls.
 */
export function countAtMost(limit: number, count: number, numberAt: (index: number) => number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numberAt(middle) <= limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
