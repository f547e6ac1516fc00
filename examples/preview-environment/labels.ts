/** On namespaces of previews: the number of the pull request. */
export const PREVIEW = 'preview.example.org/pull-request';
/** On namespaces of previews: RFC 3339 time after which the preview may go. */
export const EXPIRES = 'preview.example.org/expires';
