import type { Machine } from '../machines/machine.ts'

type Counts = Record<string, number>
/** The machines that carry one tag, counted by their state, the state of their newest boot and what was read of their power last. */
export type Room = Readonly<{ tag: string; machines: number; states: Counts; boots: Counts; power: Counts }>

/** Every tag that a machine carries, sorted. */
export function roomsOf<M extends Pick<Machine, 'tags' | 'state'>>(
  machines: readonly M[],
  known: (machine: M) => { boot: string | undefined; power: string | undefined },
): Room[] {
  const rooms = new Map<string, Room>()
  for (const machine of machines) {
    if (machine.tags.length === 0) continue
    const { boot, power } = known(machine)
    for (const tag of machine.tags) {
      const { machines: n, ...room } = rooms.get(tag) ?? { tag, machines: 0, states: {}, boots: {}, power: {} }
      add(room.states, machine.state)
      add(room.boots, boot)
      add(room.power, power)
      rooms.set(tag, { ...room, machines: n + 1 })
    }
  }
  return [...rooms.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1))
}

function add(to: Counts, word: string | undefined): void {
  if (word !== undefined) to[word] = (to[word] ?? 0) + 1
}
