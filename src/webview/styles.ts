import { css } from 'lit';

/** The page around a view: it fills its frame and has no margins of its own. */
const pageStyles = css`
  html,
  body {
    height: 100%;
    margin: 0;
    padding: 0;
    overflow: hidden;
    color: var(--vscode-foreground);
  }
`;

/** A column of toolbar, status line and what fills the rest. */
export const viewStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100vh;
    box-sizing: border-box;
    color: var(--vscode-foreground);
    font-family: var(--vscode-font-family);
    font-size: var(--vscode-font-size);
    font-weight: var(--vscode-font-weight);
  }

  .toolbar {
    display: flex;
    flex: none;
    align-items: center;
    gap: 4px;
    padding: 4px 8px;
  }

  .toolbar zs-filter-box {
    flex: 1 1 auto;
    max-width: 420px;
    min-width: 60px;
  }

  .toolbar .space {
    flex: 1 1 0;
  }

  .aside {
    flex: 0 1 auto;
    min-width: 0;
    overflow: hidden;
    color: var(--vscode-descriptionForeground);
    text-overflow: ellipsis;
    white-space: nowrap;
    unicode-bidi: isolate;
  }

  .count,
  .waiting {
    flex: none;
    padding: 0 4px;
    color: var(--vscode-descriptionForeground);
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }

  .waiting {
    padding: 1px 6px;
    border: 1px solid var(--vscode-contrastBorder, transparent);
    border-radius: 11px;
    background: var(--vscode-badge-background);
    color: var(--vscode-badge-foreground);
    font-size: 11px;
  }

  .status {
    display: flex;
    flex: none;
    align-items: center;
    gap: 6px;
    min-height: 22px;
    padding: 0 10px;
    overflow-wrap: anywhere;
    color: var(--vscode-descriptionForeground);
    unicode-bidi: isolate;
  }

  .status:empty {
    display: none;
  }

  .status.error {
    color: var(--vscode-errorForeground);
  }

  .status vscode-icon {
    flex: none;
    color: inherit;
  }
`;

/** A link in a row: it looks like the editor's links, and stays readable on a selected row. */
export const linkStyles = css`
  .link {
    color: var(--vscode-textLink-foreground);
    cursor: pointer;
    text-decoration: none;
  }

  .link:hover {
    color: var(--vscode-textLink-activeForeground);
    text-decoration: underline;
  }
`;

/** What a list beside the table is made of: a heading, and rows that are buttons, one of them chosen. */
export const rowStyles = css`
  h2 small {
    margin-left: 8px;
    color: var(--vscode-descriptionForeground);
    font-size: inherit;
    font-weight: normal;
  }

  .row {
    column-gap: 10px;
    box-sizing: border-box;
    width: 100%;
    min-height: 22px;
    padding: 0 10px;
    border: 0;
    outline: 1px solid transparent;
    outline-offset: -1px;
    background: none;
    color: var(--vscode-foreground);
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-font-size) - 1px);
    line-height: 22px;
    text-align: left;
  }

  .row.chosen {
    background: var(--vscode-list-inactiveSelectionBackground);
    color: var(--vscode-list-inactiveSelectionForeground);
  }

  .row:focus {
    background: var(--vscode-list-activeSelectionBackground);
    color: var(--vscode-list-activeSelectionForeground);
    outline: 1px solid var(--vscode-list-focusOutline, var(--vscode-focusBorder));
  }

  .row:focus .link {
    color: inherit;
  }
`;

/** A list of lines of source beside the table: it has a bar as a section of the side bar has, and its rows open. */
export const lineListStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-height: 0;
    overflow: hidden;
  }

  h2 {
    flex: none;
    margin: 0;
    padding: 0 10px;
    color: var(--vscode-sideBarSectionHeader-foreground, var(--vscode-foreground));
    background: var(--vscode-sideBarSectionHeader-background);
    border-top: 1px solid var(--vscode-sideBarSectionHeader-border, transparent);
    font-size: 11px;
    font-weight: 700;
    line-height: 22px;
  }

  .row {
    height: 22px;
    cursor: pointer;
  }

  .row:not(.chosen, :focus):hover {
    background: var(--vscode-list-hoverBackground);
    color: var(--vscode-list-hoverForeground);
    outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
  }

  .label,
  .source {
    flex: 0 1 auto;
    min-width: 8ch;
    overflow: hidden;
    text-overflow: ellipsis;
    unicode-bidi: isolate;
  }

  .message {
    padding: 4px 10px;
    color: var(--vscode-descriptionForeground);
  }
`;

/** Found words. */
export const markStyles = css`
  mark {
    background: var(--vscode-editor-findMatchHighlightBackground);
    color: inherit;
    outline: 1px solid var(--vscode-editor-findMatchHighlightBorder, transparent);
    outline-offset: -1px;
  }
`;

/** Lets the view fill its page. */
export function fillPage(): void {
  if (pageStyles.styleSheet !== undefined) {
    document.adoptedStyleSheets.push(pageStyles.styleSheet);
  }
}
