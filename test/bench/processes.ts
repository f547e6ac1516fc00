import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc, which is 100 on every Linux that Node.js runs on. */
const TICKS = 100;

/** CPU seconds that the whole machine has used since it started. */
export function machineSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}

/** CPU seconds that a process has used. */
export function processSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident and anonymous memory of a process, in MiB, as the kernel counts it now. */
export function processMemory(pid: number): { readonly resident: number; readonly anonymous: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return { resident: kibibytes('Rss') / 1024, anonymous: kibibytes('Anonymous') / 1024 };
}

/**
 * The processes of a pod on this machine, by name of the program: whatever has the pod's UID in the name of its cgroup. The pause process is
 * none of them.
 */
export function podProcesses(podUID: string): ReadonlyMap<string, number> {
  const marks = [podUID, podUID.replaceAll('-', '_')];
  const found = new Map<string, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const cgroup = readFileSync(`/proc/${entry}/cgroup`, 'utf8');
      if (!marks.some((mark) => cgroup.includes(mark))) continue;
      const [program = ''] = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      const name = program.slice(program.lastIndexOf('/') + 1);
      if (name !== '' && name !== 'pause') found.set(name === 'node' ? 'syncer' : name, Number(entry));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}
