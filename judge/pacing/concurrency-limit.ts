/**
 * Finds how many requests at once a server takes, when no header says so.
 *
 * - Until the first rejection each clean reply adds two to the limit, so it triples with every round of replies.
 * - A rejection takes the limit back to what was accepted: the requests in flight less those rejected. Rejections of
 *   requests that had been started before are the same episode. When the first request after that is rejected, too, the
 *   server's limit may have fallen, and ours falls by a tenth at a time: no more, since it may be chance, too, where
 *   requests are under way for unequal times and arrive in bunches.
 * - Then one more is tried after some clean replies. If that holds for a round, the limit grows with every clean reply
 *   until the next rejection: a limit that has risen is found in a second or two, and one that stays costs one rejection
 *   in some thirty replies.
 * - An overloaded server does not cut the limit, it only stops its growth for a while. So does one that fails many of its
 *   requests; a few that fail are those requests' own trouble and say nothing about how many are taken.
 */

/** Requests in flight at the start, when nothing is known yet. */
export const FIRST_LIMIT = 24;
/** Added with every clean reply: at the start, and after one more was tried and taken. */
const FIRST_GROWTH = 2;
const GROWTH = 1;
const FALL = 0.9;
/** Clean replies of all workers before one of them tries one more. At most one rejection in so many replies. */
const REPLIES_BEFORE_PROBE = 30;
/** The part of about the last twenty requests that may fail before growth stops. */
const TROUBLED = 0.25;
const NEWEST = 1 / 20;

export class ConcurrencyLimit {
  /** The part of the account's replies that comes to this worker, 0-1; null: another worker tries whether more is taken. */
  private replyPart: number | null = 1;
  /** No request was ever rejected. */
  neverRejected = true;
  private limit: number;
  /** Added with every clean reply. */
  private growth = FIRST_GROWTH;
  /** Clean replies since the limit changed. */
  private clean = 0;
  /** One more than `limit` is being tried. */
  private probing = false;
  /** Requests up to this number were started before the first rejection of the present episode. */
  private episodeUpTo = -1;
  private episodeAccepted = 0;
  private cleanSinceEpisode = true;
  /** Part of the latest requests that the server failed, 0-1. */
  private troubledShare = 0;

  constructor(
    private maxInFlight: number,
    first = FIRST_LIMIT,
  ) {
    this.limit = Math.max(1, Math.min(maxInFlight, first));
  }

  /** What is known to be taken. */
  get knownLimit(): number {
    return Math.min(this.limit, this.maxInFlight);
  }

  get allowed(): number {
    return Math.min(this.limit + (this.probing ? 1 : 0), this.maxInFlight);
  }

  /**
   * Sets how many may be tried. While no worker of the account was rejected, what was taken before is taken again when
   * more may be tried; else the account counts with the known limit, and nothing above it is kept.
   */
  setMaxInFlight(maxInFlight: number, neverRejected = true): void {
    if (!neverRejected || !this.neverRejected) this.limit = Math.max(1, Math.min(maxInFlight, this.knownLimit));
    this.maxInFlight = maxInFlight;
  }

  /** Takes over a part of what another worker has found the server to take, or hands it over (negative). */
  changeBy(by: number): void {
    if (by === 0) return;
    // growing on would take back what is handed over
    if (by < 0) this.stop();
    this.limit = Math.max(1, Math.min(this.maxInFlight, this.limit + by));
  }

  /** See `replyPart`. */
  setReplyPart(part: number | null): void {
    this.replyPart = part;
    if (part === null) this.stop();
  }

  /** Another worker found that the server takes more: grow without trying one more first. */
  growAgain(): void {
    this.growth = Math.max(this.growth, GROWTH);
    this.probing = false;
  }

  /**
   * A reply came as it should. `number`: of its request, in the order of starts; `saturated`: as many as allowed were in
   * flight. Without that a reply proves nothing about more.
   */
  succeeded(number: number, saturated: boolean): void {
    this.troubledShare -= NEWEST * this.troubledShare;
    if (number > this.episodeUpTo) this.cleanSinceEpisode = true;
    if (this.replyPart === null || !saturated || number <= this.episodeUpTo || this.limit >= this.maxInFlight) return;
    this.clean++;
    if (this.growth > 0) this.limit = Math.min(this.maxInFlight, this.limit + this.growth);
    else if (this.probing && this.clean > this.limit) this.grow();
    else if (!this.probing && this.clean >= Math.max(REPLIES_BEFORE_PROBE * this.replyPart, this.limit)) this.probe();
  }

  /** The server had one too many. `started`: requests started so far; `inFlight`: this one included. */
  rejected(number: number, started: number, inFlight: number): void {
    this.stop();
    this.neverRejected = false;
    if (number <= this.episodeUpTo) {
      this.episodeAccepted--;
    } else {
      const fallen = !this.cleanSinceEpisode;
      this.episodeUpTo = started;
      this.episodeAccepted = Math.min(inFlight, fallen ? Math.floor(this.limit * FALL) + 1 : inFlight) - 1;
      this.cleanSinceEpisode = false;
    }
    this.limit = Math.max(1, Math.min(this.limit, this.episodeAccepted));
  }

  /** No growth before another round of clean replies. */
  overloaded(): void {
    this.stop();
  }

  /** The server failed a request. One failure among many replies is that request's own trouble. */
  troubled(): void {
    this.troubledShare += NEWEST * (1 - this.troubledShare);
    if (this.troubledShare > TROUBLED) this.stop();
  }

  /** The rate of requests rose too fast: half of it, and from there in small steps. */
  ramped(number: number, started: number): void {
    if (number <= this.episodeUpTo) return;
    this.episodeUpTo = started;
    this.limit = Math.max(1, Math.floor(this.limit / 2));
    this.neverRejected = false;
    this.stop();
  }

  private probe(): void {
    this.probing = true;
    this.clean = 0;
  }

  private grow(): void {
    this.limit++;
    this.probing = false;
    this.growth = GROWTH;
  }

  private stop(): void {
    this.growth = 0;
    this.probing = false;
    this.clean = 0;
  }
}
