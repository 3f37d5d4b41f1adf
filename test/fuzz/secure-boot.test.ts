import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import { encodeScript, type GrubScript } from '../../src/protocols/grub/script.ts'
import { plainText, UnsafeText } from '../../src/protocols/grub/text.ts'
import { readEfiProgram } from '../../src/protocols/pe/read.ts'
import { readSigners } from '../../src/protocols/pe/signers.ts'
import { readScript } from '../grub/reader.ts'
import { SIGNATURE, signedEfiProgram } from '../pe/program.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
/** Safe values and ones that mean something to GRUB, so that damage makes more of both. */
const VALUES = [
  'quiet console=ttyS0 ---',
  'a; reboot',
  'a } menuentry x { reboot',
  `$net_default_mac $\{uuid}`,
  `it's "quoted" \\ # x`,
  '(hd0,gpt1)/EFI/BOOT/BOOTX64.EFI',
  'a\nreboot',
  '-n',
  '/blob/0123abcd/vmlinuz-6.1',
].map((text) => new TextEncoder().encode(text))

test('whatever text is put into a script for GRUB stays that text, or is refused', () => {
  const random = new Mutator(fuzzSeed('GRUB scripts'))
  let understood = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const value = latin1(random.mutate(random.pick(VALUES)))
    const made: [GrubScript, string[]][] = [
      [[{ run: { do: 'echo', text: value } }], ['echo', value]],
      [[{ run: { do: 'echo', text: plainText(value) } }], ['echo', plainText(value)]],
      [[{ run: { do: 'set', variable: 'step', value } }], ['set', `step=${value}`]],
      [[{ run: { do: 'source', path: value } }], ['source', value]],
      [[{ run: { do: 'linux', path: '/k', args: [value, 'x'] } }], ['linux', '/k', value, 'x']],
    ]
    const [script, meant] = random.pick(made)
    try {
      expect(isDeepStrictEqual(readScript(encodeScript(script)), [meant]), JSON.stringify(value)).toBe(true)
      understood++
    } catch (error) {
      if (!(error instanceof UnsafeText)) throw error
    }
  }
  expect(understood).toBeGreaterThan(fuzzCount() / 20)
})

test('whatever an EFI program says of itself is read or refused, within bounds', async () => {
  const random = new Mutator(fuzzSeed('EFI programs'))
  const inputs = [{}, { sbat: 'sbat,1,x\n' }].map((what) => new Uint8Array(signedEfiProgram(SIGNATURE, what)))
  let understood = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const bytes = random.mutate(random.pick(inputs))
    let read = 0
    try {
      const program = await readEfiProgram(async (offset, length) => {
        read += length
        return bytes.subarray(offset, offset + length)
      }, bytes.length)
      if (program && program.signers.length > 0) understood++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
    expect(read).toBeLessThanOrEqual(276 * 1024)
  }
  expect(understood).toBeGreaterThan(fuzzCount() / 20)
})

test('whatever a signature holds is read or refused', () => {
  const random = new Mutator(fuzzSeed('signatures'))
  for (let i = 0; i < fuzzCount(); i++) {
    try {
      readSigners(random.mutate(new Uint8Array(SIGNATURE)))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }
})
