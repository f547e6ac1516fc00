import { fieldRule, hostLabelKey, LABELS } from '../../syncer/translation';
import { leavesOf, pathText, type JsonObject, type Leaf } from './leaves';

/** What became of one field. */
export interface ExplainedField {
  /** Where it stands: of the tenant's object, or of the host's where the tenant's has none. */
  readonly path: string;
  /** `kept`: the same on the host; `changed`: there with another value or under another key; `added`: of the host alone; `left out`: of the tenant alone. */
  readonly change: 'kept' | 'changed' | 'added' | 'left out';
  /**
   * Where it stands on the host, if elsewhere: labels have other keys there.
   *
   * @default - at `path`
   */
  readonly hostPath?: string;
  /**
   * The tenant's value.
   *
   * @default - the tenant's object has no such field
   */
  readonly virtual?: unknown;
  /**
   * The host's value.
   *
   * @default - the host's object has no such field
   */
  readonly host?: unknown;
  /** Why. */
  readonly rule: string;
}

const PATCHED = 'set by a field patch of the platform (sync.patches)';

/** Why fields stand on the host that the tenant did not write, or not so; the first that fits. */
const REASONS: readonly (readonly [kind: string, path: RegExp, why: string])[] = [
  [
    '*',
    /^metadata\.name$/,
    'the name on the host: NAME-x-NAMESPACE-x-CLUSTER, hashed where that is too long or ambiguous',
  ],
  ['*', /^metadata\.namespace$/, 'everything of a virtual cluster is in its one host namespace'],
  [
    '*',
    /^metadata\.labels\["(nestling\.dev|endpointslice\.kubernetes\.io)\//,
    "marks the object as this virtual cluster's",
  ],
  ['*', /^metadata\.labels/, "a tenant's label, under a key that nothing on the host looks for"],
  ['*', /^metadata\.annotations\["nestling\.dev\//, 'tells what the object is the twin of'],
  ['*', /^metadata\.ownerReferences/, "owned by the cluster's anchor: it goes with the virtual cluster"],
  ['*', /^metadata\.finalizers/, 'finalizers are for controllers of the virtual cluster'],
  ['*', /^metadata\./, 'stays in the virtual cluster: metadata drives controllers of the host'],
  ['*', /^status/, 'status comes from the host and never goes there'],
  ['Pod', /^spec\.serviceAccount(Name)?$/, "tenants' pods run on the host as an account without rights"],
  [
    'Pod',
    /^spec\.automountServiceAccountToken$/,
    'no pod gets a token of the host; those of the virtual cluster are mounted from a Secret',
  ],
  [
    'Pod',
    /^spec\.enableServiceLinks$/,
    "links would be those of the host's Services; the variables of the tenant's are written out",
  ],
  ['Pod', /\.env\[name=KUBERNETES_/, "leads the pod to its own cluster's API server"],
  [
    'Pod',
    /\.env\[name=/,
    "what the host would fill in differently is written out: variables of the tenant's Services, names of the virtual cluster",
  ],
  [
    'Pod',
    /^spec\.dns(Policy|Config)/,
    'asks the name server of the virtual cluster, with the options that the pod has itself',
  ],
  ['Pod', /^spec\.nodeSelector/, 'the nodes that the platform enforces'],
  [
    'Pod',
    /^spec\.affinity/,
    'the node that the pod names, or what it asks of the names of nodes, as the host schedules by them',
  ],
  ['Pod', /^spec\.nodeName$/, 'the host schedules: a node that the tenant names is a requirement of its affinity'],
  ['Pod', /^spec\.priority/, 'a priority counts on the host only by a class that the platform shows or syncs'],
  ['Pod', /^spec\.initContainers/, 'writes /etc/hosts, so that `hostname -f` answers as in an ordinary cluster'],
  ['Pod', /^spec\.volumes/, 'what a kubelet of the virtual cluster would put there is kept beside the pod'],
  ['Pod', /^spec\.hostname/, 'the name that the pod has in its own cluster'],
  ['Service', /^spec\.selector/, 'selects only pods of the same virtual namespace'],
  ['Ingress', /^spec\.ingressClassName$/, 'the first class that the platform allows'],
  [
    'NetworkPolicy',
    /^spec\./,
    "selects only the tenant's own pods, and opens nothing that the platform has not allowed",
  ],
  [
    'PriorityClass',
    /^(value|globalDefault)$/,
    'at most the value that the platform allows, and never the default of the host',
  ],
];

/**
 * What became of each field of an object.
 *
 * @param translated the host's object before field patches, to tell what those did
 */
export function explainFields(
  kind: string,
  virtual: JsonObject,
  host: JsonObject,
  translated: JsonObject,
): ExplainedField[] {
  const theirs = leavesOf(host);
  const before = leavesOf(translated);
  const explained: ExplainedField[] = [];
  const seen = new Set<string>(['apiVersion', 'kind']);
  for (const [text, leaf] of leavesOf(virtual)) {
    if (text === 'apiVersion' || text === 'kind') continue;
    const found = twinOf(leaf, theirs);
    if (found === undefined) {
      const rule = before.has(text) ? PATCHED : whyLeftOut(kind, text, leaf);
      explained.push({ path: text, change: 'left out', virtual: leaf.value, rule });
      continue;
    }
    const [place, twin] = found;
    seen.add(place);
    const isSame = place === text && isEqual(leaf.value, twin.value);
    explained.push({
      path: text,
      ...(place === text ? {} : { hostPath: place }),
      change: isSame ? 'kept' : 'changed',
      virtual: leaf.value,
      host: twin.value,
      rule: isPatched(place, twin, before) ? PATCHED : isSame ? whyKept(text) : whyChanged(kind, text, leaf),
    });
  }
  for (const [text, leaf] of theirs) {
    if (seen.has(text)) continue;
    const rule = isPatched(text, leaf, before) ? PATCHED : (reason(kind, text) ?? 'added by the translation');
    explained.push({ path: text, change: 'added', host: leaf.value, rule });
  }
  return explained;
}

/** Where a field of the tenant stands on the host: in its place, or beside it under the key that a label has there. */
function twinOf({ path }: Leaf, theirs: ReadonlyMap<string, Leaf>): readonly [string, Leaf] | undefined {
  const last = path.at(-1) ?? '';
  const places = [[...path.slice(0, -1), hostLabelKey(last)]];
  // Our own labels stand under keys that a tenant may use for something else.
  if (!Object.values<string>(LABELS).includes(last)) places.push([...path]);
  for (const place of places) {
    const text = pathText(place);
    const leaf = theirs.get(text);
    if (leaf !== undefined) return [text, leaf];
  }
  return undefined;
}

function isPatched(text: string, leaf: Leaf, before: ReadonlyMap<string, Leaf>): boolean {
  const translated = before.get(text);
  return translated === undefined || !isEqual(translated.value, leaf.value);
}

function whyKept(text: string): string {
  return text.startsWith('metadata.') ? 'allowed by the rules for annotations' : 'means the same on the host';
}

function whyChanged(kind: string, text: string, leaf: Leaf): string {
  const rule = fieldRule(kind, leaf.path);
  if (rule?.class === 'reference') return `the name of a ${rule.to}: that of its twin on the host`;
  return reason(kind, text) ?? 'rewritten to what means the same on the host';
}

function whyLeftOut(kind: string, text: string, leaf: Leaf): string {
  const rule = fieldRule(kind, leaf.path);
  if (rule?.class === 'dropped') return rule.why;
  return reason(kind, text) ?? 'the host has it in another form, or needs it not';
}

function reason(kind: string, text: string): string | undefined {
  return REASONS.find(([of, path]) => (of === '*' || of === kind) && path.test(text))?.[2];
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
