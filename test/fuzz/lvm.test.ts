import { expect, test } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import { placeOf } from '../../src/volumes/drivers/lvm/names.ts'
import { parseVolumes } from '../../src/volumes/drivers/lvm/report.ts'
import {
  devicesOf,
  parseDevices,
  parseGroups,
  parseLogicalVolumes,
  parsePhysicalVolumes,
  parseSignatures,
} from '../../src/volumes/drivers/lvm/server-state.ts'
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

const OWN = { group: 'vg0', thinPool: 'reveille' }
const PVS = `{"report":[{"pv":[{"pv_name":"/dev/sdb","pv_size":"4194304","pv_used":"0","dev_size":"4200000","vg_name":"vg0",
"vg_size":"4194304","vg_free":"4194304","vg_extent_size":"4194304","vg_missing_pv_count":"0"}]}],"log":[]}`
const LVS = `{"report":[{"lv":[{"lv_name":"data","vg_name":"vg0","lv_size":"4194304","lv_layout":"linear",
"lv_device_open":"","origin":"","lv_tags":"a,reveille","pool_lv":""}]}]}`
const TREE = `{"blockdevices":[{"name":"sda","path":"/dev/sda","size":9,"type":"disk","ro":false,"model":"x","fstype":null,
"pttype":"gpt","mountpoints":[null],"children":[{"path":"/dev/sda1","size":4,"type":"part","mountpoints":["/"]}]}]}`
const SIGNATURES = '{"signatures":[{"device":"sda","offset":"0x438","type":"ext4","uuid":null,"label":null}]}'

/** What reads a text, with one that it understands. */
const READERS: readonly (readonly [string, (text: string) => unknown])[] = [
  [PVS, parsePhysicalVolumes],
  [PVS, (text) => parseGroups(text, [], OWN)],
  [LVS, (text) => parseLogicalVolumes(text, OWN)],
  [TREE, (text) => devicesOf(parseDevices(text), [], new Map())],
  [SIGNATURES, parseSignatures],
]

test.each(READERS)('storage of the server: whatever programs tell is read or refused (%#)', (example, parse) => {
  const mutator = new Mutator(fuzzSeed('storage'))
  let read = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const text = Buffer.from(mutator.mutate(Buffer.from(example))).toString()
    try {
      parse(text)
      read++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`input ${i}: ${JSON.stringify(text)}`, { cause: error })
    }
  }
  expect(read).toBeGreaterThan(0)
})
