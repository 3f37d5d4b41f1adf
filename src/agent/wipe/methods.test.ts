import { describe, expect, test } from 'vitest'
import { type Abilities, ataErase, chooseMethod, nvmeErase } from './methods.ts'

const NOTHING: Abilities = { rotational: false, discards: false, erase: null, whyNot: 'it has no such command' }

describe('how a disk is wiped', () => {
  test('auto takes the best that it can do', () => {
    const method = (able: Partial<Abilities>) => chooseMethod('auto', { ...NOTHING, ...able }).method
    expect(method({ erase: 'nvme', discards: true })).toBe('secure-erase')
    expect(method({ discards: true })).toBe('discard')
    expect(method({ discards: true, rotational: true })).toBe('overwrite')
    expect(method({})).toBe('overwrite')
  })

  test('what was asked for is never replaced by something weaker', () => {
    expect(() => chooseMethod('secure-erase', NOTHING)).toThrow(/cannot erase itself: it has no such command/)
    expect(() => chooseMethod('discard', NOTHING)).toThrow(/does not know discard/)
    expect(chooseMethod('overwrite', { ...NOTHING, erase: 'ata' }).method).toBe('overwrite')
  })

  test('NVMe: Format NVM, with or without a key to throw away', () => {
    expect(nvmeErase('{"oacs": 23, "fna": 4}')).toBe('nvme-crypto')
    expect(nvmeErase('{"oacs": 2, "fna": 0}')).toBe('nvme')
    for (const text of ['{"oacs": 1, "fna": 4}', '{}', 'null', 'no json']) expect(nvmeErase(text)).toBeNull()
  })

  test('ATA: supported, enhanced, frozen, locked', () => {
    const told = (lines: string[]) =>
      ataErase(`/dev/sda:\n\nSecurity: \n\tMaster password revision code = 65534\n${lines.join('\n')}\n`)
    const rest = ['\tnot\tenabled', '\tnot\tlocked']
    const enhanced = '\t\tsupported: enhanced erase'
    expect(told(['\t\tsupported', ...rest, '\tnot\tfrozen', enhanced])).toEqual({
      erase: 'ata-enhanced',
      whyNot: '',
      locked: false,
    })
    expect(told(['\t\tsupported', ...rest, '\tnot\tfrozen', '\tnot\tsupported: enhanced erase']).erase).toBe('ata')
    expect(told(['\t\tsupported', ...rest, '\t\tfrozen', enhanced])).toMatchObject({
      erase: null,
      whyNot: expect.stringContaining('froze'),
    })
    expect(told(['\t\tsupported', '\t\tenabled', '\t\tlocked', '\tnot\tfrozen']).locked).toBe(true)
    expect(ataErase('/dev/sda:\nSG_IO: bad/missing sense data').erase).toBeNull()
  })
})
