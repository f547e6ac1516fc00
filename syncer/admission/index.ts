export { AdmissionServer, type AdmissionServerOptions } from './admission-server';
export type { AdmissionDecision, AdmissionHandler, AdmissionRequest, Refusal } from './review';
export { ServiceAdmission, type ServiceAdmissionOptions } from './service-admission';
export { rangeAround, rangeName, ServiceRanges } from './service-ranges';
export { removeFormerWebhook, WebhookGuard, type WebhookGuardOptions } from './webhook-guard';
