import { describe, expect, it } from 'vitest';
import type { Uri, Webview } from 'vscode';
import { webviewHtml, webviewRoot } from '../../../src/extension/webview-html.ts';

const uri = (path: string): Uri =>
  ({
    path,
    with: (change: { path: string }) => uri(change.path),
    toString: () => `https://host.example${path}`,
  }) as unknown as Uri; // The builder uses no more of a Uri than this.
const webview = {
  cspSource: 'https://host.example',
  asWebviewUri: (from: Uri) => from,
} as unknown as Webview;
const html = webviewHtml(webview, uri('/ext'), { script: 'trace', title: `a<b>"c'&`, nonce: 'abc123' });

describe('webviewHtml', () => {
  it('allows nothing but the script, the icon font and the style sheets', () => {
    expect(/http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]).toBe(
      "default-src 'none'; script-src 'nonce-abc123'; style-src https://host.example; font-src https://host.example",
    );
  });

  it('names the files of the view', () => {
    expect(webviewRoot(uri('/ext')).path).toBe('/ext/dist/webview');
    expect(html).toContain('nonce="abc123" src="https://host.example/ext/dist/webview/trace.js"');
    expect(html).toContain(
      'id="vscode-codicon-stylesheet" href="https://host.example/ext/dist/webview/codicon.css"',
    );
    expect(html).toContain('<zs-trace></zs-trace>');
  });

  it('holds no style and no script of its own, and takes the title for text', () => {
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
    expect(html).toContain('<title>a&#60;b&#62;&#34;c&#39;&#38;</title>');
  });
});
