#!/usr/bin/env node
/**
 * The command line: what the editor does with stacks, for terminals and for the logs of a CI. This bundle
 * understands the command; what answers addresses and what reads texts is loaded when it is needed.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isFailure } from '../core/failure.ts';
import { compileForOneAnswer, compileSmall } from '../server/compile-flags.ts';
import type * as AddressesCommand from './addresses-command.ts';
import { cacheFolder } from './cache-folder.ts';
import { type CompiledBundle, loadCompiled } from './compiled-bundle.ts';
import { reason, unwritten } from './reason.ts';
import type * as TextCommands from './text-commands.ts';

const USAGE = `Usage: zscope decode [options] [FILE...]      stacks in, stacks with source lines out
       zscope addresses -m FILE [ADDRESS...]  addresses in, functions and lines out
       zscope frames [FILE...]                the frames of a text as JSON, without any source

Reads the files, or standard input. Takes stacks of any kind: dmesg, sysrq, /proc/PID/stack,
hung task reports, crash, gdb, ftrace, bpftrace and more, in any log.

Options of decode:
  -m, --module FILE   debug info: zfs.ko (also .xz, .gz, .zst), vmlinux, a program, a library, or
                      a folder with modules; repeatable: of several files of one module the one
                      counts that a frame fits; frames without a module are looked for in all
  -s, --source DIR    the source tree: paths are shown as they are there, and frames without
                      debug info get the call of the next frame, or their function; repeatable
      --map FROM=TO   sources that a build knew below FROM are below TO, in a --source; repeatable
  -g, --group         each different stack once, with its tasks, the most frequent first
  -j, --json          a line of JSON for each frame (with --group: for each stack)
  -h, --help          this text
      --version       the version

Options of addresses, which takes ADDRESS or the lines of standard input: 0x1234, .init.text+0x10,
zil_commit_impl+0x200 or zil_commit_impl+0x200/0x15d0, and prints what addr2line -i -f does:
  -m, --module FILE   one file with debug info, as above
      --section NAME  what plain numbers of a module are offsets of; .text unless told
  -a, --addresses     each address before its lines

A place is exact unless it says how it is known: "call" is the only call of the next frame in the
function, "function" its definition; "if of this build" is where a process stopped of which nothing
in the text shows the build. Inlined functions stand above the frame they are part of.

Lines of JSON. A frame: {"line":12,"function":"zil_commit","offset":23,"size":400,"module":"zfs",
"reliable":true}, null where the text does not say; decode adds "places", innermost first:
{"function","inlined","path","line","how"} with how dwarf, call-site or function, and "candidates"
where there are several, and "assumed":true if of this build only. A place that the text names, of
frames only: {"line","path","sourceLine","function"}. A stack of --group: {"count",
"tasks":[{"comm","pid"}],"frames":[...]}.

Exit status: 0, 1 when something could not be read, 2 when the command was not understood.
`;

/** Options of each command; all take --help. */
const OPTIONS = {
  decode: ['module', 'source', 'map', 'group', 'json'],
  addresses: ['module', 'section', 'addresses'],
  // What it prints is JSON with the option and without.
  frames: ['json'],
} satisfies Record<string, readonly (keyof Values)[]>;

/** A command that was not understood. */
class UsageError extends Error {}

async function main(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args;
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
    process.stdout.write(USAGE);
    if (command === undefined) {
      throw new UsageError('A command is missing.');
    }
    return;
  }
  if (command === '--version') {
    process.stdout.write(`zscope ${version()}\n`);
    return;
  }
  const { values, positionals } = parse(rest);
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  if (!isCommand(command)) {
    throw new UsageError(`There is no command ${command}.`);
  }
  const other = Object.keys(values).find((option) => !OPTIONS[command].some((own) => own === option));
  if (other !== undefined) {
    throw new UsageError(`${command} takes no --${other}.`);
  }
  await (command === 'addresses'
    ? addressesCommand(values, positionals)
    : textCommand(command, values, positionals));
}

function isCommand(name: string): name is keyof typeof OPTIONS {
  return Object.hasOwn(OPTIONS, name);
}

/** Of the package that this bundle is in the folder `dist` of. */
function version(): string {
  const text = readFileSync(path.join(__dirname, '../package.json'), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        module: { type: 'string', short: 'm', multiple: true },
        source: { type: 'string', short: 's', multiple: true },
        map: { type: 'string', multiple: true },
        group: { type: 'boolean', short: 'g' },
        json: { type: 'boolean', short: 'j' },
        section: { type: 'string' },
        addresses: { type: 'boolean', short: 'a' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    // What follows the first sentence is about options of node's own.
    const [said = ''] = String(error instanceof Error ? error.message : error).split('. ');
    throw new UsageError(`${said.replace(/\.$/, '')}.`);
  }
}

/** @throws UsageError */
function readMapping(text: string): [from: string, to: string] {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new UsageError(`${text} is no mapping FROM=TO.`);
  }
  return [text.slice(0, equals), path.resolve(text.slice(equals + 1))];
}

type Values = ReturnType<typeof parse>['values'];

async function addressesCommand(
  { module = [], section, addresses = false }: Values,
  queries: readonly string[],
): Promise<void> {
  const [name, ...others] = module;
  if (name === undefined || others.length > 0) {
    throw new UsageError('addresses takes one --module.');
  }
  const isOneAnswer = queries.length > 0;
  if (isOneAnswer) {
    compileForOneAnswer();
  } else {
    compileSmall();
  }
  const bundle = addressesBundle(isOneAnswer);
  const { answerAddresses } = bundle.exports as typeof AddressesCommand;
  const unpacked = (packed: string) => textCommands().unpackedFile(packed);
  await answerAddresses(name, queries, { section, echo: addresses, unpacked });
  bundle.keep();
  if (isOneAnswer) {
    // All is written and closed, and what Node does to end with care takes a fiftieth of the time.
    process.exit();
  }
}

/** Loaded beside this one; compiled code is kept where compiling is much of the time. */
function addressesBundle(isOneAnswer: boolean): CompiledBundle {
  if (isOneAnswer) {
    const file = path.join(__dirname, 'cli-addresses.cjs');
    return loadCompiled(file, path.join(cacheFolder(), 'code'), require);
  }
  return { exports: require('./cli-addresses.cjs') as object, keep: () => {} };
}

async function textCommand(
  command: 'decode' | 'frames',
  { module = [], source = [], map = [], group = false, json = false }: Values,
  files: readonly string[],
): Promise<void> {
  // A log of some hundred MB takes as long either way, a dump of some hundred KB two thirds of the time.
  compileSmall();
  const mappings = Object.fromEntries(map.map(readMapping));
  await (command === 'frames'
    ? textCommands().frames(files)
    : textCommands().decodeTexts(files, { modules: module, sources: source, mappings, group, json }));
}

/** Loaded when it is first asked for, from the bundle beside this one. */
function textCommands(): typeof TextCommands {
  return require('./cli-text.cjs') as typeof TextCommands;
}

/** The sentence for an error, and the exit status. */
function explain(error: unknown): { readonly text: string; readonly status: number } {
  if (error instanceof UsageError) {
    return { text: `${error.message} See zscope --help.`, status: 2 };
  }
  if (isFailure(error)) {
    return { text: [error.message, error.remedy].join(' ').trim(), status: 1 };
  }
  if (error instanceof Error && 'code' in error && 'path' in error) {
    return { text: `${String(error.path)} cannot be read: ${reason(error)}.`, status: 1 };
  }
  if (error instanceof Error && 'syscall' in error && error.syscall === 'write') {
    return { text: unwritten(error), status: 1 };
  }
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), status: 1 };
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { text, status } = explain(error);
  process.stderr.write(`zscope: ${text}\n`);
  process.exitCode = status;
});
