import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { Refusal } from '../../kit/errors.ts'
import type { Mac } from '../../kit/mac.ts'
import type { LabMachine } from '../../lab/lab.ts'
import type { ApiDependencies } from './dependencies.ts'

const VM: LabMachine = {
  name: 'vm1',
  mac: '52:54:00:aa:00:01' as Mac,
  firmware: 'bios',
  memoryMiB: 512,
  disksGiB: [],
  diskModel: 'virtio-blk-pci',
  nic: 'virtio-net-pci',
  rom: 'ipxe',
  secureBoot: false,
  bootOrder: 'network',
  power: 'off',
  createdAt: 0,
}

/** A lab of one machine. */
class FakeLab {
  machine = VM
  status: NonNullable<ApiDependencies['lab']>['status'] = async () => ({
    ...{ state: 'up', mode: 'user', subnet: null, interface: null, acceleration: 'tcg', reason: 'fine', machines: 1 },
  })
  up = this.status
  destroy = async () => {}
  list = async () => [this.machine]
  nameOf = (mac: Mac) => (mac === VM.mac ? VM.name : undefined)
  add = async () => this.machine
  async change(name: string, patch: Partial<Pick<LabMachine, 'bootOrder'>>) {
    if (name !== VM.name) throw new Refusal('not-found', `there is no lab machine ${name}`)
    this.machine = { ...this.machine, ...patch }
    return this.machine
  }
  remove = async () => {}
  screen = async () => new Uint8Array()
}

const lab = new FakeLab()
let world: World
beforeAll(async () => {
  world = await openWorld({ lab })
})
afterAll(() => world.close())

test('a machine tells which virtual machine of the lab it is, by any of its MACs', async () => {
  const { client } = await world.as('operator')
  const [virtual, real] = [['52:54:00:aa:00:ff', VM.mac], ['52:54:00:aa:00:02']]
  expect((await client.createMachine({ body: { name: 'virtual', macs: virtual! } })).lab).toBe('vm1')
  expect((await client.createMachine({ body: { name: 'real', macs: real! } })).lab).toBeNull()
  expect((await client.listMachines()).items.map((machine) => [machine.name, machine.lab])).toEqual([
    ['real', null],
    ['virtual', 'vm1'],
  ])
})

test('a lab machine is switched before it was ever seen, after what else is changed; the answer is what was read back', async () => {
  const { client } = await world.as('admin')
  const params = { name: VM.name }
  const on = await client.patchLabMachine({ params, body: { bootOrder: 'disk', power: 'on' } })
  expect(on).toMatchObject({ power: 'on', bootOrder: 'disk' })
  expect(world.power.now).toBe('on')
  expect((await client.patchLabMachine({ params, body: { power: 'off' } })).power).toBe('off')
  expect(world.power.now).toBe('off')
  await expect(client.patchLabMachine({ params: { name: 'gone' }, body: { power: 'on' } })).rejects.toMatchObject({
    code: 'not-found',
  })
  expect(world.power.now).toBe('off')
})
