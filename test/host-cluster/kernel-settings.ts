import { readFileSync, writeFileSync } from 'node:fs';

/** Settings of the whole machine that every kubelet changes when it starts. */
const CHANGED_BY_KUBELET = [
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

/** Their values now; those that this kernel does not have are left out. */
export function readKernelSettings(): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of CHANGED_BY_KUBELET) {
    try {
      settings[name] = readFileSync(`/proc/sys/${name}`, 'utf8').trim();
    } catch {
      // not there
    }
  }
  return settings;
}

/** Sets them back. */
export function restoreKernelSettings(settings: Readonly<Record<string, string>>): void {
  const now = readKernelSettings();
  for (const name of CHANGED_BY_KUBELET) {
    const value = settings[name];
    if (value === undefined || now[name] === value) continue;
    try {
      writeFileSync(`/proc/sys/${name}`, value);
    } catch {
      // read-only here: then the kubelet could not change it either
    }
  }
}
