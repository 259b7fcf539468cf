/**
 * Which addresses a worker may ask on behalf of somebody else: public ones only. What listens on the worker's own machine
 * or network trusts whoever reaches it, so a request from elsewhere must not borrow the worker's place in it.
 *
 * The address is looked at when the connection is made, after the name was resolved, so a name that resolves to another
 * address the second time gains nothing. Where connections go through a proxy, names are
 * resolved by the proxy and are its concern; hosts that are written as addresses are checked here all the same.
 */
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Agent, type Dispatcher } from 'undici';

/** A host that is not public; the message does not say more than the request knew. */
export class PrivateAddress extends Error {
  override name = 'PrivateAddress';

  constructor() {
    super('the host is not a public address, and this worker asks no others for other clients');
  }
}

/** IANA's special-purpose ranges: this network, private, shared (CGNAT), loopback, link-local with cloud metadata, tests, multicast. */
const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** Of the global unicast range: protocol assignments with Teredo, documentation, 6to4. They hold other addresses inside, or nobody's. */
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const special = new BlockList();
const globalUnicast = new BlockList();
for (const range of SPECIAL_V4) special.addSubnet(...parts(range), 'ipv4');
for (const range of SPECIAL_V6) special.addSubnet(...parts(range), 'ipv6');
globalUnicast.addSubnet('2000::', 3, 'ipv6');

function parts(range: string): [string, number] {
  const [network = '', bits] = range.split('/');
  return [network, Number(bits)];
}

/** An IPv6 address is public when it is global unicast and not special; so a mapped or translated IPv4 address is none. */
export function isPublic(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  switch (isIP(plain)) {
    case 4:
      return !special.check(plain, 'ipv4');
    case 6:
      return globalUnicast.check(plain, 'ipv6') && !special.check(plain, 'ipv6');
    default:
      return false;
  }
}

/** Throws `PrivateAddress` where the host is written as an address that is not public, or is this machine by its name. */
export function checkHost({ hostname }: URL): void {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIP(host) === 0 ? /(^|\.)localhost$/i.test(host) : !isPublic(host)) throw new PrivateAddress();
}

/** As `dns.lookup`, but a name that has any address that is not public has none. */
export const publicLookup: LookupFunction = (hostname, options, done) => {
  const all: LookupOptions & { all: true } = { ...options, all: true };
  lookup(hostname, all, (error, addresses: LookupAddress[]) => {
    if (error !== null) return done(error, '', 0);
    const [first] = addresses;
    if (first === undefined || !addresses.every(({ address }) => isPublic(address))) {
      return done(new PrivateAddress(), '', 0);
    }
    if (options.all === true) done(null, addresses);
    else done(null, first.address, first.family);
  });
};

let dispatcher: Dispatcher | undefined;

/** Connects to public addresses only. Hosts that are addresses are not looked up: `checkHost` is for them. */
export function publicDispatcher(): Dispatcher {
  return (dispatcher ??= new Agent({ connect: { lookup: publicLookup } }));
}
