import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';

/** When the test files are loaded: those that run before this one activate it. */
const wasActive = vscode.extensions.getExtension('zscope.zscope')?.isActive;

describe('the extension', () => {
  it('is present', () => {
    assert.ok(vscode.extensions.getExtension('zscope.zscope'));
  });

  it('is not active at start-up', () => {
    assert.equal(wasActive, false);
  });
});
