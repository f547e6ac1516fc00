/** When a virtual cluster sleeps; see {@link SleepSchedule.cron}. */
export interface SleepCronProps {
  /** When it goes to sleep, as five fields of cron: `0 20 * * 1-5`. */
  readonly sleep: string;
  /**
   * When it wakes, as five fields of cron.
   *
   * @default - it stays asleep until somebody wakes it
   */
  readonly wake?: string;
  /**
   * Time zone of both, by its IANA name, such as `Europe/Berlin`.
   *
   * @default 'Etc/UTC'
   */
  readonly timeZone?: string;
}

/** Working hours; see {@link SleepSchedule.outside}. */
export interface WorkingHours {
  /** When the day begins, `HH:MM`. */
  readonly from: string;
  /** When it ends, `HH:MM`; before `from` for those who work through midnight. */
  readonly to: string;
  /**
   * Time zone of both, by its IANA name, such as `Europe/Berlin`.
   *
   * @default 'Etc/UTC'
   */
  readonly timeZone?: string;
  /**
   * Whether the cluster wakes on Saturdays and Sundays, too.
   *
   * @default false
   */
  readonly weekends?: boolean;
}

/**
 * When a virtual cluster sleeps: its control plane has no replica and the host none of its pods, while its store, volumes and
 * Services stay. Two CronJobs of the host do it, with rights on this cluster's StatefulSet, anchor and on the namespace's pods.
 *
 * Pods of controllers come back as new ones, others start again on their node as after its restart (with `restartPolicy: Never`, they
 * have failed). Applying the manifests again does not wake a cluster with one replica.
 */
export class SleepSchedule {
  /** By cron expressions, as CronJobs of Kubernetes take them. */
  static cron({ sleep, wake, timeZone = 'Etc/UTC' }: SleepCronProps): SleepSchedule {
    return new SleepSchedule(sleep, wake, timeZone);
  }

  /** At all times but working hours: `SleepSchedule.outside({ from: '07:00', to: '20:00', timeZone: 'Europe/Berlin' })`. */
  static outside({ from, to, timeZone = 'Etc/UTC', weekends = false }: WorkingHours): SleepSchedule {
    const days = weekends ? '*' : '1-5';
    // The last evening ends on Saturday where the working day ends after midnight.
    const ends = weekends ? '*' : to <= from ? '2-6' : '1-5';
    return new SleepSchedule(cronAt(to, ends), cronAt(from, days), timeZone);
  }

  private constructor(
    /** When it goes to sleep, in cron's words. */
    readonly sleep: string,
    /** When it wakes, in cron's words. */
    readonly wake: string | undefined,
    /** IANA name of the time zone. */
    readonly timeZone: string,
  ) {}
}

/** What is no time of day is kept, for the error to show. */
function cronAt(time: string, days: string): string {
  const match = /^(\d{1,2}):(\d{2})$/.exec(time);
  return match === null ? time : `${Number(match[2])} ${Number(match[1])} * * ${days}`;
}
