/** A part of set-up is missing; the message says which, where it should be, and the command that makes it. */
export class NotSetUp extends Error {
  override name = 'NotSetUp';
}
