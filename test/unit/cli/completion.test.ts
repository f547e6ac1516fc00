import { spawnSync } from 'node:child_process';
import { completionScript } from '../../../cli/completion';

const commands = [
  {
    name: 'create',
    summary: "make one: don't wait",
    flags: [{ names: ['-n', '--namespace'], description: 'of the [host]: "x"', takesValue: true }],
  },
  { name: 'connect', summary: 'switch', flags: [{ names: ['--print'], description: 'print', takesValue: false }] },
];

/** What bash offers at the end of a line. */
function offered(line: string): string[] {
  const words = line.split(' ');
  const script = `nestling() { printf '  {\\n    "name": "vc1",\\n    "namespace": "a",\\n'; }
${completionScript('bash', commands)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_nestling
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash is offered commands, flags, and names of clusters', () => {
  expect(offered('nestling c')).toEqual(['create', 'connect']);
  expect(offered('nestling create --n')).toEqual(['--namespace']);
  expect(offered('nestling connect -')).toEqual(['--print']);
  expect(offered('nestling connect v')).toEqual(['vc1']);
  expect(offered('nestling create v')).toEqual([]);
  expect(offered('nestling connect vc1 -- c')).toEqual([]);
});

test('text that zsh and fish would take for syntax is quoted', () => {
  const zsh = completionScript('zsh', commands);
  expect(zsh).toContain(`'create:make one\\: don'\\''t wait'`);
  expect(zsh).toContain(`'--namespace[of the \\[host\\]\\: "x"]: :_files'`);
  const fish = completionScript('fish', commands);
  expect(fish).toContain(`-a create -d 'make one: don\\'t wait'`);
  expect(fish).toContain(
    `complete -c nestling -n '__fish_seen_subcommand_from create' -s n -l namespace -r -d 'of the [host]: "x"'`,
  );
});
