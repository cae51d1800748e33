import { createPrivateKey, createPublicKey, sign, type JsonWebKey, type KeyObject } from "node:crypto";
import { AppError, messageOf } from "../../base/errors.ts";
import { WireReader, wireInteger, wireString } from "./wire.ts";

/** A private key as an agent serves it. */
export interface SshKey {
  /** The public key, as SSH writes it. */
  readonly blob: Uint8Array;
  readonly comment: string;
  /** The signature with its algorithm in front. `flags`: SSH_AGENT_RSA_SHA2_256 (2), SSH_AGENT_RSA_SHA2_512 (4). */
  sign(data: Uint8Array, flags: number): Uint8Array;
}

/**
 * Reads a private key in OpenSSH's format or as PEM (PKCS #1, #8, SEC1): RSA, ECDSA, Ed25519. `name` is
 * for messages. Throws `SSH_KEY_ENCRYPTED` and `SSH_KEY_INVALID`.
 */
export function readPrivateKey(text: string, name: string): SshKey {
  try {
    const match = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]*)-----END/.exec(text);
    if (match !== null) return openSshKey(Buffer.from(match[1] ?? "", "base64"), name);
    if (/ENCRYPTED/.test(text)) throw encrypted(name);
    return keyOf(createPrivateKey(text), name);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("SSH_KEY_INVALID", `${name} is no private key that can be read: ${messageOf(cause)}`, {
      cause,
      hint: "Name a private key of type rsa, ecdsa or ed25519, or the socket of an agent.",
    });
  }
}

const MAGIC = "openssh-key-v1\0";

/** PROTOCOL.key of OpenSSH. */
function openSshKey(bytes: Buffer, name: string): SshKey {
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) throw new Error("it does not begin as such a key does");
  const reader = new WireReader(bytes.subarray(MAGIC.length));
  const cipher = reader.string().toString();
  if (cipher !== "none") throw encrypted(name);
  reader.string(); // name and options of the key derivation, of which there is none
  reader.string();
  if (reader.number() !== 1) throw new Error("it holds several keys");
  reader.string(); // the public key, which the private one holds as well
  const secret = new WireReader(reader.string());
  if (secret.number() !== secret.number()) throw new Error("its check numbers differ");
  const type = secret.string().toString();
  const key = createPrivateKey({ key: readJwk(type, secret), format: "jwk" });
  return keyOf(key, secret.string().toString() || name);
}

function readJwk(type: string, secret: WireReader): JsonWebKey {
  switch (type) {
    case "ssh-ed25519": {
      const x = secret.string();
      return { kty: "OKP", crv: "Ed25519", x: base64url(x), d: base64url(secret.string().subarray(0, 32)) };
    }
    case "ssh-rsa":
      return rsaJwk(secret);
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
      return ecdsaJwk(secret);
    default:
      throw new Error(`keys of type ${type} are not supported`);
  }
}

function rsaJwk(secret: WireReader): JsonWebKey {
  const [n, e, d, qi, p, q] = [1, 2, 3, 4, 5, 6].map(() => secret.integer()) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const [exponent, first, second] = [bigint(d), bigint(p), bigint(q)];
  const [dp, dq] = [exponent % (first - 1n), exponent % (second - 1n)];
  const known = Object.entries({ n, e, d, p, q, qi }).map(([name, value]) => [name, base64url(value)]);
  return { kty: "RSA", ...Object.fromEntries(known), dp: base64url(bytesOf(dp)), dq: base64url(bytesOf(dq)) };
}

function ecdsaJwk(secret: WireReader): JsonWebKey {
  const name = secret.string().toString();
  const curve = CURVES.find((one) => one.name === name);
  if (curve === undefined) throw new Error("its curve is not supported");
  const point = secret.string();
  const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
  const d = secret.integer();
  const padded = Buffer.concat([Buffer.alloc(curve.bytes - d.length), d]);
  return { kty: "EC", crv: curve.jwk, x: base64url(x), y: base64url(y), d: base64url(padded) };
}

const CURVES = [
  { name: "nistp256", jwk: "P-256", node: "prime256v1", bytes: 32, hash: "sha256" },
  { name: "nistp384", jwk: "P-384", node: "secp384r1", bytes: 48, hash: "sha384" },
  { name: "nistp521", jwk: "P-521", node: "secp521r1", bytes: 66, hash: "sha512" },
] as const;

function keyOf(key: KeyObject, comment: string): SshKey {
  const jwk = createPublicKey(key).export({ format: "jwk" });
  const field = (name: "n" | "e" | "x" | "y"): Buffer => Buffer.from(jwk[name] ?? "", "base64url");
  switch (key.asymmetricKeyType) {
    case "ed25519": {
      const blob = Buffer.concat([wireString("ssh-ed25519"), wireString(field("x"))]);
      return { blob, comment, sign: (data) => signature("ssh-ed25519", sign(null, data, key)) };
    }
    case "rsa": {
      const blob = Buffer.concat([wireString("ssh-rsa"), wireInteger(field("e")), wireInteger(field("n"))]);
      return { blob, comment, sign: (data, flags) => rsaSignature(key, data, flags) };
    }
    case "ec":
      return ecdsaKey(key, comment, Buffer.concat([Buffer.from([4]), field("x"), field("y")]));
    default:
      throw new Error(`keys of type ${key.asymmetricKeyType} are not supported`);
  }
}

function rsaSignature(key: KeyObject, data: Uint8Array, flags: number): Uint8Array {
  if ((flags & 4) !== 0) return signature("rsa-sha2-512", sign("sha512", data, key));
  if ((flags & 2) !== 0) return signature("rsa-sha2-256", sign("sha256", data, key));
  return signature("ssh-rsa", sign("sha1", data, key));
}

function ecdsaKey(key: KeyObject, comment: string, point: Uint8Array): SshKey {
  const curve = CURVES.find(({ node }) => node === key.asymmetricKeyDetails?.namedCurve);
  if (curve === undefined) throw new Error("its curve is not supported");
  const type = `ecdsa-sha2-${curve.name}`;
  return {
    blob: Buffer.concat([wireString(type), wireString(curve.name), wireString(point)]),
    comment,
    sign: (data) => {
      const raw = sign(curve.hash, data, { key, dsaEncoding: "ieee-p1363" });
      const parts = [wireInteger(raw.subarray(0, curve.bytes)), wireInteger(raw.subarray(curve.bytes))];
      return signature(type, Buffer.concat(parts));
    },
  };
}

function signature(algorithm: string, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([wireString(algorithm), wireString(bytes)]);
}

function encrypted(name: string): AppError {
  return new AppError("SSH_KEY_ENCRYPTED", `${name} is encrypted, and a build asks for no passphrase`, {
    hint: "Load it into an agent with ssh-add, and write --ssh default.",
  });
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function bigint(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
}

function bytesOf(value: bigint): Buffer {
  const text = value.toString(16);
  return Buffer.from(text.length % 2 === 0 ? text : `0${text}`, "hex");
}
