import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { undecided, unusedDirectives } from '../../../src/target/config-notices.ts';
import { computeFromFiles } from '../../../src/target/ssh-config-files.ts';

describe('what an ssh configuration asks for and does not get', () => {
  it.each([
    [['host', 'exec', 'user', 'tagged'], []],
    [['all'], []],
    [['Host', 'vm', '!exec', 'test -f x'], ['Match exec']],
    [['final', 'host', 'vm'], ['Match final']],
    [
      ['localnetwork', '10.0.0.0/8', 'canonical', 'tagged', 'lab'],
      ['Match localnetwork', 'Match canonical', 'Match tagged'],
    ],
  ])('Match %j', (args, names) => {
    expect(undecided(args)).toEqual(names);
  });

  it('is named once each, and defaults are not', () => {
    const of = (...lines: string[]) =>
      unusedDirectives(
        new Map(lines.map((line) => [line.split(' ')[0] ?? '', [line.split(' ').slice(1).join(' ')]])),
      );
    expect(of('forwardagent no', 'tunnel false', 'remotecommand none', 'compression no')).toEqual([]);
    expect(of('forwardagent yes', 'localforward 8080 [x]:80', 'verifyhostkeydns true')).toEqual([
      'ForwardAgent',
      'LocalForward',
      'VerifyHostKeyDNS',
    ]);
  });

  it('includes a Match that our own reading cannot decide', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-notices-'));
    try {
      const configFile = path.join(folder, 'config');
      writeFileSync(
        configFile,
        'Match host vm exec "touch ran"\n  Port 1\nHost vm\n  Port 2\n  ForwardAgent yes\n',
      );
      const around = { home: folder, user: 'me', env: {}, platform: 'linux' } as const;
      const options = await computeFromFiles({ alias: 'vm', configFile }, around);
      expect(options.get('port')).toEqual(['2']);
      expect(unusedDirectives(options)).toEqual(['Match exec', 'ForwardAgent']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
