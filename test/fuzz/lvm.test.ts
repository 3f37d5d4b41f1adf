import { expect, test } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import { placeOf } from '../../src/volumes/drivers/lvm/names.ts'
import { parseVolumes } from '../../src/volumes/drivers/lvm/report.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const REPORT = `{"report":[{"lv":[{"lv_name":"rv.v.a","lv_size":"4194304","lv_tags":"reveille,reveille:volume=v_a,reveille:bytes=512",
"data_percent":"12.50","metadata_percent":"","lv_device_open":"open","pool_lv":"reveille","chunk_size":"0"}]}],"log":[]}`

test('LVM: whatever it reports is read or refused', () => {
  const mutator = new Mutator(fuzzSeed('LVM'))
  let read = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const text = Buffer.from(mutator.mutate(Buffer.from(REPORT))).toString()
    try {
      for (const volume of parseVolumes(text)) {
        expect(Number.isFinite(volume.bytes)).toBe(true)
        placeOf(volume)
      }
      read++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`input ${i}: ${JSON.stringify(text)}`, { cause: error })
    }
  }
  expect(read).toBeGreaterThan(0)
})
