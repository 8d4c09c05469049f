import type { Flag } from '../flags/flag.js';
import { COMMANDS, GLOBAL_FLAGS } from '../flags/table.js';

/** For zsh 5 and newer, as the autoloaded function `_msb-metrics`. */
export function zshCompletion(): string {
  const commands = COMMANDS.map(({ name, description }) => `    ${quoted(`${name}:${description[0]}`)}`);
  const branches = COMMANDS.map(({ name, argument, operand, flags }) =>
    [
      `      (${name})`,
      '        _arguments \\',
      ...flags.map((flag) => `          ${option(flag)} \\`),
      ...(argument === undefined
        ? []
        : [`          ${quoted(`1:${argument.name}:(${argument.choices.join(' ')})`)} \\`]),
      ...(operand === undefined ? [] : [`          ${quoted(`2:${operand.name}:_files`)} \\`]),
      "          '(- *)'{-h,--help}'[Displays this message]'",
      '        ;;',
    ].join('\n'),
  );
  return `#compdef msb-metrics
# zsh completion for msb-metrics: msb-metrics completion zsh > a file _msb-metrics in a folder of $fpath
_msb-metrics() {
  local context state line
  local -a commands=(
${commands.join('\n')}
  )
  _arguments -C \\
${GLOBAL_FLAGS.map((flag) => `    ${option(flag)} \\`).join('\n')}
    '(- *)'{-h,--help}'[Displays this message]' \\
    '(- *)'{-V,--version}'[Displays current version]' \\
    '1: :->command' \\
    '*:: :->arguments'
  case $state in
    (command)
      _describe command commands
      ;;
    (arguments)
      case $words[1] in
${branches.join('\n')}
      esac
      ;;
  esac
}
if [[ $funcstack[1] == _msb-metrics ]]; then
  _msb-metrics "$@"
else
  compdef _msb-metrics msb-metrics
fi`;
}

function option(flag: Flag): string {
  const repeat = flag.repeatable === true ? '*' : '';
  const equals = flag.value === undefined ? '' : '=';
  return quoted(`${repeat}--${flag.name}${equals}[${escaped(firstSentence(flag))}]${action(flag)}`);
}

function action({ value, choices, completes }: Flag): string {
  if (value === undefined) {
    return '';
  }
  const values = { files: '_files', directories: '_files -/', users: '_users', none: '' }[
    completes ?? 'none'
  ];
  return `:${value}:${choices === undefined ? values : `(${choices.join(' ')})`}`;
}

const firstSentence = ({ description }: Flag): string =>
  description.replace(/[.;:] .*$/su, '').replace(/\.$/u, '');

const escaped = (text: string): string => text.replace(/[[\]:\\]/gu, '\\$&');

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
