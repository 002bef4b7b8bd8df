/** The buttons of a list of which one is reached by Tab (WAI-ARIA Authoring Practices, roving tabindex). */
function buttonsOf(root: ParentNode): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>('button[tabindex]')];
}

/** Gives the focus to the button that is reached by Tab. */
export function focusCurrent(root: ParentNode): void {
  root.querySelector<HTMLElement>('button[tabindex="0"]')?.focus();
}

/**
 * Moves the focus from its button to the one that a key leads to; the list makes that the one that is reached by Tab when
 * it gets the focus. @returns false for a key that leads nowhere
 */
export function moveFocus(root: ParentNode, event: KeyboardEvent): boolean {
  const buttons = buttonsOf(root);
  const at = buttons.findIndex((button) => button.matches(':focus'));
  const to = keyTarget(event, at, buttons.length);
  if (to === undefined) {
    return false;
  }
  event.preventDefault();
  buttons[to]?.focus();
  return true;
}

/**
 * Which of the buttons of a list a key leads to: up, down, Home, End; undefined for any other key, and
 * with a modifier.
 * @param at the one that has the focus; all are counted from 0
 */
function keyTarget(event: KeyboardEvent, at: number, count: number): number | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const last = count - 1;
  switch (event.key) {
    case 'ArrowDown':
      return Math.min(at + 1, last);
    case 'ArrowUp':
      return Math.max(at - 1, 0);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}
