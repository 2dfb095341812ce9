/**
 * Checks certificates and keys in options before anything is opened.
 *
 * @module
 */

import { builtin } from "../base/builtin.ts";
import { factOf } from "../base/errors.ts";

/** Checks options for one purpose, which its errors name. */
export class PemChecks {
  readonly #failure: string;

  /** Creates checks whose errors begin with a text such as `Cannot listen with TLS`. */
  constructor(failure: string) {
    this.#failure = failure;
  }

  /**
   * Checks a certificate chain and the key of its first certificate.
   *
   * @throws {TypeError} If one of them is unusable, as if the key is too short, or they are not a
   * pair.
   */
  identity({ cert, key }: { readonly cert: string; readonly key: string }): void {
    const { X509Certificate, createPrivateKey } = builtin("node:crypto");
    this.#check("option cert is not a PEM certificate", () => !!new X509Certificate(cert));
    this.#check("option key is not a PEM private key", () => !!createPrivateKey(key));
    this.#check(
      "option key is not the key of option cert",
      () => new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)),
    );
    this.#check(
      "options cert and key cannot be used for TLS",
      () => !!builtin("node:tls").createSecureContext({ cert, key }),
    );
  }

  /**
   * Checks the certificates of authorities.
   *
   * @throws {TypeError} If one of them is unusable.
   */
  authorities(option: string, certificates: readonly string[]): void {
    const { X509Certificate } = builtin("node:crypto");
    for (const certificate of certificates) {
      this.#check(
        `option ${option} does not consist of PEM certificates`,
        () => !!new X509Certificate(certificate),
      );
    }
  }

  /** Creates the error for a wrong option. */
  fault(fact: string): TypeError {
    return new TypeError(`${this.#failure}: ${fact}`);
  }

  #check(what: string, isValid: () => boolean): void {
    let fact = "";
    try {
      if (isValid()) return;
    } catch (error) {
      fact = `: ${factOf(error)}`;
    }
    throw this.fault(`${what}${fact}`);
  }
}
