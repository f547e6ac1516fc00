import { Names } from 'cdk8s';
import { Construct } from 'constructs';
import { problemLine } from '../syncer/configuration';
import { claimHosts, hostProblems } from './claimed-hosts';
import { claimNames } from './claimed-names';
import { addHostObject, hostObjectName } from './host-objects';
import { sharedNameProblems } from './shared-names';
import { sharedIngressPolicy } from './shared-policies';
import type { IIngressSync, IngressAnnotationRule, IngressRules } from './spec';

/** An {@link IngressSync} that several clusters share. */
export interface IngressSyncProps extends IngressRules {
  /**
   * Name of the ValidatingAdmissionPolicy. It has no namespace: two apps for one host need different ones.
   *
   * @default - from the construct's path
   */
  readonly name?: string;
}

/**
 * What tenants' Ingresses may claim on the host and which of their annotations go there, for all clusters that it is given to.
 *
 * With `allowedHosts` or `allowedClasses` it makes a ValidatingAdmissionPolicy: beside the syncer, which tells its tenant what is
 * wrong, the API server of the host itself then refuses every Ingress of those clusters' syncers that claims more. Clusters that share one
 * share its hosts: give tenants that do not trust each other one of their own each.
 *
 * @example
 * const ingress = new IngressSync(chart, 'ingress', { allowedHosts: ['*.team-a.example.com'], allowedClasses: ['public'] });
 * new VirtualCluster(chart, 'my-vc1', { namespace: 'team-a', sync: { toHost: { ingresses: ingress } } });
 */
export class IngressSync extends Construct implements IIngressSync {
  /** Rules for annotations, before those for well-known ones. */
  readonly annotations: readonly IngressAnnotationRule[];
  /** Hosts that may be claimed; empty: every host, or none with `podSecurity: restricted`. */
  readonly allowedHosts: readonly string[];
  /** Names of IngressClasses that may be used; empty: every class. */
  readonly allowedClasses: readonly string[];
  /** Name of the ValidatingAdmissionPolicy on the host; undefined where every host and class may be claimed. */
  readonly admissionPolicy: string | undefined;

  constructor(scope: Construct, id: string, props: IngressSyncProps = {}) {
    super(scope, id);
    const name = props.name ?? Names.toDnsLabel(this);
    const { value, objects, problems } = sharedIngressPolicy(name, props);
    const { annotations, allowedHosts, allowedClasses, admissionPolicy } = value;
    this.annotations = annotations;
    this.allowedHosts = allowedHosts;
    this.allowedClasses = allowedClasses;
    this.admissionPolicy = admissionPolicy;
    for (const object of objects) addHostObject(this, object.kind ?? '', object);
    claimNames(this, objects.map(hostObjectName));
    claimHosts(this, 'allowedHosts', allowedHosts);
    this.node.addValidation({
      validate: () => [...problems, ...hostProblems(this).map(problemLine), ...sharedNameProblems(this, name)],
    });
  }
}
