/**
 * Encrypts what must not be read from the database, with a key that is kept outside of it. What was sealed in one context (whose
 * secret it is, and where it may be sent) does not open in another.
 */
export interface Sealer {
  seal(context: string, text: string): string
  /** Refused (`corrupt`) when the key, the context or the text is not what it was. */
  open(context: string, sealed: string): string
}
