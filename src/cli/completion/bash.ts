import { COMMANDS } from '../flags/table.js';
import {
  COMMAND_WORDS,
  commandWords,
  FLAGS_WITH_ANY_VALUE,
  FLAGS_WITH_CHOICES,
  flagsCompletedWith,
  GLOBAL_WORDS,
} from './words.js';

/** For bash 4 and newer, without the package bash-completion. */
export function bashCompletion(): string {
  const commands = COMMANDS.map(({ name }) => name).join('|');
  const ofFlags = [
    ...FLAGS_WITH_CHOICES.map(({ name, choices = [] }) =>
      branch([`--${name}`], reply(`-W '${choices.join(' ')}'`)),
    ),
    branch(flagsCompletedWith('files'), reply('-f')),
    branch(flagsCompletedWith('directories'), reply('-d')),
    branch(flagsCompletedWith('users'), reply('-u')),
    branch(FLAGS_WITH_ANY_VALUE, ':'),
  ];
  const ofCommands = COMMANDS.map((command) => {
    const argument = command.argument === undefined ? '' : ` ${command.argument.choices.join(' ')}`;
    return branch([command.name], reply(`-W '${commandWords(command).join(' ')}${argument}'`));
  });
  return `# bash completion for msb-metrics: source <(msb-metrics completion bash)
_msb_metrics() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command='' flag='' each
  COMPREPLY=()
  # Bash makes words of a flag, its = and its value.
  if [[ $word == = ]]; then
    flag=$before word=''
  elif [[ $before == = ]]; then
    flag=\${COMP_WORDS[COMP_CWORD-2]}
  else
    flag=$before
  fi
  case $flag in
${ofFlags.map((text) => text.replaceAll(';;', 'return ;;')).join('')}  esac
  for each in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $each in
      ${commands}) command=$each ;;
    esac
  done
  case $command in
${ofCommands.join('')}    *) ${reply(`-W '${[...COMMAND_WORDS, ...GLOBAL_WORDS].join(' ')}'`)} ;;
  esac
}
complete -o filenames -F _msb_metrics msb-metrics
`;
}

const reply = (how: string): string => `mapfile -t COMPREPLY < <(compgen ${how} -- "$word")`;

const branch = (patterns: readonly string[], action: string): string =>
  `    ${patterns.join('|')}) ${action}; ;;\n`;
