import type { CronJob } from 'kubernetes-types/batch/v1';
import type { ServiceAccount } from 'kubernetes-types/core/v1';
import type { Role, RoleBinding } from 'kubernetes-types/rbac/v1';
import { controlPlaneLabels, controlPlaneNames } from '../../syncer/configuration';
import type { SleepScheduleSpec, VirtualClusterSpec } from '../spec';
import { containerSecurity, POD_SECURITY_CONTEXT } from './container-security';
import { POD_NAMESPACE } from './environment';
import type { KubernetesObject } from './host-object';

/** How long after its time a step is still made, in seconds: a host that was down over the hour catches up. */
const LATEST_SECONDS = 3_600;

/** How long a step may take, in seconds: tenants' pods have their grace periods. */
const DEADLINE_SECONDS = 1_800;

/** What puts the cluster to sleep and wakes it, by the clock; nothing where there is no schedule. */
export function sleepObjects(spec: VirtualClusterSpec): readonly (readonly [string, KubernetesObject])[] {
  const { sleep } = spec;
  if (sleep === undefined) return [];
  const wake = sleep.wake === undefined ? [] : [['sleep-resume', cronJob(spec, sleep, 'resume', sleep.wake)] as const];
  return [
    ['sleep-service-account', serviceAccount(spec)],
    ['sleep-role', role(spec)],
    ['sleep-role-binding', roleBinding(spec)],
    ['sleep-pause', cronJob(spec, sleep, 'pause', sleep.sleep)],
    ...wake,
  ];
}

/** ServiceAccount of the jobs of a sleep schedule. */
export function sleepAccountName(clusterName: string): string {
  return `${clusterName}-sleep`;
}

function metadata({ name, namespace }: VirtualClusterSpec, suffix: string) {
  return { name: `${name}-${suffix}`, namespace, labels: controlPlaneLabels(name, 'sleep') };
}

function serviceAccount(spec: VirtualClusterSpec): ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata(spec, 'sleep'),
    automountServiceAccountToken: false,
  };
}

/**
 * The scale alone: who may patch a StatefulSet may run any image as its account. RBAC cannot tell pods by label: the job takes only those that
 * are the cluster's by label, annotations and name.
 */
function role(spec: VirtualClusterSpec): Role {
  const names = controlPlaneNames(spec.name);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: metadata(spec, 'sleep'),
    rules: [
      {
        apiGroups: ['apps'],
        resources: ['statefulsets/scale'],
        resourceNames: [names.statefulSet],
        verbs: ['get', 'patch'],
      },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: [names.anchor], verbs: ['get', 'patch'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'delete'] },
    ],
  };
}

function roleBinding(spec: VirtualClusterSpec): RoleBinding {
  const { name, namespace, labels } = metadata(spec, 'sleep');
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace, labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
}

function cronJob(
  spec: VirtualClusterSpec,
  { timeZone }: SleepScheduleSpec,
  command: 'pause' | 'resume',
  schedule: string,
): CronJob {
  const { labels, ...named } = metadata(spec, command);
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { ...named, labels },
    spec: {
      schedule,
      timeZone,
      // A step that is still under way is the one before: the last one counts.
      concurrencyPolicy: 'Replace',
      startingDeadlineSeconds: LATEST_SECONDS,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        metadata: { labels },
        spec: {
          activeDeadlineSeconds: DEADLINE_SECONDS,
          backoffLimit: 6,
          template: {
            metadata: { labels },
            spec: {
              serviceAccountName: sleepAccountName(spec.name),
              automountServiceAccountToken: true,
              enableServiceLinks: false,
              restartPolicy: 'OnFailure',
              securityContext: POD_SECURITY_CONTEXT,
              containers: [
                {
                  name: command,
                  image: spec.images.syncer,
                  imagePullPolicy: 'IfNotPresent',
                  args: [command, spec.name],
                  env: [POD_NAMESPACE],
                  resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
                  securityContext: containerSecurity(),
                  terminationMessagePolicy: 'FallbackToLogsOnError',
                },
              ],
            },
          },
        },
      },
    },
  };
}
