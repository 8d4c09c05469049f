import sade, { type Sade } from 'sade';
import { VERSION } from '../version.js';
import type { Command, Flag } from './flags/flag.js';
import { COMMANDS, GLOBAL_FLAGS, VARIABLES } from './flags/table.js';

/** What the program calls for its commands, by their names. */
export type Handlers = Readonly<Record<string, () => void>>;

/** How wide help is. */
export interface Page {
  /** Characters of a line. */
  readonly width: number;
  /** Breaks a text into lines of at most so many characters. */
  readonly wrap: (text: string, columns: number) => string;
}

/** How far help is indented, and how far its columns are apart, characters. */
const INDENT = 4;

const SUMMARY = [
  'Ship the metrics of the microsandbox sandboxes on this host over OTLP, or print them.',
  'One process a host reads the shared-memory registry of msb, as the same user and with the same MSB_HOME as msb. It changes nothing there. Logs go to stderr.',
];

/** The help that is asked for. */
export interface Help {
  /** The command that it is about; `undefined` where it is about the program. */
  readonly about: Command | undefined;
  readonly page: Page;
}

/** The program with its commands and, where help is asked for, their prose and what help says of flags. */
export function createProgram(handlers: Handlers, help: Help | undefined): Sade {
  const program = sade('msb-metrics').version(VERSION);
  if (help !== undefined) {
    program.describe(paragraphs(SUMMARY, help.page));
    describeFlags(program, GLOBAL_FLAGS, columnOf(help.about?.flags ?? GLOBAL_FLAGS), help.page);
  }
  for (const command of COMMANDS) {
    program.example(command.examples[0]);
  }
  for (const command of COMMANDS) {
    program
      .command(
        [
          command.name,
          ...(command.argument === undefined ? [] : [`<${command.argument.name}>`]),
          ...(command.operand === undefined ? [] : [`<${command.operand.name}>`]),
        ].join(' '),
      )
      .action(handlers[command.name]);
    if (help !== undefined) {
      program.describe(paragraphs(command.description, help.page));
    }
    if (help?.about === command) {
      const own = command.flags.filter((flag) => !GLOBAL_FLAGS.includes(flag));
      describeFlags(program, own, columnOf(command.flags), help.page);
    }
    for (const example of command.examples) {
      program.example(example);
    }
  }
  return program;
}

/** Where the descriptions of a command's flags begin, characters. */
function columnOf(flags: readonly Flag[]): number {
  const names = [...flags.map(({ name }) => `--${name}`), '-v, --version'];
  return INDENT + Math.max(...names.map(({ length }) => length)) + INDENT;
}

function describeFlags(program: Sade, flags: readonly Flag[], column: number, page: Page): void {
  for (const flag of flags) {
    const usage = flag.value === undefined ? '' : `${flag.value}: `;
    const byDefault = flag.default === undefined ? '' : ` (default ${flag.default})`;
    program.option(`--${flag.name}`, hanging(`${usage}${flag.description}${byDefault}`, column, page));
  }
}

/** Lines of paragraphs, with an empty one between two. */
function paragraphs(texts: readonly string[], page: Page): string[] {
  return texts.flatMap((text, index) => [
    ...(index === 0 ? [] : ['']),
    ...page.wrap(text, columns(page.width - INDENT)).split('\n'),
  ]);
}

/** A text that begins at a column, and goes on there in further lines. */
function hanging(text: string, column: number, page: Page): string {
  return page.wrap(text, columns(page.width - column)).replaceAll('\n', `\n${' '.repeat(column)}`);
}

/** A terminal that is too narrow for columns gets lines that are too long for it. */
const columns = (width: number): number => Math.max(12, width);

/**
 * The variables that a command heeds, as a section of its help.
 *
 * @returns empty for a command without any
 */
export function environmentSection(command: Command, page: Page): string {
  const line = (text: string): string => `${' '.repeat(INDENT)}${text}\n`;
  const ofFlags = command.flags.flatMap(({ name, variables = [] }) =>
    variables.length === 0
      ? []
      : [
          {
            names: variables.map((variable) => variable.name),
            description: `As --${name}${variables.some(({ isMillis }) => isMillis) ? ', in milliseconds' : ''}.`,
          },
        ],
  );
  const others = VARIABLES.filter(({ commands }) => commands.includes(command.name)).map(
    ({ name, description }) => ({ names: [name], description }),
  );
  const entries = [...ofFlags, ...others].map(
    ({ names, description }) =>
      names.map(line).join('') + line(' '.repeat(INDENT) + hanging(description, 2 * INDENT, page)),
  );
  const rule = paragraphs(
    ['A flag wins over its variables, and of these the first that is set. An empty one counts as not set.'],
    page,
  );
  return `\n  Environment\n${[...rule.map(line), ...entries].join('')}`;
}

/** Help as sade prints it, with the variables before the examples. */
export function withEnvironment(text: string, { about, page }: Help): string {
  const at = text.indexOf('\n  Examples');
  return about === undefined || at === -1
    ? text
    : `${text.slice(0, at)}${environmentSection(about, page)}${text.slice(at)}`;
}
