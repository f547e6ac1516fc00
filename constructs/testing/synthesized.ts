import { App, type Chart } from 'cdk8s';

/** An object on the host, as synthesis writes it. */
export interface HostObject {
  /** API group and version, such as `apps/v1`. */
  readonly apiVersion: string;
  /** Kind, such as `StatefulSet`. */
  readonly kind: string;
  /** Name, namespace, labels and annotations. */
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** Everything else, such as `spec`. */
  readonly [field: string]: unknown;
}

/** The objects of an app or of a chart, to look things up in. */
export class Synthesized {
  /**
   * Synthesizes in memory; nothing is written.
   *
   * @throws Error with everything that is wrong with the app
   */
  static of(scope: App | Chart): Synthesized {
    const charts = scope instanceof App ? scope.charts : [scope];
    return new Synthesized(charts.flatMap((chart) => chart.toJson() as HostObject[]));
  }

  private constructor(
    /** All objects, in the order in which they are written. */
    readonly objects: readonly HostObject[],
  ) {}

  /** Objects of a kind, with some labels. */
  all(kind: string, labels: Readonly<Record<string, string>> = {}): readonly HostObject[] {
    return this.objects.filter(
      ({ kind: is, metadata }) =>
        is === kind && Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value),
    );
  }

  /**
   * The object of a kind and name.
   *
   * @param namespace needed where several namespaces have one
   * @throws Error where there is none, or several, with those that there are
   */
  find(kind: string, name: string, namespace?: string): HostObject {
    const all = this.all(kind);
    const found = all.filter(
      ({ metadata }) => metadata.name === name && (namespace === undefined || metadata.namespace === namespace),
    );
    const [first] = found;
    if (first !== undefined && found.length === 1) return first;
    const there = all.map(({ metadata }) => [metadata.namespace, metadata.name].filter(Boolean).join('/')).join(', ');
    const what = `${kind} ${[namespace, name].filter(Boolean).join('/')}`;
    throw new Error(
      found.length > 1
        ? `there are ${found.length} of ${what}: say the namespace of one of ${there}`
        : `there is no ${what}; there are: ${there || 'none of that kind'}`,
    );
  }
}
