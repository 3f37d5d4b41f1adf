import { describe, expect, test } from 'vitest'
import { efiProgram, SIGNATURE, signedEfiProgram } from '../../../test/pe/program.ts'
import { DecodeError } from '../../kit/errors.ts'
import { type EfiProgram, readEfiProgram } from './read.ts'
import { judgeKernel } from './secure-boot.ts'

const read = (bytes: Uint8Array): Promise<EfiProgram | undefined> =>
  readEfiProgram(async (offset, length) => bytes.subarray(offset, offset + length), bytes.length)

describe('an EFI program', () => {
  test('tells its processors and that nobody signed it', async () => {
    expect(await read(efiProgram({ machine: 0x8664 }))).toEqual({ machine: 'x86_64', signers: [], sbat: null })
    expect(await read(efiProgram({ machine: 0xaa64 }))).toMatchObject({ machine: 'arm64' })
    expect(await read(efiProgram({ machine: 0x1234 }))).toMatchObject({ machine: null })
    expect(judgeKernel(await read(efiProgram({})))).toEqual({ verdict: 'refused', reason: 'is not signed' })
  })

  test('tells who signed it, and its generations', async () => {
    const sbat = 'sbat,1,SBAT Version,sbat,1,x\ngrub,5,y,z,1,u\n'
    const program = await read(signedEfiProgram(SIGNATURE, { sbat }))
    expect(program).toEqual({
      machine: 'x86_64',
      signers: [{ subject: 'Example signer', issuer: 'Example signer' }],
      sbat,
    })
    expect(judgeKernel(program)).toEqual({
      verdict: 'unknown',
      reason: 'is signed by Example signer, whose key must be enrolled in the machine (MOK)',
    })
  })

  test('is accepted when an authority signed it that shim or firmware knows', () => {
    const by = (issuer: string) => judgeKernel({ machine: 'x86_64', signers: [{ subject: 'x', issuer }], sbat: null })
    expect(by('Debian Secure Boot CA').verdict).toBe('accepted')
    expect(by('Microsoft Corporation UEFI CA 2011').verdict).toBe('accepted')
    expect(by('Canonical Ltd. Master Certificate Authority').verdict).toBe('unknown')
  })

  test('is something else than other files', async () => {
    for (const bytes of [
      new Uint8Array(0),
      Buffer.from('MZ'),
      Buffer.alloc(5000),
      Buffer.from(`MZ${'\0'.repeat(200)}`),
    ])
      expect(await read(bytes)).toBeUndefined()
    expect(judgeKernel(undefined).verdict).toBe('refused')
  })

  test('with damaged signatures is refused and not guessed at', async () => {
    const whole = signedEfiProgram(SIGNATURE)
    await expect(read(whole.subarray(0, whole.length - 20))).rejects.toThrow(DecodeError)
    const short = signedEfiProgram(SIGNATURE.subarray(0, 100))
    await expect(read(short)).rejects.toThrow(DecodeError)
  })
})
