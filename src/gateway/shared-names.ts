import type { BmcBackEnd } from './back-end.ts'

/** IPMI 2.0 §13.20: the field of the user name. */
const NAME_BYTES = 16

/**
 * The user names of the shared endpoint: `USER` where only one machine has such an account, and `USER@MACHINE`, cut to 16 bytes.
 * Names that several would have belong to none.
 */
export class SharedNames {
  #machines: Map<string, string | null> | undefined

  /** What was known is out of date. */
  changed(): void {
    this.#machines = undefined
  }

  /** The id of the machine. */
  find(name: string, all: () => readonly BmcBackEnd[]): string | undefined {
    this.#machines ??= namesOf(all())
    return this.#machines.get(name) ?? undefined
  }
}

/** What to give as user name on the shared endpoint for an account of a machine. */
export function sharedName(user: string, machine: string): string {
  return `${user}@${machine}`.slice(0, NAME_BYTES)
}

function namesOf(backEnds: readonly BmcBackEnd[]): Map<string, string | null> {
  const names = new Map<string, string | null>()
  const add = (name: string, machine: string) => {
    const known = names.get(name)
    names.set(name, known === undefined || known === machine ? machine : null)
  }
  for (const { bmc, machine } of backEnds)
    for (const { name } of bmc.users) {
      add(name, bmc.machine)
      add(sharedName(name, machine.name), bmc.machine)
    }
  return names
}
