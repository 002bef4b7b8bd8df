import { aloneFormat } from './alone.ts';
import type { Format } from './format.ts';

/** The formats a line is shown to when it holds no frame with a size; the more particular first. */
export function createFormats(): Format[] {
  return [aloneFormat()];
}
