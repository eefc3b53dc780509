/** The members of a request that contain its path. Express and Fastify keep the unmodified URL in `originalUrl`. */
interface RequestTarget {
  readonly url?: string;
  readonly originalUrl?: unknown;
}

/**
 * Returns the canonical path of a request, which is the same for all spellings that routers treat as one path: decoded,
 * in lower case, without origin, query, fragment, doubled slashes and a trailing slash.
 */
export function canonicalPath({ url = '', originalUrl }: RequestTarget): string {
  const target = typeof originalUrl === 'string' ? originalUrl : url;
  // Routers ignore an origin before the path and a fragment after it, and some read a backslash as a slash.
  const [raw = ''] = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/\\?#]*/i, '').split(/[?#]/);
  const path = decodeLeniently(raw)
    .toLowerCase()
    .replace(/[/\\]+/g, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Decodes a path. Leaves invalid escapes unchanged. */
function decodeLeniently(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
