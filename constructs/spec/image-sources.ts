import type { VersionImages } from './kubernetes-version';
import { RELEASE } from './release';

/** The images of a control plane and of what it installs. */
export interface ControlPlaneImages extends VersionImages {
  /** The syncer, of the same version as this package: it shares its code with the constructs. */
  readonly syncer: string;
}

/** Where the images of a virtual cluster come from. */
export class ImageSources {
  /** The public registries of Kubernetes and Nestling. */
  static upstream(): ImageSources {
    return new ImageSources(undefined, {});
  }

  /**
   * A registry that mirrors the public ones.
   *
   * @param prefix what takes the place of the public registry's host, without scheme and closing slash: with `registry.example.com/mirror`,
   *   `registry.k8s.io/coredns/coredns:v1.14.7` becomes `registry.example.com/mirror/coredns/coredns:v1.14.7`
   */
  static mirror(prefix: string): ImageSources {
    return new ImageSources(prefix, {});
  }

  private constructor(
    /** @internal */
    readonly prefix: string | undefined,
    /** @internal */
    readonly overrides: Partial<ControlPlaneImages>,
  ) {}

  /**
   * The same sources with the images of single components given in full, for a build of one's own or a digest.
   *
   * @param images image references by component; what is left out stays as it is
   */
  with(images: Partial<ControlPlaneImages>): ImageSources {
    return new ImageSources(this.prefix, { ...this.overrides, ...images });
  }

  /** @internal */
  resolve(version: VersionImages): ControlPlaneImages {
    const from = (image: string) =>
      this.prefix === undefined ? image : `${this.prefix}/${image.slice(image.indexOf('/') + 1)}`;
    return {
      etcd: from(version.etcd),
      kine: from(version.kine),
      kubeApiServer: from(version.kubeApiServer),
      kubeControllerManager: from(version.kubeControllerManager),
      kubeScheduler: from(version.kubeScheduler),
      coreDns: from(version.coreDns),
      syncer: from(`ghcr.io/nestling-dev/syncer:${RELEASE}`),
      ...this.overrides,
    };
  }
}
