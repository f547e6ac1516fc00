/** What a context that `connect` made says of itself, in its extension `nestling`. */
export interface ConnectedContext {
  /** Name of the virtual cluster. */
  readonly cluster: string;
  /** Its namespace on the host. */
  readonly namespace: string;
  /** Context of the host. */
  readonly parent: string;
  /** What was current before, and is again after `disconnect`. */
  readonly previous?: string;
}

/**
 * Where a context of a kubeconfig leads, if `connect` made it.
 *
 * @param entry a context, or the item of the list around it
 */
export function connectionOf(entry: unknown): ConnectedContext | undefined {
  const item = entry as { context?: unknown; extensions?: unknown } | undefined;
  const context = (item?.context ?? item) as { extensions?: unknown } | undefined;
  const extensions = Array.isArray(context?.extensions) ? (context.extensions as unknown[]) : [];
  for (const one of extensions as { name?: unknown; extension?: Record<string, unknown> }[]) {
    if (one?.name !== 'nestling') continue;
    const { cluster, namespace, parent, previous } = one.extension ?? {};
    if (typeof cluster !== 'string' || typeof namespace !== 'string' || typeof parent !== 'string') return undefined;
    return { cluster, namespace, parent, ...(typeof previous === 'string' && { previous }) };
  }
  return undefined;
}
