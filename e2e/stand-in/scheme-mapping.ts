/**
 * Chromium has no custom schemes, so each is mapped to https hosts of its own: `app://atlas/x` is
 * `https://atlas.app.stand-in/x` in the page and `app://atlas/x` everywhere in the main process. Pure functions of text.
 */

const TOP_LEVEL_DOMAIN = '.stand-in';

/** The URL as Chromium must see it; URLs of other schemes pass unchanged. */
export function toChromiumUrl(url: string, schemes: ReadonlySet<string>): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(url);
  const scheme = match?.[1]?.toLowerCase();
  if (!match || !scheme || !schemes.has(scheme)) return url;
  return `https://${match[2]!.toLowerCase()}.${scheme}${TOP_LEVEL_DOMAIN}${match[3]}`;
}

/** The URL (or the origin) as the application wrote it; URLs of other hosts pass unchanged. */
export function fromChromiumUrl(url: string): string {
  const match = /^https:\/\/([^/?#]+)\.([a-z0-9-]+)\.stand-in(.*)$/is.exec(url);
  return match ? `${match[2]}://${match[1]}${match[3]}` : url;
}

/** The pattern of Chromium's requests for one scheme, mapped or (from `<img>`, `<script>`, …) written out. */
export const getRequestPatterns = (scheme: string): string[] => [
  `https://*.${scheme}${TOP_LEVEL_DOMAIN}/*`,
  `${scheme}:*`,
];

/**
 * A Content-Security-Policy that names a custom scheme, or `'self'` in a document at `url`, admits both ways of writing an
 * address: the mapped one, and the application's with any host, because Chromium compares no hosts of schemes it does not know.
 */
export function mapPolicy(policy: string, url: string, schemes: ReadonlySet<string>): string {
  return policy.replace(/[^\s;]+/g, (source) => {
    if (source === "'self'") return `${source} ${getSelfSources(url, schemes)}`;
    const [, name, host] = /^([a-z][a-z0-9-]*):(\/\/[^/]+)?\/?$/i.exec(source) ?? [];
    if (!name || !schemes.has(name.toLowerCase())) return source;
    return `${name}: ${host ? toChromiumUrl(source, schemes) : `https://*.${name.toLowerCase()}${TOP_LEVEL_DOMAIN}`}`;
  });
}

/** Documents come from a loopback server, whose origin Chromium takes for `'self'` if the policy is a header. */
function getSelfSources(url: string, schemes: ReadonlySet<string>): string {
  const [origin = '', scheme = ''] = /^([a-z][a-z0-9+.-]*:)\/\/[^/?#]*/i.exec(url) ?? [];
  const mapped = toChromiumUrl(origin, schemes);
  return mapped === origin ? scheme : `${scheme} ${mapped}`;
}

const POLICY_TAG = /(<meta[^>]+http-equiv=["']?content-security-policy["']?[^>]*content=)("[^"]*"|'[^']*')/gi;

/** The same for a policy in a document's `<meta>`. */
export function mapDocument(html: string, url: string, schemes: ReadonlySet<string>): string {
  return html.replace(POLICY_TAG, (_tag, before: string, quoted: string) => {
    const quote = quoted[0]!;
    return `${before}${quote}${mapPolicy(quoted.slice(1, -1), url, schemes)}${quote}`;
  });
}
