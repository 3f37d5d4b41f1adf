/**
 * The value that a JSON pointer (RFC 6901) names; `undefined` where it names nothing. `-` and leading zeros name no element of an array
 * (RFC 6901 §4), and only own properties count.
 */
export function atPointer(document: unknown, pointer: string): unknown {
  if (pointer === '') return document
  if (!pointer.startsWith('/')) return undefined
  let value = document
  for (const part of pointer.slice(1).split('/')) {
    // In this order, so that `~01` is `~1` and not `/` (RFC 6901 §4).
    const token = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(value)) value = /^(0|[1-9]\d{0,9})$/.test(token) ? value[Number(token)] : undefined
    else if (typeof value === 'object' && value !== null && Object.hasOwn(value, token))
      value = (value as Record<string, unknown>)[token]
    else return undefined
  }
  return value
}

/** Whether a pointer is written as RFC 6901 §3 wants it. */
export function isPointer(text: string): boolean {
  return text === '' || (text.startsWith('/') && !/~(?![01])/.test(text))
}
