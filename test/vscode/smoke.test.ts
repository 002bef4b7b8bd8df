import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';

describe('the extension', () => {
  it('is present', () => {
    assert.ok(vscode.extensions.getExtension('zscope.zscope'));
  });

  it('is not active at start-up', () => {
    assert.equal(vscode.extensions.getExtension('zscope.zscope')?.isActive, false);
  });
});
