import { version } from '@pulumi/kubernetes/package.json';

/** Version of the plugin that programs ask for: that of their SDK. */
export const VERSION = version;
