import type { Flag } from '../flags/flag.js';
import { COMMANDS, GLOBAL_FLAGS } from '../flags/table.js';

const COMMAND_NAMES = COMMANDS.map(({ name }) => name).join(' ');

/** For fish 3 and newer. */
export function fishCompletion(): string {
  const lines = [
    '# fish completion for msb-metrics: msb-metrics completion fish > ~/.config/fish/completions/msb-metrics.fish',
    'complete -c msb-metrics -f',
    ...COMMANDS.map(
      ({ name, description }) =>
        `complete -c msb-metrics -n "not __fish_seen_subcommand_from ${COMMAND_NAMES}" -a ${name} -d ${quoted(description[0])}`,
    ),
    ...GLOBAL_FLAGS.map((flag) => option('', flag)),
    "complete -c msb-metrics -s h -l help -d 'Displays this message'",
    "complete -c msb-metrics -s V -l version -d 'Displays current version'",
    ...COMMANDS.flatMap((command) => {
      const when = ` -n "__fish_seen_subcommand_from ${command.name}"`;
      return [
        ...(command.argument === undefined
          ? []
          : [`complete -c msb-metrics${when} -a ${quoted(command.argument.choices.join(' '))}`]),
        ...command.flags.filter((flag) => !GLOBAL_FLAGS.includes(flag)).map((flag) => option(when, flag)),
      ];
    }),
  ];
  return lines.join('\n');
}

function option(when: string, flag: Flag): string {
  const value = {
    files: ' -r -F',
    directories: ' -x -a "(__fish_complete_directories)"',
    users: ' -x -a "(__fish_complete_users)"',
    none: flag.value === undefined ? '' : ' -x',
  }[flag.completes ?? 'none'];
  const choices = flag.choices === undefined ? '' : ` -a ${quoted(flag.choices.join(' '))}`;
  return `complete -c msb-metrics${when} -l ${flag.name}${value}${choices} -d ${quoted(firstSentence(flag))}`;
}

const firstSentence = ({ description }: Flag): string =>
  description.replace(/[.;:] .*$/su, '').replace(/\.$/u, '');

const quoted = (text: string): string => `'${text.replace(/[\\']/gu, '\\$&')}'`;
