import type { OpenTrace } from './open-traces.ts';

/**
 * VS Code makes a tab beside the code in one piece, in which it draws nothing else, and the machine under test may share
 * its processors: so the first call, which is shown behind its function, comes before the tab where it comes soon.
 */
const SOON_MS = 250;
/** The window has drawn that call by then. Milliseconds. */
const DRAWN_MS = 50;

/** Opens the tab of a trace that starts: right behind its first call, at the latest in a moment. */
export function openSoon({ session, panel }: OpenTrace): void {
  let timer = setTimeout(open, SOON_MS);
  let isDrawn = false;
  const listener = session.listen((batch) => {
    if (batch.length > 0 && !isDrawn) {
      isDrawn = true;
      clearTimeout(timer);
      timer = setTimeout(open, DRAWN_MS);
    }
  });
  const closed = panel.onClose(end);
  function open(): void {
    end();
    panel.open();
  }
  function end(): void {
    clearTimeout(timer);
    listener.dispose();
    closed.dispose();
  }
}
