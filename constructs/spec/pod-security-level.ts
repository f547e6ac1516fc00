/** Pod Security Standard that every tenant's pod must meet in the form in which it runs on the host. */
export enum PodSecurityLevel {
  /** Anything the host lets pass: only for tenants who may do what the platform may. */
  PRIVILEGED = 'privileged',
  /** Nothing that is known to reach the node: no host namespaces, host paths, privileged containers. */
  BASELINE = 'baseline',
  /** Hardened: non-root, no privilege escalation, no capabilities, the runtime's seccomp profile. */
  RESTRICTED = 'restricted',
}
