import { browserTransport } from '../../api/client/browser.ts'
import { createClient, type InputOf, type OutputOf } from '../../api/client/client.ts'
import { ApiProblem } from '../../api/client/problem.ts'
import type { OperationId } from '../../api/contract.ts'

export const client = createClient(browserTransport)

/** Calls one operation of the API by its id. Rejects with `ApiProblem`. */
export function call<Id extends OperationId>(id: Id, input: InputOf<Id>): Promise<OutputOf<Id>> {
  const method = client[id] as unknown as (input: InputOf<Id>) => Promise<OutputOf<Id>>
  return method(input)
}

/** What is wrong with one field of a form, where the server said so. */
export function fieldProblem(error: Error | null, path: string): string | undefined {
  if (!(error instanceof ApiProblem)) return undefined
  const plain = (text: string) =>
    text
      .replace(/^[/.]?body[/.]/, '')
      .replace(/^\//, '')
      .replaceAll('/', '.')
  return error.problems.find((problem) => plain(problem.path) === path)?.message
}
