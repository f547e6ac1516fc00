import type { ConfigurationProblem } from '../../syncer/configuration';
import type { SleepSchedule } from './sleep-schedule';

/** Lowest and highest value of cron's five fields. */
const RANGES = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** Names that two of the fields take, by field. */
const NAMES: Readonly<Record<number, RegExp>> = {
  3: /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)$/i,
  4: /^(sun|mon|tue|wed|thu|fri|sat)$/i,
};

/** Names of CronJobs have at most 52 characters, as those of their Jobs add eleven to 63: what `-resume` leaves. */
const MAX_NAME = 52 - '-resume'.length;

/** What is wrong with a sleep schedule. */
export function sleepProblems(schedule: SleepSchedule, name: string): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  for (const field of ['sleep', 'wake'] as const) {
    const value = schedule[field];
    if (value === undefined || isCron(value)) continue;
    const message = 'is no schedule: write five fields of cron, such as 0 20 * * 1-5, or a time of day as HH:MM';
    problems.push({ field: `sleep.${field}`, value, message });
  }
  if (!isTimeZone(schedule.timeZone)) {
    const message = 'is no time zone: write its IANA name, such as Europe/Berlin';
    problems.push({ field: 'sleep.timeZone', value: schedule.timeZone, message });
  }
  if (name.length > MAX_NAME) {
    const message = `is too long for the CronJobs of a sleep schedule: give at most ${MAX_NAME} characters, or leave out sleep`;
    problems.push({ field: 'name', value: name, message });
  }
  return problems;
}

function isCron(text: string): boolean {
  const fields = text.split(/ +/);
  return fields.length === RANGES.length && fields.every((field, index) => isCronField(field, index));
}

function isCronField(field: string, index: number): boolean {
  const [lowest, highest] = RANGES[index] ?? [0, 0];
  const isValue = (text: string): boolean =>
    (/^\d{1,2}$/.test(text) && Number(text) >= lowest && Number(text) <= highest) || NAMES[index]?.test(text) === true;
  return field.split(',').every((part) => {
    const [range = '', step, ...more] = part.split('/');
    if (more.length > 0 || (step !== undefined && !/^[1-9]\d?$/.test(step))) return false;
    const ends = range.split('-');
    return range === '*' || (ends.length <= 2 && ends.every(isValue));
  });
}

/** As the API server does, `Local` is refused: it would be that of the host's controller manager. */
function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}
