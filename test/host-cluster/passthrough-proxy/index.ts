export { gatewayDefinitions, gatewayResources, passthroughGateway } from './gateway-api';
export { type HandedOn, type PassthroughProxy, type PassthroughProxyOptions, startPassthroughProxy } from './proxy';
