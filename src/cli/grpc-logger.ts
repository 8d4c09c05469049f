/** Loaded only where gRPC is spoken. */
export { setLogger } from '@grpc/grpc-js';
