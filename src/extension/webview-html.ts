import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Uri, Webview } from 'vscode';

export interface WebviewPage {
  /** The bundle in dist/webview, and the element `zs-<script>` that it shows. */
  readonly script: 'dbgmsg' | 'trace';
  /** Title of the document, read out by assistive technology. */
  readonly title: string;
  /** Fresh random text of letters and digits, one a page. */
  readonly nonce: string;
  /** The text of that bundle; see {@link webviewScript}. */
  readonly source: string;
}

const scripts = new Map<string, string>();

/** The text of a bundle in dist/webview, which is read once. */
export function webviewScript(extensionUri: Uri, script: WebviewPage['script']): string {
  const file = path.join(webviewRoot(extensionUri).fsPath, `${script}.js`);
  const text = scripts.get(file) ?? readFileSync(file, 'utf8');
  scripts.set(file, text);
  return text;
}

/** The folder that a webview may load from; give it as `localResourceRoots`. */
export function webviewRoot(extensionUri: Uri): Uri {
  return extensionUri.with({ path: `${extensionUri.path}/dist/webview` });
}

/**
 * The document of a webview, the same for all views: nothing may be loaded or run but the view's
 * own script, the icon font and its style sheet. The views style themselves from their scripts.
 *
 * VS Code hides a page and keeps messages to it back until it is loaded (webview/browser/pre/index.html, onLoad), so
 * it loads nothing: its script is in it, and names the style sheet of the icons once it is there (page.ts).
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
  if (/<!--|<\/?script/i.test(page.source)) {
    throw new Error(
      `dist/webview/${page.script}.js cannot stand in a page: HTML would end or hide a part of it`,
    );
  }
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(page.title)}</title>
</head>
<body data-icons="${at('codicon.css')}">
<script type="module" nonce="${nonce}">${page.source}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
