import * as z from 'zod';
import {
  ImageSources,
  KubeconfigServer,
  KubernetesVersion,
  PodSecurityLevel,
  RightsScope,
  Scheduler,
  SleepSchedule,
} from '..';
import type {
  ContainerResources,
  ControlPlaneImages,
  ControlPlaneResources,
  DnsProps,
  HostServiceReference,
  HostServicesProps,
  KubeconfigProps,
  PublishedServiceProps,
  ShownServiceProps,
  SleepCronProps,
  VirtualClusterProps,
  VirtualServiceReference,
  WorkingHours,
} from '..';
import { cpu, duration, size } from './amounts';
import { exposure } from './exposure';
import { isolation } from './isolation';
import { store } from './store';
import { sync } from './sync';
import { plainly, propsOf, valueType, withNamed, withProps, withoutUndefined, type Plain } from './value-types';

const text = z.string().optional();
const texts = z.array(z.string()).optional();

/** Its number, or a minor, which stands for the patch release of it that this release runs. */
const version = z.codec(
  z
    .string('is no version: write it as a text, such as "1.37"')
    .regex(/^v?\d+\.\d+(?:\.\d+)?$/, 'is no version: write one such as "1.37" or "1.37.2"'),
  z.custom<KubernetesVersion>(
    (value) => typeof (value as KubernetesVersion | null | undefined)?.version === 'string',
    'is no KubernetesVersion: use one such as KubernetesVersion.V1_37',
  ),
  {
    decode: (given) => {
      const wanted = given.replace(/^v/, '');
      return KubernetesVersion.of(KubernetesVersion.supported.find((one) => one.startsWith(`${wanted}.`)) ?? wanted);
    },
    encode: (value) => value.version,
  },
);

const given = {
  with: propsOf<Partial<ControlPlaneImages>>('ControlPlaneImages', {
    etcd: text,
    kine: text,
    kubeApiServer: text,
    kubeControllerManager: text,
    kubeScheduler: text,
    coreDns: text,
    syncer: text,
  }).optional(),
};
type Given = { readonly with?: Partial<ControlPlaneImages> };

const images = valueType<ImageSources, typeof ImageSources>(
  ImageSources,
  {
    upstream: {
      ...withNamed(({ with: own = {} }: Given) => ImageSources.upstream().with(withoutUndefined(own)), given),
      alone: true,
    },
    mirror: withNamed(
      ({ prefix, with: own = {} }: Given & { readonly prefix: string }) =>
        ImageSources.mirror(prefix).with(withoutUndefined(own)),
      { prefix: z.string(), ...given },
    ),
  },
  {
    has: (value) => typeof value.with === 'function',
    plain: ({ prefix, overrides }): Plain => {
      const own = Object.keys(overrides).length === 0 ? undefined : overrides;
      return prefix === undefined ? { type: 'upstream', with: own } : { type: 'mirror', prefix, with: own };
    },
    wrong: 'is no ImageSources: use one of its factories, such as ImageSources.mirror("registry.example.com/mirror")',
  },
);

const scheduler = valueType<Scheduler, typeof Scheduler>(
  Scheduler,
  { host: plainly(Scheduler.host), virtual: plainly(Scheduler.virtual) },
  {
    has: ({ mode }) => typeof mode === 'string',
    plain: ({ mode }) => ({ type: mode }),
    wrong: 'is no Scheduler: use Scheduler.host() or Scheduler.virtual()',
  },
);

const sleep = valueType<SleepSchedule, typeof SleepSchedule>(
  SleepSchedule,
  {
    cron: withProps<SleepSchedule, SleepCronProps>(SleepSchedule.cron, 'SleepCronProps', {
      sleep: z.string(),
      wake: text,
      timeZone: text,
    }),
    outside: withProps<SleepSchedule, WorkingHours>(SleepSchedule.outside, 'WorkingHours', {
      from: z.string(),
      to: z.string(),
      timeZone: text,
      weekends: z.boolean().optional(),
    }),
  },
  {
    has: (value) => typeof value.sleep === 'string',
    plain: (value) => ({ type: 'cron', sleep: value.sleep, wake: value.wake, timeZone: value.timeZone }),
    wrong:
      'is no SleepSchedule: use one of its factories, such as SleepSchedule.outside({ from: "07:00", to: "20:00" })',
  },
);

const server = valueType<KubeconfigServer, typeof KubeconfigServer>(
  KubeconfigServer,
  {
    inside: plainly(KubeconfigServer.inside),
    outside: plainly(KubeconfigServer.outside),
    url: withNamed(({ url }: { url: string }) => KubeconfigServer.url(url), { url: z.string() }),
  },
  {
    has: ({ value }) => typeof value === 'string',
    plain: ({ value }): Plain =>
      value === 'inside' || value === 'outside' ? { type: value } : { type: 'url', url: value },
    wrong: 'is no KubeconfigServer: use one of its factories, such as KubeconfigServer.inside()',
  },
);

const container = propsOf<ContainerResources>('ContainerResources', {
  cpuRequest: cpu.optional(),
  cpuLimit: cpu.optional(),
  memoryRequest: size.optional(),
  memoryLimit: size.optional(),
}).optional();

const virtualService = propsOf<VirtualServiceReference>('VirtualServiceReference', {
  namespace: z.string(),
  name: z.string(),
});

const hostServices = propsOf<HostServicesProps>('HostServicesProps', {
  toVirtual: z
    .array(
      propsOf<ShownServiceProps>('ShownServiceProps', {
        host: propsOf<HostServiceReference>('HostServiceReference', { namespace: text, name: z.string() }),
        virtual: virtualService,
        headless: z.boolean().optional(),
      }),
    )
    .optional(),
  toHost: z
    .array(
      propsOf<PublishedServiceProps>('PublishedServiceProps', {
        virtual: virtualService,
        host: z.strictObject({ name: z.string() }),
      }),
    )
    .optional(),
});

/**
 * What a settings file says: all properties of the construct, under its names. Where the construct takes a value of a class, the file has
 * the name of the class's factory under `type` and its parameters beside it. Read with `z.decode`, written with `z.encode`.
 */
export const settingsSchema = propsOf<VirtualClusterProps>('VirtualClusterProps', {
  name: text,
  namespace: text,
  version: version.optional(),
  replicas: z.literal([1, 3]).optional(),
  store: store.optional(),
  images: images.optional(),
  resources: propsOf<ControlPlaneResources>('ControlPlaneResources', {
    etcd: container,
    kubeApiServer: container,
    kubeControllerManager: container,
    kubeScheduler: container,
    syncer: container,
  }).optional(),
  serviceCIDR: text,
  clusterDomain: text,
  dns: propsOf<DnsProps>('DnsProps', {
    enabled: z.boolean().optional(),
    replicas: z.int().optional(),
    forward: texts,
  }).optional(),
  isolation: isolation.optional(),
  podSecurity: z.enum(PodSecurityLevel).optional(),
  allowedCSIDrivers: texts,
  scheduler: scheduler.optional(),
  exposure: exposure.optional(),
  kubeconfigs: z
    .array(propsOf<KubeconfigProps>('KubeconfigProps', { secretName: z.string(), server: server.optional() }))
    .optional(),
  certificateLifetime: duration.optional(),
  apiServerNames: texts,
  sleep: sleep.optional(),
  scope: z.enum(RightsScope).optional(),
  hostVersion: text,
  sync: sync.optional(),
  manifests: z.array(z.unknown().meta({ type: 'object' }) as unknown as z.ZodType<object>).optional(),
  hostServices: hostServices.optional(),
});
