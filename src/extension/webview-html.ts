import type { Uri, Webview } from 'vscode';

export interface WebviewPage {
  /** The bundle in dist/webview, and the element `zs-<script>` that it defines. */
  readonly script: 'dbgmsg' | 'trace';
  /** Title of the document, read out by assistive technology. */
  readonly title: string;
  /** Fresh random text of letters and digits, one a page. */
  readonly nonce: string;
}

/** The folder that a webview may load from; give it as `localResourceRoots`. */
export function webviewRoot(extensionUri: Uri): Uri {
  return extensionUri.with({ path: `${extensionUri.path}/dist/webview` });
}

/**
 * The document of a webview, the same for all views: nothing may be loaded or run but the view's
 * own script, the icon font and its style sheet. The views style themselves from their scripts.
 */
export function webviewHtml(webview: Webview, extensionUri: Uri, page: WebviewPage): string {
  const root = webviewRoot(extensionUri);
  const at = (file: string): string =>
    escapeHtml(webview.asWebviewUri(root.with({ path: `${root.path}/${file}` })).toString());
  const nonce = escapeHtml(page.nonce);
  const csp = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
  ].join('; ');
  // vscode-icon finds the style sheet of the icons by this id.
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(page.title)}</title>
<link rel="stylesheet" id="vscode-codicon-stylesheet" href="${at('codicon.css')}">
<script type="module" nonce="${nonce}" src="${at(`${page.script}.js`)}"></script>
</head>
<body>
<zs-${page.script}></zs-${page.script}>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
