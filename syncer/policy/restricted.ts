import type { Pod } from 'kubernetes-types/core/v1';
import { forbiddenProcMounts } from './baseline';
import { containers, inUserNamespace, onWindows, securityContexts } from './containers';
import { violation, type Violation } from './violation';

/* What the `restricted` Pod Security Standard asks for beyond `baseline`, as of Kubernetes 1.37. */

type Rule = (pod: Pod) => Generator<Violation>;

const forbidden = (rule: string, field: string, value: unknown, remedy: string): Violation =>
  violation(rule, 'restricted', field, value, remedy);

function* allowPrivilegeEscalation(pod: Pod): Generator<Violation> {
  if (onWindows(pod)) return;
  for (const { path, container } of containers(pod)) {
    const value = container.securityContext?.allowPrivilegeEscalation ?? undefined;
    if (value === false) continue;
    const field = `${path}.securityContext.allowPrivilegeEscalation`;
    yield forbidden('allowPrivilegeEscalation', field, value, 'set it to false');
  }
}

function* runAsNonRoot(pod: Pod): Generator<Violation> {
  if (inUserNamespace(pod)) return;
  const own = pod.spec?.securityContext?.runAsNonRoot ?? undefined;
  const remedy = 'set it to true, here or for the whole pod, or set spec.hostUsers to false';
  if (own === false) yield forbidden('runAsNonRoot', 'spec.securityContext.runAsNonRoot', false, remedy);
  for (const { path, container } of containers(pod)) {
    const value = container.securityContext?.runAsNonRoot ?? undefined;
    if (value === true || (value === undefined && own !== undefined)) continue;
    yield forbidden('runAsNonRoot', `${path}.securityContext.runAsNonRoot`, value, remedy);
  }
}

function* runAsUser(pod: Pod): Generator<Violation> {
  if (inUserNamespace(pod)) return;
  for (const { path, context } of securityContexts(pod)) {
    if (context.runAsUser !== 0) continue;
    const remedy = 'use another user than root, or set spec.hostUsers to false';
    yield forbidden('runAsUser', `${path}.runAsUser`, 0, remedy);
  }
}

function* seccompProfile(pod: Pod): Generator<Violation> {
  // A profile that is set and not allowed is a matter of `baseline`.
  if (onWindows(pod) || pod.spec?.securityContext?.seccompProfile != null) return;
  for (const { path, container } of containers(pod)) {
    if (container.securityContext?.seccompProfile != null) continue;
    const remedy = 'set it to RuntimeDefault or Localhost, here or for the whole pod';
    yield forbidden('seccompProfile_restricted', `${path}.securityContext.seccompProfile.type`, undefined, remedy);
  }
}

function* capabilities(pod: Pod): Generator<Violation> {
  if (onWindows(pod)) return;
  for (const { path, container } of containers(pod)) {
    const { drop, add } = container.securityContext?.capabilities ?? {};
    const at = `${path}.securityContext.capabilities`;
    if (drop?.includes('ALL') !== true) {
      yield forbidden('capabilities_restricted', `${at}.drop`, drop ?? undefined, 'let it contain ALL');
    }
    for (const [index, capability] of (add ?? []).entries()) {
      if (capability === 'NET_BIND_SERVICE') continue;
      yield forbidden('capabilities_restricted', `${at}.add[${index}]`, capability, 'add only NET_BIND_SERVICE');
    }
  }
}

function* procMount(pod: Pod): Generator<Violation> {
  // Outside a user namespace `baseline` forbids it already.
  if (inUserNamespace(pod)) yield* forbiddenProcMounts(pod, 'procMount_restricted', 'restricted');
}

/** The rules that `restricted` has on top of `baseline`. */
export const RESTRICTED_RULES: readonly Rule[] = [
  allowPrivilegeEscalation,
  runAsNonRoot,
  runAsUser,
  seccompProfile,
  capabilities,
  procMount,
];
