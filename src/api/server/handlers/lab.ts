import { Refusal } from '../../../kit/errors.ts'
import { type Mac, parseMac } from '../../../kit/mac.ts'
import type { LabMachine } from '../../../lab/lab.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { onePage } from '../paging.ts'
import { time } from '../wire.ts'

type WireLabMachine = ResponseOf<Contract['addLabMachine']>

function macOf(text: string): Mac {
  const mac = parseMac(text)
  if (mac !== undefined) return mac
  throw new Refusal('validation-failed', `${JSON.stringify(text)} is not the MAC of a station`, {
    next: 'write it like 52:54:00:12:34:56',
    problems: [{ path: 'mac', message: 'write it like 52:54:00:12:34:56' }],
  })
}

export function labHandlers({ lab, machines, powers }: ApiDependencies) {
  const there = () => {
    if (!lab)
      throw new Refusal('not-found', 'there is no lab here: it is switched off', {
        next: 'set lab.enabled to true and start the server again; admins can then start virtual machines',
      })
    return lab
  }
  const toWire = (machine: LabMachine): WireLabMachine => {
    const known = machines.byMac(machine.mac)
    return {
      name: machine.name,
      mac: machine.mac,
      firmware: machine.firmware,
      memoryMiB: machine.memoryMiB,
      disksGiB: [...machine.disksGiB],
      diskModel: machine.diskModel,
      nic: machine.nic,
      rom: machine.rom,
      secureBoot: machine.secureBoot,
      bootOrder: machine.bootOrder,
      power: machine.power,
      machine: known ? { id: known.id, name: known.name, state: known.state } : null,
      createdAt: time(machine.createdAt),
    }
  }

  return {
    labStatus: () => there().status(),
    labUp: () => there().up(),
    labDestroy: () => there().destroy(),
    listLabMachines: async () => onePage((await there().list()).map(toWire)),
    async addLabMachine({ body, about }) {
      about(body.name, `${body.firmware}, ${body.memoryMiB} MiB`)
      return toWire(await there().add({ ...body, mac: body.mac === undefined ? undefined : macOf(body.mac) }))
    },
    removeLabMachine: ({ params }) => there().remove(params.name),
    async patchLabMachine({ params, body, about }) {
      const changes = Object.entries(body).map(([field, value]) => `${field} ${value}`)
      about(params.name, changes.join(', '))
      const { power: action, ...patch } = body
      const changed = await there().change(params.name, patch)
      if (action === undefined) return toWire(changed)
      const known = machines.byMac(changed.mac) ?? { id: changed.name, name: changed.name, macs: [changed.mac] }
      const state = await powers.finder(known)?.perform(action)
      return toWire({ ...changed, power: state ?? 'unknown' })
    },
    async labScreen({ params, reply }) {
      const picture = await there().screen(params.name)
      await reply.header('cache-control', 'no-store').type('image/png').send(Buffer.from(picture))
    },
  } satisfies HandlersOf<
    | 'labStatus'
    | 'labUp'
    | 'labDestroy'
    | 'listLabMachines'
    | 'addLabMachine'
    | 'removeLabMachine'
    | 'patchLabMachine'
    | 'labScreen'
  >
}
