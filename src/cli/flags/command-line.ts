import { parseArgs } from 'node:util';
import { quoted, UsageError } from '../usage-error.js';
import type { Command, Flag } from './flag.js';
import { nearest } from './suggestion.js';
import { ALL_FLAGS, COMMANDS, commandNamed, GLOBAL_FLAGS } from './table.js';

/** What stands on a command line, checked against the flags that there are. */
export interface CommandLine {
  readonly command: Command | undefined;
  /** The command's argument. */
  readonly argument: string | undefined;
  /** The path after it. */
  readonly operand: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
  /** Values by flag, in order; a switch has `true` or `false`. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** Switches that any command line may have, by each way to write them. */
const HELP = ['help', 'h'];
const VERSION = ['version', 'v', 'V'];

const isSwitch = ({ value }: Flag): boolean => value === undefined;

const SHORT = Object.fromEntries(
  ['h', 'v', 'V'].map((letter) => [letter, { type: 'boolean' as const, short: letter }]),
);

const OPTIONS = {
  ...SHORT,
  help: { type: 'boolean' as const },
  version: { type: 'boolean' as const },
  ...Object.fromEntries(
    ALL_FLAGS.map((flag) => [
      flag.name,
      { type: isSwitch(flag) ? ('boolean' as const) : ('string' as const) },
    ]),
  ),
};

type Token = ReturnType<typeof tokensOf>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;
type Positional = Extract<Token, { kind: 'positional' }>;

/** Letters after one dash: only switches may be put together. The rest of other ones would be taken for flags, too. */
const isJumble = (argument: string): boolean => /^-[^-]./su.test(argument) && !/^-[hvV]+$/u.test(argument);

const tokensOf = (argv: readonly string[]) =>
  parseArgs({
    args: argv.map((argument) => (isJumble(argument) ? argument.slice(0, 2) : argument)),
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;

/**
 * Takes a command line apart: `--flag value`, `--flag=value`, `--no-flag` for a switch, and one command anywhere among
 * them. `help COMMAND` is `COMMAND --help`.
 *
 * @param argv without the program's own name
 * @throws {UsageError} for a command or a flag that does not exist, lacks its value, or comes too often; what may be
 * a value in the wrong place, and so a secret, is not repeated
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const tokens = tokensOf(argv);
  const { command, argument, operand, asksHelp, problem } = findCommand(
    argv,
    tokens.filter((token): token is Positional => token.kind === 'positional'),
  );
  const flags = flagsOf(command, problem);
  const values = new Map<string, string[]>();
  let help = asksHelp;
  let version = false;
  for (const token of tokens.filter((each): each is OptionToken => each.kind === 'option')) {
    const written = argv[token.index];
    requireTwoDashes(written);
    const name = isJumble(written) ? written : token.name;
    if (HELP.includes(name)) {
      help = true;
    } else if (VERSION.includes(name)) {
      version = true;
    } else {
      const { flag, isNegated } = findFlag(name, written, flags, command);
      const isInline = token.inlineValue === true;
      const value = isInline ? token.value : argv[token.index + 1];
      values.set(flag.name, [
        ...(values.get(flag.name) ?? []),
        checkedValue(flag, { value, isInline, isNegated }),
      ]);
      if (flag.repeatable !== true && (values.get(flag.name)?.length ?? 0) > 1) {
        throw new UsageError(`--${flag.name}: given twice: expected it once`);
      }
    }
  }
  if (problem !== undefined) {
    throw new UsageError(problem);
  }
  if (command?.argument !== undefined && argument === undefined && !help && !version) {
    throw new UsageError(
      `${command.name}: got no ${command.argument.name}: expected ${alternatives(command.argument.choices)}`,
    );
  }
  if (command?.operand !== undefined && operand === undefined && !help && !version) {
    throw new UsageError(`${command.name} ${argument}: got no ${command.operand.name}: expected a path`);
  }
  return { command, argument, operand, help, version, values };
}

/** The flags to expect. All flags if the command is not known, so that a bad flag is reported first. */
function flagsOf(command: Command | undefined, problem: string | undefined): readonly Flag[] {
  return command?.flags ?? (problem === undefined ? GLOBAL_FLAGS : ALL_FLAGS);
}

interface FoundCommand {
  readonly command: Command | undefined;
  readonly argument: string | undefined;
  readonly operand: string | undefined;
  readonly asksHelp: boolean;
  /** What is wrong with what is neither a flag nor a flag's value. */
  readonly problem?: string;
}

function findCommand(argv: readonly string[], positionals: readonly Positional[]): FoundCommand {
  const asksHelp = positionals[0]?.value === 'help';
  const [first, second, third, fourth] = positionals.slice(asksHelp ? 1 : 0);
  const command = commandNamed(first?.value);
  const found = { command, argument: undefined, operand: undefined, asksHelp };
  if (first === undefined || (asksHelp && first.value === 'help' && second === undefined)) {
    return found;
  }
  if (command === undefined) {
    return { ...found, problem: noSuchCommand(argv, first, asksHelp) };
  }
  const { argument } = command;
  if (argument === undefined || second === undefined || asksHelp) {
    return second === undefined ? found : { ...found, problem: unexpected(argv, second, command) };
  }
  if (!argument.choices.includes(second.value)) {
    return {
      ...found,
      problem: `${command.name}: got ${isWord(second.value) ? quoted(second.value) : numbered(argv, second)}: expected ${alternatives(argument.choices)}`,
    };
  }
  const beyond = command.operand === undefined ? third : fourth;
  return beyond === undefined
    ? { ...found, argument: second.value, operand: third?.value }
    : { ...found, problem: unexpected(argv, beyond, command) };
}

function noSuchCommand(argv: readonly string[], { index, value }: Positional, asksHelp: boolean): string {
  const names = COMMANDS.map(({ name }) => name);
  // Further on it may be a value, and so a secret.
  if (index > (asksHelp ? 1 : 0) || !isWord(value)) {
    return `${numbered(argv, { index })}: no such command: expected ${alternatives(names)}`;
  }
  const meant = nearest(value, names);
  return `${quoted(value)}: no such command: ${meant === undefined ? '' : `did you mean ${meant}? `}expected ${alternatives(names)}`;
}

const isWord = (text: string): boolean => /^[a-z][a-z-]{0,19}$/u.test(text);

const unexpected = (argv: readonly string[], { index }: Positional, { name }: Command): string =>
  `${numbered(argv, { index })}: unexpected beside the command ${name}: expected flags only, and quotes around a value with blanks`;

function numbered(argv: readonly string[], { index }: { readonly index: number }): string {
  return `argument ${index + 1}, of ${argv[index].length} characters`;
}

/** Words as alternatives: `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** One dash makes single letters of a flag's name. */
function requireTwoDashes(argument: string): void {
  const [, name = ''] = /^-([a-z][a-z-]+)(?:=|$)/u.exec(argument) ?? [];
  if (ALL_FLAGS.some((flag) => flag.name === name) || name === 'help' || name === 'version') {
    throw new UsageError(`-${name}: a flag has two dashes: expected --${name}`);
  }
}

function findFlag(
  name: string,
  argument: string,
  flags: readonly Flag[],
  command: Command | undefined,
): { readonly flag: Flag; readonly isNegated: boolean } {
  const plain = argument.startsWith('--') ? flags.find((flag) => flag.name === name) : undefined;
  const negated = flags.find((flag) => isSwitch(flag) && `no-${flag.name}` === name);
  const flag = plain ?? negated;
  if (flag === undefined) {
    throw new UsageError(noSuchFlag(name, argument, flags, command));
  }
  return { flag, isNegated: plain === undefined };
}

function noSuchFlag(
  name: string,
  argument: string,
  flags: readonly Flag[],
  command: Command | undefined,
): string {
  const shown = argument.startsWith('--') ? `--${shortened(name)}` : argument.slice(0, 2);
  const owners = COMMANDS.filter((each) => each.flags.some((flag) => flag.name === name));
  const meant = argument.startsWith('--')
    ? nearest(
        name,
        flags.map((flag) => flag.name),
      )
    : undefined;
  const remedy =
    owners.length > 0
      ? `it is a flag of ${owners.map((owner) => owner.name).join(' and ')}`
      : meant === undefined
        ? `see msb-metrics ${command === undefined ? '' : `${command.name} `}--help`
        : `did you mean --${meant}?`;
  return `${shown}: no such flag${command === undefined ? '' : ` of ${command.name}`}: ${remedy}`;
}

/**
 * A name that is no flag may have a secret in it: a value that was written without its `=`. The part is shown that is also
 * the beginning of a flag, and of other names no more than a flag could have.
 */
function shortened(name: string): string {
  const known = ALL_FLAGS.map((flag) => flag.name)
    .filter((flag) => name.startsWith(flag))
    .sort((a, b) => b.length - a.length)[0];
  if (known !== undefined && name.length > known.length + 2) {
    return `${known}...`;
  }
  return name.length > LONGEST_FLAG || !/^[a-z-]+$/u.test(name) ? `${name.slice(0, 4)}...` : name;
}

/** No flag is longer, in characters. */
const LONGEST_FLAG = 20;

function checkedValue(
  flag: Flag,
  {
    value,
    isInline,
    isNegated,
  }: { readonly value: string | undefined; readonly isInline: boolean; readonly isNegated: boolean },
): string {
  if (isSwitch(flag)) {
    if (isInline) {
      const got = String(value);
      throw new UsageError(
        `--${flag.name}: got the value ${quoted(got.length > 5 ? `${got.slice(0, 3)}...` : got)}: expected none, it is a switch`,
      );
    }
    return String(!isNegated);
  }
  if (value === undefined || value === '') {
    throw new UsageError(`--${flag.name}: got no value: expected --${flag.name}=${flag.value}`);
  }
  if (!isInline && looksLikeFlag(value)) {
    throw new UsageError(
      `--${flag.name}: got ${quoted(value.split('=')[0])} where its value should be: expected --${flag.name}=${flag.value}`,
    );
  }
  return value;
}

function looksLikeFlag(value: string): boolean {
  const name = value.replace(/^--(no-)?/u, '').split('=')[0];
  return value.startsWith('--') && Object.hasOwn(OPTIONS, name);
}
