import type { Machine, MachinePatch, NewMachine } from '../../api/contract/machines.ts'

/** What a person may say of a machine, as the form holds it: texts instead of nothing. */
export type MachineFields = {
  name: string
  macs: string[]
  profile: string | null
  ip: string
  hostname: string
  tags: string[]
  notes: string
  serial: string
  architecture: Machine['architecture']
  firmware: Machine['firmware']
  bootLoader: Machine['bootLoader']
}

export const EMPTY: MachineFields = {
  name: '',
  macs: [],
  profile: null,
  ip: '',
  hostname: '',
  tags: [],
  notes: '',
  serial: '',
  architecture: null,
  firmware: null,
  bootLoader: 'auto',
}

/** What the form starts with for a machine that exists. */
export const fieldsOf = (machine: Machine): MachineFields => ({
  ...machine,
  ip: machine.ip ?? '',
  hostname: machine.hostname ?? '',
  serial: machine.serial ?? '',
})

/** Only what a person changed is sent, so that two people who edit different fields do not undo each other. */
export function changes(before: MachineFields, after: MachineFields): MachinePatch {
  const changed = (Object.keys(EMPTY) as (keyof MachineFields)[]).filter(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  )
  const empty = new Set<keyof MachineFields>(['ip', 'hostname', 'serial'])
  return Object.fromEntries(
    changed.map((field) => [field, empty.has(field) && after[field] === '' ? null : after[field]]),
  ) as MachinePatch
}

/** The fields of a new machine; a name that is left out is made by the server. */
export function asNew(fields: MachineFields): NewMachine {
  return { ...changes({ ...EMPTY, macs: [] }, fields), macs: fields.macs } as NewMachine
}
