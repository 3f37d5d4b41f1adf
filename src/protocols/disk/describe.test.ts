import { describe, expect, test } from 'vitest'
import { DISK_SAMPLES, SAMPLE_BYTES, SAMPLE_UUID } from '../../../test/fakes/disk-samples.ts'
import { describeDisk } from './describe.ts'

function reader(bytes: Uint8Array) {
  return async (offset: number, length: number) => bytes.subarray(offset, offset + length)
}
const sample = (type: string) => DISK_SAMPLES.find(([name]) => name === type)![1]

describe('what lies on a disk', () => {
  for (const [type, bytes, label, uuid] of DISK_SAMPLES.filter(([name]) => !['gpt', 'mbr'].includes(name)))
    test(`${type} ${label ?? 'without a label'}`, async () => {
      expect(await describeDisk(reader(bytes), bytes.length)).toEqual({
        table: null,
        tableId: null,
        partitions: [],
        filesystem: { type, label, uuid },
      })
    })

  test('a GPT and what is in its partitions', async () => {
    const content = await describeDisk(reader(sample('gpt')), SAMPLE_BYTES)
    expect(content).toMatchObject({ table: 'gpt', tableId: SAMPLE_UUID.toUpperCase(), filesystem: null })
    expect(
      content.partitions.map(({ name, startBytes, bytes, filesystem }) => [name, startBytes, bytes, filesystem?.type]),
    ).toEqual([
      ['first', 128 * 512, 773 * 512, 'xfs'],
      ['second', 1000 * 512, 901 * 512, undefined],
    ])
  })

  test('an MBR whose protective entry has no table behind it', async () => {
    const bytes = sample('gpt').slice()
    bytes.fill(0, 512)
    expect(await describeDisk(reader(bytes), SAMPLE_BYTES)).toEqual({
      table: 'gpt',
      tableId: null,
      partitions: [],
      filesystem: null,
    })
  })

  test('logical partitions, and a chain that is a circle', async () => {
    const bytes = sample('mbr').slice()
    const numbers = async () => (await describeDisk(reader(bytes), SAMPLE_BYTES)).partitions.map(({ number }) => number)
    expect(await numbers()).toEqual([1, 2, 5, 6])
    bytes.set([0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0], 1200 * 512 + 462)
    expect(await numbers()).toEqual([1, 2, 5, 6])
  })

  test('a disk that is smaller than every superblock', async () => {
    for (const size of [0, 1, 511, 512, 600])
      expect(await describeDisk(reader(new Uint8Array(size)), size)).toMatchObject({ table: null, filesystem: null })
  })

  test('an error of reading is not taken for an empty disk', async () => {
    await expect(describeDisk(async () => Promise.reject(new Error('EIO')), SAMPLE_BYTES)).rejects.toThrow('EIO')
  })
})
