import { expect, test } from 'vitest'
import { DecodeError } from '../../src/kit/errors.ts'
import { parsePortals, parseTargets } from '../../src/volumes/drivers/tgt/show.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const SHOWN = `Target 1: iqn.2026-11.org.reveille:one
    I_T nexus information:
        I_T nexus: 8
            Initiator: iqn.2008-11.org.linux-kvm alias: none
            Connection: 0
                IP Address: 127.0.0.1
    LUN information:
        LUN: 1
            Type: disk
            SCSI SN: v_abc
            Readonly: Yes
            Backing store path: /volumes/a.img
    Account information:
        o1 (outgoing)
    ACL information:
        ALL
Portal: 10.0.0.1:3260,1
`

test('tgtadm: whatever it prints is read or refused', () => {
  const mutator = new Mutator(fuzzSeed('tgtadm'))
  let read = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const text = Buffer.from(mutator.mutate(Buffer.from(SHOWN))).toString()
    try {
      for (const target of parseTargets(text)) {
        expect(Number.isSafeInteger(target.tid)).toBe(true)
        for (const { lun } of target.luns) expect(Number.isSafeInteger(lun)).toBe(true)
      }
      parsePortals(text)
      read++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`input ${i}: ${JSON.stringify(text)}`, { cause: error })
    }
  }
  expect(read).toBeGreaterThan(0)
})
