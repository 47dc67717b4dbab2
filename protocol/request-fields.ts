/*
 * Request headers that can make a server respond to something other than the URL and method say, without listing them in `Vary`: proxies
 * and frameworks take the host, the path, the client or the method from them.
 */

type Fields = Iterable<readonly [name: string, value: string]>;

/** In lower case. Others start with one of `ROUTING_PREFIXES`. */
const ROUTING_FIELDS: ReadonlySet<string> = new Set([
  ...['forwarded', 'forwarded-for', 'x-forward-for', 'x-override-url', 'x-proxy-url', 'x-http-destinationurl'],
  ...['request-uri', 'x-request-uri', 'x-host', 'x-http-host-override', 'x-backend-host', 'x-scheme', 'x-url-scheme'],
  ...['x-proto', 'front-end-https', 'base-url', 'x-base-url', 'script-name', 'x-script-name', 'x-accel-redirect'],
  ...['x-real-ip', 'x-client-ip', 'client-ip', 'true-client-ip', 'x-true-client-ip', 'x-cluster-client-ip'],
  ...['x-remote-addr', 'x-remote-ip', 'x-originating-ip', 'cf-connecting-ip', 'fastly-client-ip', 'x-azure-clientip'],
  ...['x-appengine-user-ip', 'x-arr-ssl', 'x-middleware-subrequest', 'x-matched-path', 'x-now-route-matches'],
]);
const ROUTING_PREFIXES = /^x-(forwarded|original|rewrite|envoy|ms-original|invoke)(-|$)/;

/** Returns whether a header redirects a request to another host, path or scheme, or names another client. `name` is in lower case. */
export function isRoutingField(name: string): boolean {
  // Servers that turn headers into variables treat both characters alike.
  const dashed = name.replaceAll('_', '-');
  return ROUTING_FIELDS.has(dashed) || ROUTING_PREFIXES.test(dashed);
}

/** In lower case, with `-` for `_`. `_method` is also a query parameter. */
const METHOD_FIELDS: ReadonlySet<string> = new Set([
  ...['x-http-method-override', 'x-http-method', 'x-method-override', 'x-method', '-method'],
]);

/** Methods that change nothing; `''` overrides nothing. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['', 'GET', 'HEAD', 'OPTIONS']);

/** Returns whether one of the headers makes the server use another method than the request's, and one that changes something. */
export function overridesMethod(fields: Fields): boolean {
  for (const [name, value] of fields) {
    if (METHOD_FIELDS.has(name.toLowerCase().replaceAll('_', '-')) && value.split(',').some(isUnsafeMethod))
      return true;
  }
  return false;
}

/** The same for the query parameters of a URL. */
export function overridesMethodByParameter(parameters: Fields): boolean {
  for (const [name, value] of parameters) if (name.toLowerCase() === '_method' && isUnsafeMethod(value)) return true;
  return false;
}

const isUnsafeMethod = (method: string): boolean => !SAFE_METHODS.has(method.trim().toUpperCase());
