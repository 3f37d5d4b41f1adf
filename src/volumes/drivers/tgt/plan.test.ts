import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../kit/errors.ts'
import type { Target, TargetLun } from '../../engine.ts'
import { planAccounts, planTarget } from './plan.ts'
import type { TgtTarget } from './show.ts'

const SCSI = { vendor: 'A,B', product: 'DISK', revision: '1' }
const lun = (number: number): TargetLun => ({
  ...{ lun: number, volume: `v_${number}`, readOnly: false, serial: `v_${number}`, scsi: SCSI },
})
const disk = (number: number) => ({ lun: lun(number), path: `/volumes/${number}` })
const TARGET: Target = { iqn: 'iqn.x:one', initiators: ['iqn.x:m'], addresses: null, chap: null, luns: [lun(0)] }
const PRESENT: TgtTarget = {
  ...{ tid: 3, iqn: TARGET.iqn, accounts: [], acl: ['iqn.x:m'] },
  nexuses: [{ id: 5, initiator: 'iqn.x:m', connections: [0], address: '10.0.0.1' }],
  luns: [
    { lun: 0, type: 'controller', path: 'None', readOnly: false, serial: '' },
    { lun: 1, type: 'disk', path: '/volumes/0', readOnly: false, serial: 'v_0' },
  ],
}
const words = (calls: readonly (readonly string[])[]) => calls.map((call) => call.join(' '))

describe('what tgtd is told of a target', () => {
  test('a new one: nobody may log in until all is there', () => {
    const plan = planTarget(undefined, 3, TARGET, [disk(0)], undefined)
    expect(plan.close).toEqual([])
    expect(words(plan.luns)).toEqual([
      '--op new --mode target --tid 3 --targetname iqn.x:one',
      '--op update --mode target --tid 3 --name MaxRecvDataSegmentLength --value 262144',
      '--op update --mode target --tid 3 --name FirstBurstLength --value 262144',
      '--op new --mode logicalunit --tid 3 --lun 1 --backing-store /volumes/0',
      '--op update --mode logicalunit --tid 3 --lun 1 --params vendor_id=A.B,product_id=DISK,product_rev=1,scsi_sn=v_0,scsi_id=v_0,readonly=0,thin_provisioning=1',
    ])
    expect(words(plan.open)).toEqual(['--op bind --mode target --tid 3 --initiator-name iqn.x:m'])
  })

  test('the same again: nothing', () => {
    expect(planTarget(PRESENT, 3, TARGET, [disk(0)], TARGET)).toEqual({ close: [], ended: [], luns: [], open: [] })
  })

  test('other people: the door is shut, they are ended, and new ones let in', () => {
    const plan = planTarget(PRESENT, 3, { ...TARGET, initiators: ['iqn.x:n'] }, [disk(0)], TARGET)
    expect(words(plan.close)).toEqual(['--op unbind --mode target --tid 3 --initiator-name iqn.x:m'])
    expect(plan.ended).toEqual([5])
    expect(words(plan.open)).toEqual(['--op bind --mode target --tid 3 --initiator-name iqn.x:n'])
  })

  test('another secret: while its users change a target asks for no proof, so nobody may come then', () => {
    const changed = { ...TARGET, chap: { user: 'm', secret: 'secret' } }
    const plan = planTarget(PRESENT, 3, changed, [disk(0)], TARGET)
    expect(words(plan.close)).toEqual(['--op unbind --mode target --tid 3 --initiator-name iqn.x:m'])
    expect(plan.ended).toEqual([5])
    expect(plan.luns).toEqual([])
    expect(words(plan.open)).toEqual(['--op bind --mode target --tid 3 --initiator-name iqn.x:m'])
  })

  test('one of which nobody knows how it was told: all of it is new', () => {
    const plan = planTarget(PRESENT, 3, TARGET, [disk(0)], undefined)
    expect(words(plan.close)).toEqual(['--op unbind --mode target --tid 3 --initiator-name iqn.x:m'])
    expect(plan.ended).toEqual([5])
  })

  test('anybody, or an address', () => {
    const open = (more: Partial<Target>) => words(planTarget(undefined, 1, { ...TARGET, ...more }, [], undefined).open)
    expect(open({ initiators: null })).toEqual(['--op bind --mode target --tid 1 --initiator-address ALL'])
    expect(open({ initiators: null, addresses: ['10.0.0.9'] })).toEqual([
      '--op bind --mode target --tid 1 --initiator-address 10.0.0.9',
    ])
    expect(open({ addresses: ['10.0.0.9'] })).toEqual(['--op bind --mode target --tid 1 --initiator-name iqn.x:m'])
  })

  test('with names and addresses, a session from elsewhere may not stay', () => {
    expect(planTarget(PRESENT, 3, { ...TARGET, addresses: ['10.0.0.9'] }, [disk(0)], TARGET).ended).toEqual([5])
    expect(planTarget(PRESENT, 3, { ...TARGET, addresses: ['10.0.0.1'] }, [disk(0)], TARGET).ended).toEqual([])
  })

  test('a disk more, a disk less, and one that is now read-only', () => {
    const more = { ...TARGET, luns: [lun(0), lun(1)] }
    expect(words(planTarget(PRESENT, 3, more, [disk(0), disk(1)], TARGET).luns)[0]).toBe(
      '--op new --mode logicalunit --tid 3 --lun 2 --backing-store /volumes/1',
    )
    expect(words(planTarget(PRESENT, 3, { ...TARGET, luns: [] }, [], TARGET).luns)).toEqual([
      '--op delete --mode logicalunit --tid 3 --lun 1',
    ])
    const frozen = { ...lun(0), readOnly: true }
    const plan = planTarget(PRESENT, 3, { ...TARGET, luns: [frozen] }, [{ lun: frozen, path: '/volumes/0' }], TARGET)
    expect(plan.luns).toHaveLength(3)
    expect(plan.luns[2]!.join(' ')).toContain('readonly=1')
  })

  test('a path that tgtd cannot be told is refused', () => {
    expect(() => planTarget(undefined, 1, TARGET, [{ lun: lun(0), path: '/a,b' }], undefined)).toThrow(Refusal)
  })
})

describe('CHAP users of tgtd', () => {
  const chap = { user: 'm', secret: 'secret1', mutual: { user: 'us', secret: 'secret2' } }
  const one = { ...TARGET, chap }
  const bound = [
    { user: 'm', outgoing: false },
    { user: 'us', outgoing: true },
  ]
  const known = new Map([
    ['m', 'secret1'],
    ['us', 'secret2'],
  ])

  test('are made and bound once', () => {
    expect(words(planAccounts(1, one, [], [], new Map()))).toEqual([
      '--op new --mode account --user m --password secret1',
      '--op bind --mode account --user m --tid 1',
      '--op new --mode account --user us --password secret2',
      '--op bind --mode account --user us --tid 1 --outgoing',
    ])
    expect(planAccounts(1, one, bound, [], known)).toEqual([])
  })

  test('change their secret', () => {
    const changed = { ...one, chap: { ...chap, secret: 'secret3' } }
    expect(words(planAccounts(1, changed, bound, [], known))).toEqual([
      '--op delete --mode account --user m',
      '--op new --mode account --user m --password secret3',
      '--op bind --mode account --user m --tid 1',
    ])
  })

  test('go when nobody needs them', () => {
    const two = { ...one, iqn: 'iqn.x:two', chap: { user: 'n', secret: 'secret4', mutual: chap.mutual } }
    expect(words(planAccounts(1, TARGET, bound, [two], known))).toEqual([
      '--op unbind --mode account --user m --tid 1',
      '--op unbind --mode account --user us --tid 1 --outgoing',
      '--op delete --mode account --user m',
    ])
  })

  test('have one secret only', () => {
    const two = { ...one, iqn: 'iqn.x:two', chap: { user: 'm', secret: 'secret4' } }
    expect(() => planAccounts(1, two, [], [one], known)).toThrow(Refusal)
    expect(() =>
      planAccounts(1, { ...one, chap: { ...chap, mutual: { user: 'm', secret: 'x' } } }, [], [], known),
    ).toThrow(Refusal)
  })
})
