import { firstValueFrom, lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../../src/sinks/otlp/transport/answer.js';
import {
  renewedWhenIdle,
  retriedAfterReset,
} from '../../../../src/sinks/otlp/transport/fresh-connections.js';
import type { Transport } from '../../../../src/sinks/otlp/transport/transport.js';

const MINUTE = 60_000;

const request = new Uint8Array([1]);
const accepted: Answer = { kind: 'accepted' };

describe('a transport that is renewed when idle', () => {
  function renewed() {
    const log: string[] = [];
    let created = 0;
    const clock = { wall: 1_000_000, monotonic: 5_000 };
    const transport = renewedWhenIdle(
      () => {
        const number = ++created;
        log.push(`create ${number}`);
        return {
          send: () => {
            log.push(`send ${number}`);
            return of(accepted);
          },
          close: () => log.push(`close ${number}`),
        };
      },
      { wallMillis: () => clock.wall, monotonicMillis: () => clock.monotonic },
    );
    return { log, clock, transport, send: () => firstValueFrom(transport.send(request)) };
  }

  it('uses its connection again within a minute', async () => {
    const { log, clock, send } = renewed();
    await send();
    clock.monotonic += MINUTE - 1;
    clock.wall += MINUTE - 1;
    await send();
    expect(log).toEqual(['create 1', 'send 1', 'send 1']);
  });

  it.each(['wall', 'monotonic'] as const)('takes a new one after a minute by the %s clock', async (which) => {
    const { log, clock, send } = renewed();
    await send();
    clock[which] += MINUTE;
    await send();
    expect(log).toEqual(['create 1', 'send 1', 'close 1', 'create 2', 'send 2']);
  });

  it('closes what it has, if it has any', async () => {
    const { log, transport, send } = renewed();
    transport.close();
    expect(log).toEqual([]);
    await send();
    transport.close();
    expect(log).toEqual(['create 1', 'send 1', 'close 1']);
  });
});

describe('a transport that tries again after a reset', () => {
  function scripted(...answers: readonly Answer[]) {
    let sent = 0;
    const inner: Transport = { send: () => of(answers[sent++]), close: () => {} };
    const answer = lastValueFrom(retriedAfterReset(inner).send(request).pipe(toArray()));
    return answer.then((all) => ({ all, sent }));
  }
  const failed = (wasReset?: boolean): Answer => ({
    kind: 'failed',
    error: new Error('x'),
    ...(wasReset === undefined ? {} : { wasReset }),
  });

  it('makes one more attempt, and one only', async () => {
    expect(await scripted(failed(true), accepted)).toEqual({ all: [accepted], sent: 2 });
    expect(await scripted(failed(true), failed(true), accepted)).toEqual({ all: [failed(true)], sent: 2 });
  });

  it.each([accepted, failed(), failed(false)])('makes none after %j', async (answer) => {
    expect(await scripted(answer, accepted)).toEqual({ all: [answer], sent: 1 });
  });
});
