/** A failure as API servers tell it (`metav1.Status`): clients show its message, which they do not with a plain text. */
export function failureStatus(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}
