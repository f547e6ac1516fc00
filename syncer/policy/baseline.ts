import type { Pod } from 'kubernetes-types/core/v1';
import { containers, inUserNamespace, securityContexts } from './containers';
import { violation, type PolicyLevel, type Violation } from './violation';

/*
 * The `baseline` Pod Security Standard, as of Kubernetes 1.37. Volume types are in volumes.ts.
 */

type Rule = (pod: Pod) => Generator<Violation>;

const forbidden = (rule: string, field: string, value: unknown, remedy: string): Violation =>
  violation(rule, 'baseline', field, value, remedy);

const ALLOWED_CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const ALLOWED_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_notsent_lowat',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_slow_start_after_idle',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

const ALLOWED_SELINUX_TYPES: ReadonlySet<string> = new Set([
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
]);

const ALLOWED_PROFILES: ReadonlySet<string> = new Set(['RuntimeDefault', 'Localhost']);

function* hostNamespaces({ spec }: Pod): Generator<Violation> {
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec?.[field] === true) yield forbidden('hostNamespaces', `spec.${field}`, true, 'remove it');
  }
}

function* windowsHostProcess(pod: Pod): Generator<Violation> {
  for (const { path, context } of securityContexts(pod)) {
    if (context.windowsOptions?.hostProcess === true) {
      yield forbidden('windowsHostProcess', `${path}.windowsOptions.hostProcess`, true, 'remove it');
    }
  }
}

function* privileged(pod: Pod): Generator<Violation> {
  for (const { path, container } of containers(pod)) {
    if (container.securityContext?.privileged === true) {
      yield forbidden('privileged', `${path}.securityContext.privileged`, true, 'set it to false');
    }
  }
}

function* capabilities(pod: Pod): Generator<Violation> {
  for (const { path, container } of containers(pod)) {
    for (const [index, capability] of (container.securityContext?.capabilities?.add ?? []).entries()) {
      if (ALLOWED_CAPABILITIES.has(capability)) continue;
      const field = `${path}.securityContext.capabilities.add[${index}]`;
      yield forbidden('capabilities_baseline', field, capability, `add only ${[...ALLOWED_CAPABILITIES].join(', ')}`);
    }
  }
}

function* hostPorts(pod: Pod): Generator<Violation> {
  for (const { path, container } of containers(pod)) {
    for (const [index, { hostPort }] of (container.ports ?? []).entries()) {
      if (!hostPort) continue;
      yield forbidden(
        'hostPorts',
        `${path}.ports[${index}].hostPort`,
        hostPort,
        'remove it, and use a Service instead',
      );
    }
  }
}

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
const HOOKS = ['postStart', 'preStop'] as const;
const ACTIONS = ['httpGet', 'tcpSocket'] as const;

function* probeHosts(pod: Pod): Generator<Violation> {
  for (const { path, container } of containers(pod)) {
    const handlers = [
      ...PROBES.map((name) => [name, container[name]] as const),
      ...HOOKS.map((name) => [`lifecycle.${name}`, container.lifecycle?.[name]] as const),
    ];
    for (const [name, handler] of handlers) {
      for (const action of ACTIONS) {
        const host = handler?.[action]?.host;
        if (!host) continue;
        const remedy = "remove it: the node asks the pod's own address then";
        yield forbidden('hostProbesAndHostLifecycle', `${path}.${name}.${action}.host`, host, remedy);
      }
    }
  }
}

/** Prefix of annotations that set AppArmor profiles before there was a field; kubelets still read them. */
const APP_ARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

function* appArmorProfile(pod: Pod): Generator<Violation> {
  // A tenant's annotations do not travel; this holds even if one day some do.
  for (const [key, profile] of Object.entries(pod.metadata?.annotations ?? {})) {
    const allowed = profile === '' || profile === 'runtime/default' || profile.startsWith('localhost/');
    if (!key.startsWith(APP_ARMOR_ANNOTATION) || allowed) continue;
    yield forbidden('appArmorProfile', `metadata.annotations['${key}']`, profile, 'use runtime/default or localhost/…');
  }
  for (const { path, context } of securityContexts(pod)) {
    const profile = context.appArmorProfile;
    if (profile == null || ALLOWED_PROFILES.has(profile.type)) continue;
    yield forbidden('appArmorProfile', `${path}.appArmorProfile.type`, profile.type, 'use RuntimeDefault or Localhost');
  }
}

function* seLinuxOptions(pod: Pod): Generator<Violation> {
  for (const { path, context } of securityContexts(pod)) {
    const { type, user, role } = context.seLinuxOptions ?? {};
    const at = `${path}.seLinuxOptions`;
    if (!ALLOWED_SELINUX_TYPES.has(type ?? '')) {
      const allowed = [...ALLOWED_SELINUX_TYPES].filter(Boolean).join(', ');
      yield forbidden('seLinuxOptions', `${at}.type`, type, `remove it, or use ${allowed}`);
    }
    if (user) yield forbidden('seLinuxOptions', `${at}.user`, user, 'remove it');
    if (role) yield forbidden('seLinuxOptions', `${at}.role`, role, 'remove it');
  }
}

function* procMount(pod: Pod): Generator<Violation> {
  if (!inUserNamespace(pod)) yield* forbiddenProcMounts(pod, 'procMount', 'baseline');
}

/** Containers whose /proc is not masked. */
export function* forbiddenProcMounts(pod: Pod, rule: string, level: PolicyLevel): Generator<Violation> {
  for (const { path, container } of containers(pod)) {
    const value = container.securityContext?.procMount;
    if (value == null || value === 'Default') continue;
    const remedy = level === 'baseline' ? 'use Default, or set spec.hostUsers to false' : 'use Default';
    yield violation(rule, level, `${path}.securityContext.procMount`, value, remedy);
  }
}

function* seccompProfile(pod: Pod): Generator<Violation> {
  for (const { path, context } of securityContexts(pod)) {
    const profile = context.seccompProfile;
    if (profile == null || ALLOWED_PROFILES.has(profile.type)) continue;
    const remedy = 'use RuntimeDefault or Localhost';
    yield forbidden('seccompProfile_baseline', `${path}.seccompProfile.type`, profile.type, remedy);
  }
}

function* sysctls({ spec }: Pod): Generator<Violation> {
  for (const [index, { name }] of (spec?.securityContext?.sysctls ?? []).entries()) {
    if (ALLOWED_SYSCTLS.has(name)) continue;
    const remedy = `remove it: only those of the pod alone are allowed, ${[...ALLOWED_SYSCTLS].join(', ')}`;
    yield forbidden('sysctls', `spec.securityContext.sysctls[${index}].name`, name, remedy);
  }
}

/** The rules of the standard, volume types excepted. */
export const BASELINE_RULES: readonly Rule[] = [
  hostNamespaces,
  windowsHostProcess,
  privileged,
  capabilities,
  hostPorts,
  probeHosts,
  appArmorProfile,
  seLinuxOptions,
  procMount,
  seccompProfile,
  sysctls,
];
