import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi';
import { sharedIngressPolicy } from '../constructs/shared-policies';
import type { IIngressSync, IngressAnnotationRule, IngressRules } from '../constructs/spec';
import { registerPolicy } from './shared-policy';

/** What the Ingresses of several clusters may claim: what the construct of that name takes, all known at preview. */
export interface IngressSyncArgs extends IngressRules {
  /**
   * Name of the ValidatingAdmissionPolicy. It has no namespace: two stacks for one host need different ones. Changing it replaces the policy.
   *
   * @default - the name of the Pulumi resource
   */
  readonly name?: string;
}

/**
 * What tenants' Ingresses may claim on the host, for all clusters that it is given to. It makes on the host what the construct of that name
 * does; a cluster that is given it is made after it and deleted before it.
 *
 * @example
 * const ingress = new IngressSync('ingress', { allowedHosts: ['*.team-a.example.com'], allowedClasses: ['public'] });
 * new VirtualCluster('my-vc1', { namespace: 'team-a', sync: { toHost: { ingresses: ingress } } });
 */
export class IngressSync extends ComponentResource implements IIngressSync {
  /** Rules for annotations, before those for well-known ones. */
  declare readonly annotations: readonly IngressAnnotationRule[];
  /** Hosts that may be claimed; empty: every host, or none with `podSecurity: restricted`. */
  declare readonly allowedHosts: readonly string[];
  /** Names of IngressClasses that may be used; empty: every class. */
  declare readonly allowedClasses: readonly string[];
  /** Name of the ValidatingAdmissionPolicy on the host; undefined where every host and class may be claimed. */
  declare readonly admissionPolicy: string | undefined;

  /** @throws ResourceError for arguments that are wrong, all at once, each with its name, value and remedy */
  constructor(name: string, args: IngressSyncArgs = {}, options?: ComponentResourceOptions) {
    super('nestling:index:IngressSync', name, {}, options);
    Object.assign(this, registerPolicy(this, name, sharedIngressPolicy(args.name ?? name, args)));
  }
}
