import type { InputOf } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import type { Trace } from '../../api/contract/traces.ts'

type Sorts = NonNullable<NonNullable<InputOf<'listMachines'>['query']>['sort']>
/** What the lists of machines keep in their addresses, so that they can be sent to a colleague. */
export type MachineFilter = {
  q?: string
  state?: Machine['state']
  profile?: string
  tag?: string
  boot?: Trace['state']
  power?: Machine['power'] & string
  sort?: Sorts
  order?: 'asc' | 'desc'
  batch?: string
  add?: boolean
}

export type RoomFilter = Pick<MachineFilter, 'q' | 'state' | 'boot' | 'power' | 'batch'> & { tiles?: 'small' }
