/**
 * TLS with an authority that is known by its fingerprint alone. Elastic's client compares the fingerprint only after the ordinary
 * check of the certificate, which an authority outside the system's store fails, or instead of it, if `rejectUnauthorized` is false;
 * then expired certificates, other host names and chains that nobody signed pass. So the first connection to a node only fetches the
 * certificate with that fingerprint. All others trust that certificate and no other, with every check that TLS makes.
 */
import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import { buildConnector } from 'undici';

export interface PinnedAuthority {
  /** SHA-256 in hexadecimal, with or without colons. */
  readonly fingerprint: string;
  /** PEM; certificates that are known without asking a node. */
  readonly ca: string | undefined;
  /** For the connection that fetches the certificate. */
  readonly timeoutMs: number;
}

type Connector = buildConnector.connector;
type Place = Parameters<Connector>[0];

const bare = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Connects for a pool of undici. What fails there is the reason of the client's ConnectionError. */
export function connectorFor(pinned: PinnedAuthority): Connector {
  const known = (pinned.ca?.match(pemCertificate) ?? []).find((pem) =>
    has(new X509Certificate(pem), pinned.fingerprint),
  );
  let connector: Connector | undefined = known === undefined ? undefined : trusting(known);
  return (place, callback) => {
    if (place.protocol !== 'https:') {
      callback(new Error('a fingerprint needs https'), null);
      return;
    }
    if (connector !== undefined) {
      connector(place, callback);
      return;
    }
    fetchAuthority(place, pinned).then(
      (authority) => {
        connector ??= trusting(authority);
        connector(place, callback);
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new Error(String(error)), null);
      },
    );
  };
}

/** An intermediate authority may be pinned as well, or the node's own certificate. */
const trusting = (pem: string): Connector =>
  buildConnector({ ca: pem, rejectUnauthorized: true, allowPartialTrustChain: true });

const has = (certificate: X509Certificate, fingerprint: string): boolean =>
  bare(certificate.fingerprint256) === bare(fingerprint);

/** The certificate with the fingerprint, of those that the node sends, as PEM. Nothing else is sent on this connection. */
function fetchAuthority({ hostname, port, servername }: Place, pinned: PinnedAuthority): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({
    host: hostname,
    port: Number(port || 443),
    ...(servername !== undefined && { servername }),
    rejectUnauthorized: false,
    timeout: pinned.timeoutMs,
  });
  socket.once('secureConnect', () => {
    const sent = chainOf(socket.getPeerCertificate(true));
    const found = sent.find((certificate) => has(certificate, pinned.fingerprint));
    if (found !== undefined) resolve(found.toString());
    else reject(new Error(mismatch(sent)));
    socket.destroy();
  });
  socket.once('timeout', () => {
    socket.destroy(new Error(`no TLS handshake within ${pinned.timeoutMs} ms`));
  });
  socket.once('error', reject);
  return promise;
}

function chainOf(leaf: PeerCertificate & { readonly issuerCertificate?: PeerCertificate }): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next: typeof leaf | undefined = leaf;
  // A root is its own issuer.
  while (next?.raw !== undefined && !chain.some((one) => one.raw.equals(next?.raw ?? Buffer.alloc(0)))) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate;
  }
  return chain;
}

function mismatch(sent: readonly X509Certificate[]): string {
  const last = sent.at(-1);
  const roots = last?.subject === last?.issuer;
  return roots
    ? 'no certificate that the node sends has the fingerprint of `elasticsearch.caFingerprint`'
    : 'no certificate that the node sends has the fingerprint of `elasticsearch.caFingerprint`, and the node does not send its authority’s certificate; use `elasticsearch.caFile` instead';
}
