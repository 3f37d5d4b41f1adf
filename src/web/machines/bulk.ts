import { ApiProblem } from '../../api/client/problem.ts'
import type { Machine } from '../../api/contract/machines.ts'

/** How an order for many machines ended: how many obeyed, and what the first refusal said. */
export type BulkResult = Readonly<{ done: number; failed: readonly { machine: string; error: Error }[] }>

/**
 * Does one thing to many machines, a few at a time so that the server stays quick for others. A refusal does not stop the rest,
 * but a lost connection or session does: it would fail for all of them.
 */
export async function forEachMachine(
  machines: readonly Pick<Machine, 'id' | 'name'>[],
  act: (machine: Pick<Machine, 'id' | 'name'>) => Promise<unknown>,
  onProgress: (ended: number) => void,
  width = 6,
): Promise<BulkResult> {
  const failed: { machine: string; error: Error }[] = []
  let done = 0
  let at = 0
  let lost: Error | undefined
  const worker = async () => {
    for (let machine = machines[at++]; machine && !lost; machine = machines[at++]) {
      try {
        await act(machine)
        done++
      } catch (error) {
        const problem = error instanceof Error ? error : new Error(String(error))
        failed.push({ machine: machine.name, error: problem })
        if (problem instanceof ApiProblem && (problem.status === 0 || problem.status === 401)) lost = problem
      }
      onProgress(done + failed.length)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return { done, failed }
}

/** The tags of a machine after some were given to it and some taken away; `null`: they stay as they are. */
export function retagged(
  tags: readonly string[],
  { add, remove }: { add: readonly string[]; remove: readonly string[] },
): string[] | null {
  const after = [...new Set([...tags, ...add])].filter((tag) => !remove.includes(tag))
  return after.length === tags.length && after.every((tag, at) => tag === tags[at]) ? null : after
}
