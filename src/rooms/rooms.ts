import type { Machine } from '../machines/machine.ts'

/** The machines that carry one tag. `states` counts them by state. */
export type Room = Readonly<{ tag: string; machines: number; states: Partial<Record<Machine['state'], number>> }>

/** Every tag that a machine carries, sorted. */
export function roomsOf(machines: readonly Pick<Machine, 'tags' | 'state'>[]): Room[] {
  const rooms = new Map<string, { tag: string; machines: number; states: Partial<Record<Machine['state'], number>> }>()
  for (const { tags, state } of machines)
    for (const tag of tags) {
      const room = rooms.get(tag) ?? { tag, machines: 0, states: {} }
      room.machines += 1
      room.states[state] = (room.states[state] ?? 0) + 1
      rooms.set(tag, room)
    }
  return [...rooms.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1))
}
