/*
 * Request fields by which a server may answer something else than the address and the method say, without telling so in `Vary`:
 * what proxies and frameworks take the host, the path, the client or the method from.
 */

type Fields = Iterable<readonly [name: string, value: string]>;

/** In small letters. Others begin as one of `ROUTING_PREFIXES`. */
const ROUTING_FIELDS: ReadonlySet<string> = new Set([
  ...['forwarded', 'forwarded-for', 'x-forward-for', 'x-override-url', 'x-proxy-url', 'x-http-destinationurl'],
  ...['request-uri', 'x-request-uri', 'x-host', 'x-http-host-override', 'x-backend-host', 'x-scheme', 'x-url-scheme'],
  ...['x-proto', 'front-end-https', 'base-url', 'x-base-url', 'script-name', 'x-script-name', 'x-accel-redirect'],
  ...['x-real-ip', 'x-client-ip', 'client-ip', 'true-client-ip', 'x-true-client-ip', 'x-cluster-client-ip'],
  ...['x-remote-addr', 'x-remote-ip', 'x-originating-ip', 'cf-connecting-ip', 'fastly-client-ip', 'x-azure-clientip'],
  ...['x-appengine-user-ip', 'x-arr-ssl', 'x-middleware-subrequest', 'x-matched-path', 'x-now-route-matches'],
]);
const ROUTING_PREFIXES = /^x-(forwarded|original|rewrite|envoy|ms-original|invoke)(-|$)/;

/** Whether a field redirects a request to another host, path or scheme, or names another client. `name` in small letters. */
export function isRoutingField(name: string): boolean {
  // To servers that make variables of fields, both characters are the same.
  const dashed = name.replaceAll('_', '-');
  return ROUTING_FIELDS.has(dashed) || ROUTING_PREFIXES.test(dashed);
}

/** In small letters, with `-` for `_`. `_method` is a parameter of the address, too. */
const METHOD_FIELDS: ReadonlySet<string> = new Set([
  ...['x-http-method-override', 'x-http-method', 'x-method-override', 'x-method', '-method'],
]);

/** Methods that change nothing; `''` overrides nothing. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['', 'GET', 'HEAD', 'OPTIONS']);

/** Whether one of the fields tells the server another method than the request has, one that changes something. */
export function overridesMethod(fields: Fields): boolean {
  for (const [name, value] of fields) {
    if (METHOD_FIELDS.has(name.toLowerCase().replaceAll('_', '-')) && value.split(',').some(isUnsafeMethod))
      return true;
  }
  return false;
}

/** The same for the parameters of an address. */
export function overridesMethodByParameter(parameters: Fields): boolean {
  for (const [name, value] of parameters) if (name.toLowerCase() === '_method' && isUnsafeMethod(value)) return true;
  return false;
}

const isUnsafeMethod = (method: string): boolean => !SAFE_METHODS.has(method.trim().toUpperCase());
