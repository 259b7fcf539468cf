/** What a person has to set when object storage can not be opened: the SDK's own words name neither variables nor addresses. */

/** Where the connection goes, as people know it. */
export interface Asked {
  bucket: string;
  /** The server's URL; undefined: Amazon's. */
  endpoint: string | undefined;
  /** What says so: a variable or an option. */
  endpointFrom: string;
}

interface Thrown {
  name?: string;
  message?: string;
  code?: string;
}

/** One clause, or null for an error that no setting mends. Looks into the causes of an error. */
export function remedyOf(error: unknown, { bucket, endpoint, endpointFrom }: Asked): string | null {
  for (let each = error, depth = 0; each instanceof Error && depth < 5; each = each.cause, depth++) {
    const { name = '', message = '', code = '' } = each as Thrown;
    const is = (known: RegExp): boolean => known.test(name) || known.test(code);
    const server = endpoint === undefined ? "Amazon's server" : `${endpointFrom} is ${endpoint}`;
    if (message === 'Region is missing')
      return 'set AWS_REGION; a server that knows no regions takes any, such as us-east-1';
    if (is(/^(CredentialsProviderError|TokenProviderError)$/))
      return 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that has them';
    if (is(/^ECONNREFUSED$/)) return `${server}: nothing listens there`;
    if (is(/^(ENOTFOUND|EAI_AGAIN)$/)) return `${server}: its name is not known here`;
    if (is(/^NoSuchBucket$/)) return `make the bucket ${bucket} first, or name another one`;
    if (is(/^(ExpiredToken\w*|TokenRefreshRequired|InvalidToken)$/)) return 'the credentials are over: renew them';
    if (is(/^(InvalidAccessKeyId|SignatureDoesNotMatch)$/))
      return `the server does not know these credentials (${server}): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE`;
    if (is(/^(AccessDenied|Forbidden)$/))
      return `these credentials may not read and write in the bucket ${bucket}: permit it`;
    if (is(/^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/))
      return `set AWS_REGION to the region of the bucket ${bucket}`;
  }
  return null;
}
