import { damaged } from '../elf/bytes.ts';

/**
 * Steps that a piece of work may take. Parts of debug info may be referred to again and again, so a
 * small file could otherwise ask for more work than any real one.
 */
export class Budget {
  constructor(private left: number) {}

  /** @throws Failure when it is used up */
  spend(steps: number): void {
    this.left -= steps;
    if (this.left < 0) {
      throw damaged('its parts refer to each other more often than those of any real file');
    }
  }
}
