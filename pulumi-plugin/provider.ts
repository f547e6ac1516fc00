import { ComponentProvider } from '@pulumi/pulumi/provider/experimental/provider';
import { VirtualCluster } from './virtual-cluster';

/** The plugin: its components, and their schema from their types. */
export class NestlingProvider extends ComponentProvider {
  /**
   * @param dirname folder with the types
   */
  constructor(dirname: string) {
    super({ name: 'nestling', components: [VirtualCluster], dirname });
  }

  /** The analyzer takes a provider for a resource of its package, which is in no package's schema. */
  override async getSchema(): Promise<string> {
    const schema = await super.getSchema();
    return schema.replaceAll('/schema.json#/resources/kubernetes"', '/schema.json#/provider"');
  }
}
