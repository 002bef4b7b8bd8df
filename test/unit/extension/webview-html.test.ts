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
const page = { script: 'trace', title: `a<b>"c'&`, nonce: 'abc123', source: 'show("<p>")' } as const;
const html = webviewHtml(webview, uri('/ext'), page);

describe('webviewHtml', () => {
  it('allows nothing but the script, the icon font and the style sheets', () => {
    expect(/http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]).toBe(
      "default-src 'none'; script-src 'nonce-abc123'; style-src https://host.example; font-src https://host.example",
    );
  });

  it('names the style sheet of the icons', () => {
    expect(webviewRoot(uri('/ext')).path).toBe('/ext/dist/webview');
    expect(html).toContain('data-icons="https://host.example/ext/dist/webview/codicon.css"');
  });

  it('holds the script of the view, and waits for nothing to be loaded', () => {
    expect(html).toContain('<script type="module" nonce="abc123">show("<p>")</script>');
    expect(html).not.toMatch(/<link|\ssrc=/);
  });

  it('refuses a script that would end before its end', () => {
    for (const source of ['"</script>"', '"<!--"', '"<SCRIPT>"']) {
      expect(() => webviewHtml(webview, uri('/ext'), { ...page, source })).toThrow('trace.js');
    }
  });

  it('holds no style of its own, and takes the title for text', () => {
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
    expect(html).toContain('<title>a&#60;b&#62;&#34;c&#39;&#38;</title>');
  });
});
