import { VERSION } from '../index.js';
import type { Command, Flag } from './flags/flag.js';
import { COMMANDS, GLOBAL_FLAGS, VARIABLES } from './flags/table.js';

/** The manual page, in the language of man(7). */
export function manualPage(): string {
  return [
    `.TH MSB\\-METRICS 1 "" "msb\\-metrics ${VERSION}" "User Commands"`,
    '.SH NAME',
    'msb\\-metrics \\- ship the metrics of microsandbox sandboxes over OTLP, or print them',
    '.SH SYNOPSIS',
    ...COMMANDS.flatMap(({ name, argument, operand }) => [
      `.B msb\\-metrics ${escaped(name)}`,
      argument === undefined
        ? '.RI [ FLAG ...]'
        : `.I ${argument.name}${operand === undefined ? '' : ` ${operand.name}`}`,
      '.br',
    ]),
    '.SH DESCRIPTION',
    'One process a host reads the shared\\-memory registry of msb, as the same user and with the same MSB_HOME as msb. It changes nothing there. Logs go to standard error.',
    ...COMMANDS.flatMap(commandSection),
    '.SH FLAGS OF ALL COMMANDS',
    ...GLOBAL_FLAGS.flatMap(flagEntry),
    ...entry('\\fB\\-h\\fR, \\fB\\-\\-help\\fR', 'Displays help.'),
    ...entry('\\fB\\-V\\fR, \\fB\\-\\-version\\fR', 'Displays the version.'),
    '.SH ENVIRONMENT',
    'A flag wins over its variables, and of these the first that is set. An empty one counts as not set.',
    ...variablesOfFlags().flatMap(({ names, flag, isMillis }) =>
      entry(names.map(bold).join(', '), `As \\-\\-${escaped(flag)}${isMillis ? ', in milliseconds' : ''}.`),
    ),
    ...VARIABLES.flatMap(({ name, description }) => entry(bold(name), escaped(description))),
    '.SH EXIT STATUS',
    ...entry('0', 'A clean end.'),
    ...entry(
      '1',
      'The last export failed, or this system cannot be read from; check: something is not well.',
    ),
    ...entry('2', 'Bad input.'),
    '',
  ].join('\n');
}

function commandSection({ name, description, flags, examples }: Command): string[] {
  return [
    `.SH COMMAND ${name.toUpperCase()}`,
    ...description.flatMap((paragraph) => ['.PP', escaped(paragraph)]),
    ...flags.filter((flag) => !GLOBAL_FLAGS.includes(flag)).flatMap(flagEntry),
    '.PP',
    'Examples:',
    ...examples.flatMap((example) => [
      '.PP',
      '.nf',
      '.RS',
      `msb\\-metrics ${escaped(example)}`,
      '.RE',
      '.fi',
    ]),
  ];
}

function flagEntry(flag: Flag): string[] {
  const value = flag.value === undefined ? '' : `=\\fI${escaped(flag.value)}\\fR`;
  const byDefault = flag.default === undefined ? '' : ` (default ${flag.default})`;
  return entry(`${bold(`--${flag.name}`)}${value}`, escaped(`${flag.description}${byDefault}`));
}

const entry = (term: string, text: string): string[] => ['.TP', term, text];

function variablesOfFlags(): { names: string[]; flag: string; isMillis: boolean }[] {
  const flags = new Map(COMMANDS.flatMap((command) => command.flags).map((flag) => [flag.variables, flag]));
  return [...flags].flatMap(([variables = [], { name }]) =>
    variables.length === 0
      ? []
      : [
          {
            names: variables.map((variable) => variable.name),
            flag: name,
            isMillis: variables.some(({ isMillis }) => isMillis === true),
          },
        ],
  );
}

const bold = (text: string): string => `\\fB${escaped(text)}\\fR`;

/** A dot or a quote at the beginning of a line would be a request. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/u, '\\&$1');
