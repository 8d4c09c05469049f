import { createHash } from 'node:crypto';
import { takeAbstractName } from '../shm/posix.js';
import type { Log } from './log.js';

/** What makes two sidecars send the same series to the same place. */
export interface Identity {
  readonly msbHome: string;
  readonly endpoint: string;
  readonly serviceInstanceId: string;
}

/**
 * Warns if another sidecar on this host sends the same series to the same backend.
 *
 * Each takes a socket whose name is made from what they send. Linux frees the name with the process, so a kill leaves
 * nothing behind. Elsewhere, and across network namespaces, a twin is not noticed.
 */
export function warnOfTwin({ msbHome, endpoint, serviceInstanceId }: Identity, log: Log): void {
  if (process.platform !== 'linux') {
    return;
  }
  const name = createHash('sha256')
    .update(JSON.stringify([msbHome, endpoint, serviceInstanceId]))
    .digest('hex');
  if (!takeAbstractName(`msb-metrics-${name}`)) {
    log(
      'warn',
      'msb_metrics',
      'another msb-metrics on this host sends the same series to this endpoint, so each sample arrives twice: stop one of them, or give one another --resource=service.instance.id=...',
      { msb_home: msbHome, service_instance_id: serviceInstanceId },
    );
  }
}
