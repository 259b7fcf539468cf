/**
 * Leases in object storage. Who has one writes it anew while at work; whoever wants it looks at how long that is ago. Two
 * hosts' clocks may differ by hours, so none of them is asked: the age is the difference of two times of the *server*, and
 * where the server has none to offer, the time for which the lease was watched and did not change.
 */
import { hostname } from 'node:os';
import { z } from 'zod';
import { documentOrNull } from '../documents';
import { Busy, type Lease } from '../store';
import type { Found, Objects } from './objects';

const STANDING_LEASE = z.looseObject({
  holder: z.string(),
  host: z.string(),
  pid: z.number(),
  /** How long it holds after it was written. */
  seconds: z.number(),
  released: z.boolean(),
});
type StandingLease = z.infer<typeof STANDING_LEASE>;

/** The server's times are of whole seconds. */
const ROUNDING_SECONDS = 2;

export class Leases {
  /** What was seen of others' leases: as which object, and since when by a clock that is never set. */
  private readonly watched = new Map<string, { etag: string; since: number }>();

  constructor(private readonly objects: Objects) {}

  /** `what` is leased, in words for whoever comes second. Throws `Busy`. */
  async take(key: string, what: string, holder: string, seconds: number): Promise<Lease> {
    const mine = (released: boolean): string =>
      JSON.stringify({ holder, host: hostname(), pid: process.pid, seconds, released } satisfies StandingLease);
    if (!(await this.objects.create(key, mine(false)))) {
      const found = await this.objects.get(key);
      const standing = found === null ? null : parse(found);
      if (found !== null) {
        if (standing !== null && standing.holder !== holder && !this.isOver(key, standing, found)) throw busy(standing);
        if (!(await this.objects.replace(key, mine(false), found.etag))) {
          // renewed or taken since it was read
          const now = await this.objects.get(key);
          const other = now === null ? null : parse(now);
          if (other?.holder !== holder) throw busy(other ?? standing);
        }
      } else if (!(await this.objects.create(key, mine(false)))) throw busy(null);
    }
    this.watched.delete(key);
    return {
      renew: () => this.rewrite(key, holder, mine(false)),
      release: () => this.rewrite(key, holder, mine(true)),
    };

    function busy(by: StandingLease | null): Busy {
      const whom = by === null ? 'somebody else' : `${by.holder} (process ${by.pid} on ${by.host})`;
      return new Busy(`${what} is being made by ${whom}`);
    }
  }

  /** Nothing happens when somebody else has it. */
  private async rewrite(key: string, holder: string, text: string): Promise<void> {
    const found = await this.objects.get(key);
    if (found === null || parse(found)?.holder !== holder) return;
    await this.objects.replace(key, text, found.etag);
  }

  private isOver(key: string, { seconds, released }: StandingLease, { etag, written, now }: Found): boolean {
    if (released || seconds <= 0) return true;
    const seen = this.watched.get(key);
    if (seen?.etag !== etag) this.watched.set(key, { etag, since: performance.now() });
    else if (performance.now() - seen.since > seconds * 1000) return true;
    return written !== null && now !== null && now - written > (seconds + ROUNDING_SECONDS) * 1000;
  }
}

/** An unreadable lease counts as none. */
function parse({ bytes }: Found): StandingLease | null {
  return documentOrNull<StandingLease>(bytes.toString('utf8'), STANDING_LEASE);
}
