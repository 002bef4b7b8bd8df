import { css } from 'lit';
import { linkStyles, markStyles } from '../styles.ts';

/** Height of a row that is not opened out, in CSS pixels: that of VS Code's own lists. */
export const ROW_HEIGHT = 22;

const listStyles = css`
  :host {
    display: block;
    min-height: 0;
    contain: strict;
  }

  .grid {
    display: flex;
    flex-direction: column;
    position: relative;
    height: 100%;
    outline: none;
  }

  .scroller {
    flex: 1 1 0;
    min-height: 0;
    overflow-x: hidden;
    overflow-y: scroll;
    /* The list moves the rows itself. */
    overflow-anchor: none;
    contain: strict;
  }

  .spacer {
    position: relative;
    overflow: hidden;
  }

  .window {
    position: absolute;
    top: 0;
    left: 0;
    right: 0;
  }

  .row {
    display: grid;
    align-items: start;
    column-gap: 12px;
    height: 22px;
    padding: 0 10px;
    overflow: hidden;
    box-sizing: border-box;
    line-height: 22px;
    cursor: default;
    outline: 1px solid transparent;
    outline-offset: -1px;
    contain: content;
  }

  .row.expanded {
    height: auto;
    min-height: 22px;
  }

  .row:hover {
    background: var(--vscode-list-hoverBackground);
    color: var(--vscode-list-hoverForeground);
    outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
  }

  .row.active {
    background: var(--vscode-list-inactiveSelectionBackground);
    color: var(--vscode-list-inactiveSelectionForeground);
    outline: 1px dotted var(--vscode-contrastActiveBorder, transparent);
  }

  .grid:focus-visible .row.active,
  .grid:focus .row.active {
    background: var(--vscode-list-activeSelectionBackground);
    color: var(--vscode-list-activeSelectionForeground);
    outline: 1px solid
      var(--vscode-list-focusAndSelectionOutline, var(--vscode-list-focusOutline, var(--vscode-focusBorder)));
  }

  .grid:focus .row.active .link {
    color: inherit;
    text-decoration: underline;
  }

  /* Without a chosen row the focus is on the whole list. */
  .grid.none:focus-visible::after {
    content: '';
    position: absolute;
    inset: 0;
    border: 1px solid var(--vscode-focusBorder);
    pointer-events: none;
  }

  .cell {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: pre;
    unicode-bidi: isolate;
  }

  .row.expanded .cell {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }

  /* A very long line stays within the view and scrolls in itself. */
  .row.expanded .long {
    max-height: 50vh;
    overflow-y: auto;
  }

  .head {
    flex: none;
    border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
  }

  .head .row,
  .head .row:hover {
    background: none;
    color: var(--vscode-foreground);
    font-weight: 600;
    outline: none;
  }

  .empty {
    position: absolute;
    inset: 32px 10px auto;
    color: var(--vscode-descriptionForeground);
    text-align: center;
    pointer-events: none;
  }
`;

/** A row that says that others are missing here: a dashed line across the list. */
const gapStyles = css`
  .row:is(.gap, .loss) {
    display: flex;
    gap: 8px;
    color: var(--vscode-list-warningForeground, var(--vscode-editorWarning-foreground));
    font-family: var(--vscode-font-family);
    font-style: italic;
  }

  .row:is(.gap, .loss)::before,
  .row:is(.gap, .loss)::after {
    content: '';
    flex: 1 1 12px;
    margin-top: 10px;
    border-top: 1px dashed currentColor;
  }

  .row:is(.gap, .loss) .cell {
    flex: 0 1 auto;
  }
`;

/** Everything that a list of rows with gaps, links and found words needs but its columns. */
export const rowListStyles = [listStyles, gapStyles, linkStyles, markStyles];
