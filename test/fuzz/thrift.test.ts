import { expect, test } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import { isOneStruct, MOST_MESSAGE_BYTES, messageLength } from '../../src/protocols/thrift/measure.ts'
import { messageCall, pingReply, readAnswer, readCall, resultReply } from '../../src/thrift/calls.ts'
import { BOOT_MENU, decodeStruct, encodeStruct, USER_LIST, USER_PASSWORD } from '../../src/thrift/structs.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

/** The slices of a `Buffer` share its memory, and mutated inputs are slices. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

const BODY = encodeStruct(USER_PASSWORD, { userName: 'dbc', password: 'pässword' })
const MESSAGES = [
  messageCall(1, { version: 0x01000001, type: 5, body: BODY, host: 'pc01' }),
  messageCall(-1, { version: 0, type: 32, body: new Uint8Array(), host: undefined }),
  resultReply(3, { code: 0, message: encodeStruct(USER_LIST, { users: ['a', 'b', 'c'.repeat(200)] }) }),
  pingReply(9),
].map(plain)

function refusedOr<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

test('messages: what was measured is decoded within its length, or refused; nothing else is thrown and nothing hangs', () => {
  const mutator = new Mutator(fuzzSeed('thrift messages'))
  for (const bytes of MESSAGES) expect(messageLength(bytes)).toBe(bytes.length)
  for (let i = 0; i < fuzzCount(); i++) {
    const bytes = mutator.mutate(MESSAGES[i % MESSAGES.length]!)
    const length = refusedOr(() => messageLength(bytes))
    if (length === undefined) continue
    expect(length).toBeLessThanOrEqual(Math.min(bytes.length, MOST_MESSAGE_BYTES))
    const whole = bytes.subarray(0, length)
    // A message has one length, whatever follows it.
    expect(messageLength(whole)).toBe(length)
    refusedOr(() => readCall(whole))
    refusedOr(() => readAnswer(whole))
  }
})

test('a message that is cut anywhere is unfinished, never wrong', () => {
  for (const bytes of MESSAGES)
    for (let cut = 0; cut < bytes.length; cut++) expect(messageLength(bytes.subarray(0, cut))).toBeUndefined()
})

test('structs within strings: what is understood is one whole struct', () => {
  const mutator = new Mutator(fuzzSeed('thrift structs'))
  const seeds = [
    BODY,
    encodeStruct(BOOT_MENU, { menu: 'ubuntu', superTube: true }),
    encodeStruct(USER_LIST, { users: ['a', 'b'] }),
  ].map(plain)
  for (let i = 0; i < fuzzCount(); i++) {
    const bytes = mutator.mutate(seeds[i % seeds.length]!)
    for (const shape of [USER_PASSWORD, BOOT_MENU, USER_LIST])
      if (refusedOr(() => decodeStruct(shape, bytes)) !== undefined) expect(isOneStruct(bytes)).toBe(true)
  }
})

test('what is known to harm decoders of this protocol is refused: huge lists of nothing, deep structs, huge and negative lengths', () => {
  const head = Buffer.from('80010001000000047069 6e6700000001'.replaceAll(' ', ''), 'hex')
  const harmful = [
    // A list of 2^31-1 elements of type stop, and of bool.
    '0f00010000 7fffffff',
    '0f00010200 7fffffff',
    '0f000102 7fffffff',
    '0f000102 ffffffff',
    '0b0001 7fffffff',
    '0b0001 ffffffff',
    '0d00010202 7fffffff',
    '0c0001'.repeat(100),
    `${'0f00010f00000001'}${'0f00000001'.repeat(100)}`,
    '110001',
  ]
  for (const args of harmful) {
    const bytes = Buffer.concat([head, Buffer.from(args.replaceAll(' ', ''), 'hex'), Buffer.alloc(2000)])
    expect(() => messageLength(bytes), args).toThrow(DecodeError)
  }
})
