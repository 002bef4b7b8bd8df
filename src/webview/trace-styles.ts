import { css } from 'lit';

/** What the page of a trace view looks like besides what all views have. */
export const traceStyles = css`
  .heading {
    display: flex;
    flex: none;
    align-items: center;
    gap: 8px;
    min-height: 26px;
    padding: 4px 10px 0;
  }

  h1 {
    flex: 0 1 auto;
    min-width: 0;
    margin: 0;
    overflow: hidden;
    font-family: var(--vscode-editor-font-family);
    font-size: var(--vscode-font-size);
    font-weight: 600;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  /* Beside code there is no room for a sentence in the line of the name. */
  @media (max-width: 700px) {
    .heading {
      flex-wrap: wrap;
      gap: 2px 8px;
    }

    .state {
      flex: 1 0 100%;
      order: 1;
      white-space: normal;
    }
  }

  .aside.error {
    overflow: visible;
    color: var(--vscode-errorForeground);
    white-space: normal;
  }

  .losses {
    flex: none;
    color: var(--vscode-list-warningForeground, var(--vscode-editorWarning-foreground));
  }

  .stop {
    flex: none;
    --vscode-icon-foreground: var(--vscode-debugIcon-stopForeground, var(--vscode-foreground));
  }

  .program {
    flex: none;
    margin-left: auto;
  }

  .note {
    padding: 2px 10px 0;
    overflow: hidden;
    color: var(--vscode-descriptionForeground);
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  zs-split-pane,
  zs-refusal,
  .alone {
    flex: 1 1 0;
  }

  .alone {
    display: flex;
    flex-direction: column;
    min-height: 0;
  }

  .alone > * {
    flex: 1 1 0;
  }
`;
