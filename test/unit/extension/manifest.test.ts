import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  commandIds,
  contextKeys,
  languages,
  settingDefaults,
  settingMaxima,
  views,
} from '../../../src/extension/ids.ts';

interface Manifest {
  readonly name: string;
  readonly displayName: string;
  readonly license: string;
  readonly main: string;
  readonly activationEvents: readonly string[];
  readonly enabledApiProposals?: readonly string[];
  readonly contributes: {
    readonly commands: readonly { command: string; title: string; icon?: string; enablement?: string }[];
    readonly views: Readonly<Record<string, readonly { id: string; when?: string }[]>>;
    readonly viewsContainers: Readonly<Record<string, readonly { id: string; icon: string }[]>>;
    readonly viewsWelcome: readonly { view: string; contents: string; when?: string }[];
    readonly menus: Readonly<Record<string, readonly { command: string; when?: string; group?: string }[]>>;
    readonly keybindings: readonly { command: string; when: string }[];
    readonly configuration: {
      readonly properties: Readonly<Record<string, { default: unknown; scope: string; maximum?: number }>>;
    };
    readonly languages: readonly { id: string; configuration: string }[];
    readonly grammars: readonly { language: string; path: string }[];
  };
}

const manifest: Manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const { contributes } = manifest;
const sorted = (values: Iterable<string>) => [...values].sort();

/** All when clauses of the manifest. */
const clauses = [
  ...Object.values(contributes.menus).flatMap((items) => items.map((item) => item.when ?? '')),
  ...Object.values(contributes.views).flatMap((items) => items.map((item) => item.when ?? '')),
  ...contributes.viewsWelcome.map((item) => item.when ?? ''),
  ...contributes.commands.map((item) => item.enablement ?? ''),
  ...contributes.keybindings.map((item) => item.when),
];

describe('package.json and ids.ts', () => {
  it('name the same commands', () => {
    expect(sorted(contributes.commands.map(({ command }) => command))).toEqual(
      sorted(Object.keys(commandIds)),
    );
  });

  it('name the same settings with the same defaults', () => {
    const { properties } = contributes.configuration;
    expect(sorted(Object.keys(properties))).toEqual(sorted(Object.keys(settingDefaults)));
    for (const [id, value] of Object.entries(settingDefaults)) {
      expect(properties[id]?.default, id).toEqual(value);
    }
  });

  it('hold what spares a target to the same limits, for the user alone to set', () => {
    const { properties } = contributes.configuration;
    for (const [id, most] of Object.entries(settingMaxima)) {
      expect(properties[id], id).toMatchObject({ maximum: most, scope: 'application' });
    }
  });

  it('name the same views and languages', () => {
    const ids = Object.values(contributes.views).flatMap((list) => list.map(({ id }) => id));
    expect(sorted(ids)).toEqual(sorted(Object.values(views)));
    expect(contributes.languages.map(({ id }) => id)).toEqual(Object.values(languages));
  });

  it('use only context keys that ids.ts has, and all of them', () => {
    const used = new Set(clauses.flatMap((clause) => clause.match(/zscope\.\w+/g) ?? []));
    for (const id of Object.values(views)) {
      used.delete(id);
    }
    expect(sorted(used)).toEqual(sorted(Object.keys(contextKeys)));
  });
});

describe('package.json', () => {
  it('refers only to commands that exist', () => {
    const referred = [
      ...Object.values(contributes.menus).flatMap((items) => items.map(({ command }) => command)),
      ...contributes.keybindings.map(({ command }) => command),
      ...contributes.viewsWelcome.flatMap(({ contents }) =>
        [...contents.matchAll(/\(command:([^)]+)\)/g)].map((match) => match[1] ?? ''),
      ),
    ];
    expect(referred.length).toBeGreaterThan(10);
    for (const command of referred) {
      expect(Object.keys(commandIds)).toContain(command);
    }
  });

  it('gives an icon to every command that stands in a title bar or inline', () => {
    const shown = Object.entries(contributes.menus)
      .flatMap(([menu, items]) => (menu === 'commandPalette' ? [] : items))
      .filter(({ group }) => group?.startsWith('navigation') || group?.startsWith('inline'));
    for (const { command } of shown) {
      const declared = contributes.commands.find((item) => item.command === command);
      expect(declared?.icon, command).toMatch(/^\$\(.+\)$/);
    }
  });

  it('names files that exist', () => {
    const files = [
      ...Object.values(contributes.viewsContainers).flatMap((list) => list.map(({ icon }) => icon)),
      ...contributes.languages.map(({ configuration }) => configuration),
      ...contributes.grammars.map(({ path }) => path),
    ];
    for (const file of files) {
      expect(existsSync(file), file).toBe(true);
    }
  });

  it('starts nothing at start-up and uses no proposed API', () => {
    // What may hold a stack, Log being the Output panel's, and tabs of ours that are restored: a window in which nothing of this is open does not wake it.
    // Plain text would: the workbench makes such models for inputs of its own, so that each window fires it by itself.
    expect(manifest.activationEvents).toEqual([
      'onLanguage:log',
      'onLanguage:Log',
      'onFileSystem:zscope',
      'onFileSystem:zscope-activity',
      'onFileSystem:zscope-revision',
      'onTerminal:*',
    ]);
    expect(manifest.enabledApiProposals).toBeUndefined();
  });

  it.each(['zscope.ssh.configFiles', 'zscope.serialConsoles', 'zscope.trace.askFirst', 'zscope.trace.tool'])(
    'keeps %s, by which a program runs or a machine is reached or traced, out of a workspace',
    (id) => {
      expect(contributes.configuration.properties[id]?.scope).toBe('application');
    },
  );

  it('has its name and licence', () => {
    expect(manifest).toMatchObject({ name: 'zscope', displayName: 'ZScope', license: 'MIT' });
  });
});
