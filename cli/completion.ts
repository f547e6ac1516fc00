/** Shells that a script is written for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A command as a shell completes it. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly {
    /** Such as `-n` and `--namespace`. */
    readonly names: readonly string[];
    readonly description: string;
    readonly takesValue: boolean;
  }[];
}

/** Commands whose first argument is a virtual cluster: all that are not these. */
const WITHOUT_CLUSTER: ReadonlySet<string> = new Set(['list', 'create', 'completion', 'explain', 'synth']);

/** Names of virtual clusters, one a line. The shell asks when a name is to be completed; errors are nobody's business then. */
const NAMES = `nestling list --output json 2>/dev/null | sed -n 's/^ *"name": "\\(.*\\)",$/\\1/p'`;

/** A script that makes a shell complete commands, flags and names of virtual clusters. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
  }
}

const namesOf = ({ flags }: CompletedCommand): string => flags.flatMap(({ names }) => names).join(' ');
const takesCluster = ({ name }: CompletedCommand): boolean => !WITHOUT_CLUSTER.has(name);

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map((command) => `    ${command.name}) flags="${namesOf(command)}" ;;`);
  const clusters = commands.filter(takesCluster).map(({ name }) => name);
  return `# bash completion of nestling
_nestling() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="" flags="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ "\${COMP_WORDS[i]}" == "--" ]]; then return; fi
    if [[ -z "$command" && "\${COMP_WORDS[i]}" != -* ]]; then command="\${COMP_WORDS[i]}"; fi
  done
  if [[ -z "$command" ]]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')}" -- "$word"))
    return
  fi
  case "$command" in
${cases.join('\n')}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
    return
  fi
  case "$command" in
    ${clusters.join('|')}) COMPREPLY=($(compgen -W "$(${NAMES})" -- "$word")) ;;
  esac
}
complete -o default -F _nestling nestling
`;
}

/** In single quotes, with nothing that zsh's _arguments or _describe would take for syntax. */
function quoted(text: string): string {
  return text.replace(/'/g, `'\\''`).replace(/([[\]:])/g, '\\$1');
}

function zsh(commands: readonly CompletedCommand[]): string {
  const list = commands.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`);
  const cases = commands.map((command) => {
    const flags = command.flags.flatMap(({ names, description, takesValue }) =>
      names.map((name) => `'${name}[${quoted(description)}]${takesValue ? ': :_files' : ''}'`),
    );
    const rest = takesCluster(command) ? `'1:virtual cluster:_nestling_clusters'` : `'*: :_files'`;
    return `    ${command.name}) _arguments ${[...flags, rest].join(' \\\n      ')} ;;`;
  });
  return `#compdef nestling
# zsh completion of nestling
_nestling_clusters() {
  local -a names
  names=(\${(f)"$(${NAMES})"})
  compadd -a names
}
_nestling() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  shift words
  ((CURRENT--))
  case "$command" in
${cases.join('\n')}
  esac
}
if [[ "$funcstack[1]" == _nestling ]]; then _nestling "$@"; else compdef _nestling nestling; fi
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const text = (value: string): string => `'${value.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
  const lines = commands.flatMap((command) => {
    const condition = `-n '__fish_seen_subcommand_from ${command.name}'`;
    const flags = command.flags.map(({ names, description, takesValue }) => {
      const parts = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
      return `complete -c nestling ${condition} ${parts.join(' ')}${takesValue ? ' -r' : ''} -d ${text(description)}`;
    });
    return [
      `complete -c nestling -f -n __fish_use_subcommand -a ${command.name} -d ${text(command.summary)}`,
      ...(takesCluster(command) ? [`complete -c nestling -f ${condition} -a '(__nestling_clusters)'`] : []),
      ...flags,
    ];
  });
  return `# fish completion of nestling
function __nestling_clusters
  ${NAMES}
end
${lines.join('\n')}
`;
}
