import { keyMatches, type AnnotationReference, type AnnotationRule } from '../configuration';
import { shownValue, VALUE_GRAMMARS } from './annotation-values';
import { controllerAnnotation, type AnnotationAction } from './controller-annotations';
import { isObject } from './fields';
import { isOurKey, MAX_NAME_PART } from './keys';

/** Keys of tools that write them on everything: that they stay in the virtual cluster surprises nobody. */
const TOOLS =
  /^(?:kubectl\.kubernetes\.io|(?:[^/]*\.)?helm\.sh|argocd\.argoproj\.io|(?:[^/]*\.)?fluxcd\.io|deployment\.kubernetes\.io)\//;

/** What annotations ask of their surroundings. */
export interface AnnotationEnvironment {
  /** Name on the host of an object of the annotated object's own namespace. */
  twin(kind: 'Secret' | 'ConfigMap' | 'Service', name: string): string;
  /** Namespace of the annotated object. */
  readonly namespace: string;
  /** The host namespace. */
  readonly hostNamespace: string;
  /** Notes why the object cannot go to the host. */
  refuse(path: string, why: string): void;
}

/** A tenant's annotations on the host. */
export interface HostAnnotations {
  readonly annotations: Readonly<Record<string, string>>;
  /** Keys that stay in the virtual cluster although a controller may look for them, sorted. */
  readonly dropped: readonly string[];
}

/**
 * A tenant's annotations by rules: the platform's, of which the first that matches decides, then those for well-known annotations
 * of controllers. What no rule allows does not reach the host, where annotations drive controllers of everybody.
 */
export function hostAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  rules: readonly AnnotationRule[],
  environment: AnnotationEnvironment,
): HostAnnotations {
  const result: [string, string][] = [];
  const dropped: string[] = [];
  for (const [key, value] of Object.entries(annotations ?? {})) {
    if (isOurKey(key)) continue; // a tenant's own, of a virtual cluster within this one
    const rule = rules.find((one) => keyMatches(one.key, key));
    if (rule?.action === 'set') continue;
    const action = rule === undefined ? controllerAnnotation(key) : ruled(rule);
    if (action === undefined || action.action === 'drop') {
      if (rule === undefined && !TOOLS.test(key)) dropped.push(key);
      continue;
    }
    const passed = apply(action, key, value, environment);
    if (passed !== undefined) result.push(passed);
  }
  // Of several for one key the first decides.
  for (const rule of rules.toReversed()) if (rule.action === 'set') result.push([rule.key, rule.value]);
  return { annotations: Object.fromEntries(result), dropped: dropped.sort() };
}

function ruled(rule: Exclude<AnnotationRule, { action: 'set' }>): AnnotationAction {
  switch (rule.action) {
    case 'allow':
      return { action: 'allow', grammar: VALUE_GRAMMARS[rule.values] };
    case 'drop':
      return { action: 'drop' };
    case 'rewrite':
      return { action: 'rewrite', names: rule.names };
  }
}

/** The annotation on the host; undefined when the object was refused. */
function apply(
  action: Exclude<AnnotationAction, { action: 'drop' }>,
  key: string,
  value: string,
  environment: AnnotationEnvironment,
): [string, string] | undefined {
  const path = `metadata.annotations[${key}]`;
  switch (action.action) {
    case 'allow':
      if (action.grammar.matches(value)) return [key, value];
      environment.refuse(path, `is ${shownValue(value)}; write ${action.grammar.description}`);
      return undefined;
    case 'refuse':
      environment.refuse(path, action.why);
      return undefined;
    case 'rewrite': {
      const rewritten = rewrite(action.names, value, environment);
      if (rewritten !== undefined) return [key, rewritten];
      const kind = REFERRED[action.names];
      environment.refuse(
        path,
        `is ${shownValue(value)}; write the name of a ${kind} of namespace ${environment.namespace}`,
      );
      return undefined;
    }
    case 'rewriteJson':
      return rewriteJson(key, value, path, environment);
  }
}

const REFERRED = {
  secretName: 'Secret',
  secretNamespacedName: 'Secret',
  configMapName: 'ConfigMap',
  configMapNamespacedName: 'ConfigMap',
  serviceName: 'Service',
  serviceNamespacedName: 'Service',
} as const satisfies Record<AnnotationReference, string>;

/** A name of an object: no more than API servers allow, so that nothing else hides in it. */
const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * The name on the host; undefined for what is none. Of another namespace none is: on the host all are in one, so that no controller
 * there could keep who has rights in one namespace of the tenant from the secrets of another.
 */
function rewrite(names: AnnotationReference, value: string, environment: AnnotationEnvironment): string | undefined {
  const before = names.endsWith('NamespacedName') ? `${environment.namespace}/` : undefined;
  const qualified = before !== undefined && value.startsWith(before);
  const name = qualified ? value.slice(before.length) : value;
  if (!NAME.test(name)) return undefined;
  return (qualified ? `${environment.hostNamespace}/` : '') + environment.twin(REFERRED[names], name);
}

/** The controller reads JSON with Go, for which the case of a field's letters is one, some beyond ASCII included. */
const folded = (field: string): string => field.toLowerCase().toUpperCase();

/** Fields of an action that name a target of the account that the host runs in, and of a condition that claim further hosts. */
const FOREIGN_TARGETS: ReadonlySet<string> = new Set(
  ['targetGroupARN', 'targetGroupName', 'hostHeaderConfig'].map(folded),
);
const SERVICE_NAME = folded('serviceName');

/**
 * An annotation of the AWS controller: the end of its key names a Service, or an action that stands where a Service's name does;
 * its value is JSON in which `serviceName` names one. All else in it stays as it is.
 */
function rewriteJson(
  key: string,
  value: string,
  path: string,
  environment: AnnotationEnvironment,
): [string, string] | undefined {
  const end = key.indexOf('.', key.indexOf('/')) + 1;
  const name = key.slice(end);
  if (!NAME.test(name)) {
    environment.refuse(path, 'does not end in the name of a Service or action; correct it');
    return undefined;
  }
  const hostKey = key.slice(0, end) + environment.twin('Service', name);
  if (hostKey.length - hostKey.indexOf('/') - 1 > MAX_NAME_PART) {
    environment.refuse(path, `is too long for a key on the host, where ${name} has a longer name; use a shorter one`);
    return undefined;
  }
  let problem: string | undefined;
  try {
    // Called once with each value; of what it returns only the inside follows.
    const rewritten = JSON.stringify(JSON.parse(value), (_key, inner: unknown) => {
      if (!isObject(inner)) return inner;
      const foreign = Object.keys(inner).find((field) => FOREIGN_TARGETS.has(folded(field)) && inner[field] != null);
      if (foreign !== undefined)
        problem ??= `has a ${foreign}, which is outside of the virtual cluster; name a Service`;
      if (Object.keys(inner).some((field) => field !== 'serviceName' && folded(field) === SERVICE_NAME)) {
        problem ??= 'spells serviceName in another way; write serviceName';
      }
      if (!Object.hasOwn(inner, 'serviceName')) return inner;
      const service = inner['serviceName'];
      if (typeof service === 'string' && NAME.test(service)) {
        return { ...inner, serviceName: environment.twin('Service', service) }; // a spread copies `__proto__` as plain data
      }
      problem ??= 'has a serviceName that is no name; correct it';
      return inner;
    });
    if (problem === undefined) return [hostKey, rewritten];
    environment.refuse(path, problem);
  } catch {
    environment.refuse(path, `is ${shownValue(value)}, which is no JSON or too deeply nested; correct it`);
  }
  return undefined;
}
