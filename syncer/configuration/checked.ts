import * as z from 'zod';

/** A string for which `problem` finds nothing wrong. */
export function checked(problem: (value: string) => string | undefined): z.ZodType<string, string> {
  return z.string().superRefine((value, context) => {
    const message = problem(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}
