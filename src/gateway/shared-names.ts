import type { BmcBackEnd } from './back-end.ts'

/** IPMI 2.0 §13.20: the field of the user name. */
const NAME_BYTES = 16

type Names = Map<string, string | null>

/**
 * The user names of the shared endpoint: `USER@MACHINE`, cut to 16 bytes, and `USER` where only one machine has such an account.
 * Names that several would have belong to none. What names a machine counts first: an account of one BMC that is called like
 * `USER@MACHINE` of another must not keep that one's clients out.
 */
export class SharedNames {
  #known: Readonly<{ full: Names; plain: Names }> | undefined

  /** What was known is out of date. */
  changed(): void {
    this.#known = undefined
  }

  /** The id of the machine. */
  find(name: string, all: () => readonly BmcBackEnd[]): string | undefined {
    this.#known ??= namesOf(all())
    const { full, plain } = this.#known
    return (full.has(name) ? full.get(name) : plain.get(name)) ?? undefined
  }
}

/** What to give as user name on the shared endpoint for an account of a machine. */
export function sharedName(user: string, machine: string): string {
  return `${user}@${machine}`.slice(0, NAME_BYTES)
}

function namesOf(backEnds: readonly BmcBackEnd[]): { full: Names; plain: Names } {
  const full: Names = new Map()
  const plain: Names = new Map()
  const add = (names: Names, name: string, machine: string) => {
    const known = names.get(name)
    names.set(name, known === undefined || known === machine ? machine : null)
  }
  for (const { bmc, machine } of backEnds)
    for (const { name } of bmc.users) {
      add(plain, name, bmc.machine)
      // A name of 16 bytes leaves no room for the machine.
      if (name.length < NAME_BYTES) add(full, sharedName(name, machine.name), bmc.machine)
    }
  return { full, plain }
}
