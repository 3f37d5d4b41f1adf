import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Route } from '../contract/route.ts'
import { contract } from '../contract.ts'

/** The browser gets this table instead of the contract, which would bring all of zod along. */
test('the table of the client says what the contract says (vitest run -u src/api/client writes it anew)', async () => {
  const kind = (value: unknown) => (typeof value === 'string' ? value : value === undefined ? 'none' : 'json')
  const rows = Object.entries<Route>(contract).map(
    ([id, route]) =>
      `  ${id}: ['${route.method}', '${route.path}', '${kind(route.body)}', '${kind(route.response)}'],\n`,
  )
  const text =
    '/** Method, path, what is sent and what is answered, for each operation. Written by routes.test.ts from the contract. */\n' +
    `export const ROUTES = {\n${rows.join('')}} as const\n`
  await expect(text).toMatchFileSnapshot(join(import.meta.dirname, 'routes.ts'))
})
