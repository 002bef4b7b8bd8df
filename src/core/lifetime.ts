/** Something that holds a resource until it is disposed. Disposing twice does nothing. */
export interface Disposable {
  dispose(): void;
}

/**
 * Owns disposables and disposes them in reverse order. What is added after disposal is disposed at
 * once, so nothing can outlive its owner by arriving late.
 */
export class Lifetime implements Disposable {
  #owned: Disposable[] = [];
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  add<T extends Disposable>(item: T): T {
    if (this.#ended) {
      item.dispose();
    } else {
      this.#owned.push(item);
    }
    return item;
  }

  /** Adds a function to be called at the end. */
  onEnd(action: () => void): void {
    this.add({ dispose: action });
  }

  dispose(): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    const owned = this.#owned.reverse();
    this.#owned = [];
    for (const item of owned) {
      item.dispose();
    }
  }
}
