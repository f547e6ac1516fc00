/** How the virtual API server is reached, resolved. */
export type ExposureSpec =
  | { readonly type: 'ClusterIP' }
  | { readonly type: 'NodePort'; readonly port: number | undefined }
  | {
      readonly type: 'LoadBalancer';
      readonly annotations: Readonly<Record<string, string>>;
      readonly loadBalancerClass: string | undefined;
      readonly sourceRanges: readonly string[];
    }
  | {
      readonly type: 'Ingress';
      readonly host: string;
      readonly className: string | undefined;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'TLSRoute';
      readonly host: string;
      readonly gateway: GatewayReference;
      readonly apiVersion: 'v1' | 'v1alpha3' | 'v1alpha2';
    };

/** What of an exposure clients see, and the syncer cannot find at the Service. */
export interface ExposureReach {
  /** Name that clients call; the API server's certificate is valid for it. */
  readonly host?: string;
  /** Port that clients call there. */
  readonly port?: number;
  /** Name or address of nodes. */
  readonly nodeAddress?: string;
}

/** A port of every node. */
export interface NodePortExposureProps {
  /**
   * The port, in the host's range (30000 to 32767 where it was not changed).
   *
   * @default - one that the host chooses and keeps
   */
  readonly port?: number;
  /**
   * Name or address of nodes in kubeconfigs for outside, and in the certificate. Further ones go into `apiServerNames`.
   *
   * @default - the address of the node that the control plane is on
   */
  readonly address?: string;
}

/** A load balancer of the host's cloud. Its address is learned when the host gives it, and is in the certificate then. */
export interface LoadBalancerExposureProps {
  /**
   * Annotations of the Service, which tell the host's cloud what kind of load balancer it should make.
   *
   * @default - none
   */
  readonly annotations?: Readonly<Record<string, string>>;
  /**
   * Whose load balancer it is. Cannot be changed while the Service is of this type.
   *
   * @default - the host's default
   */
  readonly loadBalancerClass?: string;
  /**
   * Address ranges (CIDRs) of clients that are let through, where the load balancer can tell.
   *
   * @default - all
   */
  readonly sourceRanges?: readonly string[];
  /**
   * Name in kubeconfigs for outside, such as one that leads to the load balancer in your DNS; it is in the certificate.
   *
   * @default - the load balancer's address
   */
  readonly host?: string;
}

/** An Ingress whose controller hands TLS on as it is: the API server needs its clients' certificates. */
export interface IngressExposureProps {
  /** Name that clients call, which leads to the Ingress controller in your DNS. It is in the certificate. */
  readonly host: string;
  /** How the controller is told to hand TLS on. */
  readonly passthrough: TlsPassthrough;
  /**
   * Class of the Ingress.
   *
   * @default - the host's default
   */
  readonly className?: string;
  /**
   * Port that clients call.
   *
   * @default 443
   */
  readonly port?: number;
}

/** A Gateway of the host, as a route names it. */
export interface GatewayReference {
  /** Name of the Gateway. It needs a listener of protocol TLS and mode Passthrough that lets routes of the host namespace in. */
  readonly name: string;
  /**
   * Its namespace.
   *
   * @default - the host namespace
   */
  readonly namespace?: string;
  /**
   * Which of its listeners.
   *
   * @default - all that fit
   */
  readonly sectionName?: string;
}

/** A TLSRoute of the Gateway API, which leads clients by the name in their TLS greeting. */
export interface TlsRouteExposureProps {
  /** Name that clients call, which leads to the Gateway in your DNS. It is in the certificate. */
  readonly host: string;
  /** The Gateway that the route belongs to. */
  readonly gateway: GatewayReference;
  /**
   * Port that clients call.
   *
   * @default 443
   */
  readonly port?: number;
  /**
   * Version of TLSRoute that the host has: v1 from Gateway API 1.5, v1alpha3 in 1.4, v1alpha2 before.
   *
   * @default 'v1'
   */
  readonly apiVersion?: 'v1' | 'v1alpha3' | 'v1alpha2';
}

/** How an Ingress controller is told to hand TLS on as it is. */
export class TlsPassthrough {
  /** ingress-nginx, which must run with the flag `--enable-ssl-passthrough`. */
  static ingressNginx(): TlsPassthrough {
    return new TlsPassthrough({
      'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS',
      'nginx.ingress.kubernetes.io/ssl-passthrough': 'true',
      'nginx.ingress.kubernetes.io/ssl-redirect': 'true',
    });
  }

  /** HAProxy Ingress (haproxy-ingress.github.io). */
  static haproxyIngress(): TlsPassthrough {
    return new TlsPassthrough({ 'haproxy-ingress.github.io/ssl-passthrough': 'true' });
  }

  /** HAProxy Technologies' controller (haproxy.org). */
  static haproxyTechnologies(): TlsPassthrough {
    return new TlsPassthrough({ 'haproxy.org/ssl-passthrough': 'true' });
  }

  /** Another controller, by its own annotations. */
  static annotations(annotations: Readonly<Record<string, string>>): TlsPassthrough {
    return new TlsPassthrough(annotations);
  }

  private constructor(
    /** Annotations of the Ingress. */
    readonly annotations: Readonly<Record<string, string>>,
  ) {}
}

/**
 * How the virtual API server is reached. Inside of the host it always is at Service NAME, whose ClusterIP stays the same when the
 * exposure changes.
 */
export class Exposure {
  /** From inside the host cluster only, at Service NAME; from outside by port-forward. */
  static clusterIP(): Exposure {
    return new Exposure({ type: 'ClusterIP' }, {});
  }

  /** At a port of every node of the host. */
  static nodePort({ port, address }: NodePortExposureProps = {}): Exposure {
    return new Exposure({ type: 'NodePort', port }, address === undefined ? {} : { nodeAddress: address });
  }

  /** At a load balancer of the host's cloud. */
  static loadBalancer(props: LoadBalancerExposureProps = {}): Exposure {
    const { annotations = {}, loadBalancerClass, sourceRanges = [], host } = props;
    return new Exposure({ type: 'LoadBalancer', annotations, loadBalancerClass, sourceRanges }, named(host));
  }

  /** By way of the host's Ingress controller. */
  static ingress({ host, passthrough, className, port }: IngressExposureProps): Exposure {
    return new Exposure({ type: 'Ingress', host, className, annotations: passthrough.annotations }, named(host, port));
  }

  /** By way of a Gateway of the host. */
  static tlsRoute({ host, gateway, port, apiVersion = 'v1' }: TlsRouteExposureProps): Exposure {
    return new Exposure({ type: 'TLSRoute', host, gateway, apiVersion }, named(host, port));
  }

  private constructor(
    /** What is made on the host. */
    readonly spec: ExposureSpec,
    /** What clients see. */
    readonly reach: ExposureReach,
  ) {}
}

function named(host: string | undefined, port = 443): ExposureReach {
  return host === undefined ? {} : { host, port };
}
