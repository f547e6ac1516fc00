import type {
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from 'kubernetes-types/admissionregistration/v1';
import { controlPlaneLabels, controlPlaneNames } from '../../syncer/configuration';
import { clusterScopedHostName } from '../../syncer/translation';
import type { VirtualClusterSpec } from '../spec';

const API_VERSION = 'admissionregistration.k8s.io/v1';

/** Labels of what several clusters share. */
export const SHARED_LABELS = { 'app.kubernetes.io/name': 'nestling', 'app.kubernetes.io/component': 'policy' } as const;

/**
 * Whether the request is the bound cluster's: the binding names the ServiceAccount of its control plane as the parameter. Not by the
 * labels of the object: whoever writes it writes those.
 */
const BY_SYNCER =
  'request.userInfo.username == "system:serviceaccount:" + params.metadata.namespace + ":" + params.metadata.name';

/** The class as it was named before there was a field. */
const LEGACY_CLASS = 'kubernetes.io/ingress.class';

/** Holds pods of the clusters that are bound to it to nodes with some labels. */
export function nodesAdmissionPolicy(
  name: string,
  selector: Readonly<Record<string, string>>,
): ValidatingAdmissionPolicy {
  const labels = Object.entries(selector).sort(([one], [other]) => (one < other ? -1 : 1));
  const text = labels.map(([key, value]) => `${key}=${value}`).join(',');
  return policy(name, { apiGroups: [''], resources: ['pods'], operations: ['CREATE'] }, [
    ...labels.map(([key, value]) => {
      const at = literal(key);
      const has = `has(object.spec.nodeSelector) && ${at} in object.spec.nodeSelector && object.spec.nodeSelector[${at}] == ${literal(value)}`;
      return { rule: has, message: `spec.nodeSelector: pods of this virtual cluster run on nodes with ${text} only` };
    }),
  ]);
}

/** Holds Ingresses of the clusters that are bound to it to hosts and classes. */
export function ingressAdmissionPolicy(
  name: string,
  { allowedHosts, allowedClasses }: Readonly<Record<'allowedHosts' | 'allowedClasses', readonly string[]>>,
): ValidatingAdmissionPolicy {
  const rules = [];
  if (allowedHosts.length > 0) {
    const exact = allowedHosts.filter((host) => !host.startsWith('*.'));
    const below = allowedHosts.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
    const isAllowed = (host: string): string =>
      [
        ...(exact.length > 0 ? [`${host} in ${literal(exact)}`] : []),
        ...(below.length > 0 ? [`${literal(below)}.exists(suffix, ${host}.endsWith(suffix))`] : []),
      ].join(' || ');
    const message = `hosts of Ingresses must be one of ${allowedHosts.join(', ')}`;
    rules.push(
      { rule: '!has(object.spec.defaultBackend)', message: `spec.defaultBackend: ${message}` },
      {
        rule: `!has(object.spec.rules) || object.spec.rules.all(one, has(one.host) && (${isAllowed('one.host')}))`,
        message: `spec.rules: ${message}`,
      },
      {
        rule: `!has(object.spec.tls) || object.spec.tls.all(one, !has(one.hosts) || one.hosts.all(host, ${isAllowed('host')}))`,
        message: `spec.tls: ${message}`,
      },
    );
  }
  if (allowedClasses.length > 0) {
    const legacy = `has(object.metadata.annotations) && ${literal(LEGACY_CLASS)} in object.metadata.annotations`;
    rules.push({
      rule: `(has(object.spec.ingressClassName) ? object.spec.ingressClassName in ${literal(allowedClasses)} : ${legacy}) && (!(${legacy}) || object.metadata.annotations[${literal(LEGACY_CLASS)}] in ${literal(allowedClasses)})`,
      message: `spec.ingressClassName: classes of Ingresses must be one of ${allowedClasses.join(', ')}`,
    });
  }
  const operations = ['CREATE', 'UPDATE'];
  return policy(name, { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], operations }, rules);
}

/** What binds a cluster's syncer to the policies that it shares with others. */
export function admissionBindings(
  spec: VirtualClusterSpec,
): readonly (readonly [id: string, object: ValidatingAdmissionPolicyBinding])[] {
  const { nodes, ingresses } = spec.shared;
  return [
    ...(nodes?.admissionPolicy === undefined
      ? []
      : [['nodes-admission', binding(spec, 'nodes', nodes.admissionPolicy)] as const]),
    ...(ingresses === undefined ? [] : [['ingress-admission', binding(spec, 'ingresses', ingresses)] as const]),
  ];
}

function binding(spec: VirtualClusterSpec, what: string, policyName: string): ValidatingAdmissionPolicyBinding {
  return {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: {
      name: clusterScopedHostName({ name: spec.name, hostNamespace: spec.namespace }, what),
      labels: controlPlaneLabels(spec.name),
    },
    spec: {
      policyName,
      // An account that is not there makes no requests.
      paramRef: {
        name: controlPlaneNames(spec.name).serviceAccount,
        namespace: spec.namespace,
        parameterNotFoundAction: 'Allow',
      },
      matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': spec.namespace } } },
      validationActions: ['Deny'],
    },
  };
}

interface Rule {
  /** What must be true of the object, in CEL. */
  readonly rule: string;
  readonly message: string;
}

function policy(
  name: string,
  constrained: Readonly<Record<'apiGroups' | 'resources' | 'operations', string[]>>,
  rules: readonly Rule[],
): ValidatingAdmissionPolicy {
  // The package's types lack the fields of the rule.
  const resources: NamedRuleWithOperations = Object.assign({}, constrained, { apiVersions: ['v1'] });
  return {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name, labels: { ...SHARED_LABELS } },
    spec: {
      failurePolicy: 'Fail',
      paramKind: { apiVersion: 'v1', kind: 'ServiceAccount' },
      matchConstraints: { resourceRules: [resources] },
      validations: rules.map(({ rule, message }) => ({ expression: `!(${BY_SYNCER}) || (${rule})`, message })),
    },
  };
}

/** A text or a list of texts in CEL, which reads every escape that JSON writes. */
function literal(value: string | readonly string[]): string {
  return JSON.stringify(value);
}
