import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openSqlite } from './sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'reveille-turns-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a long row of statements leaves turns to others, also within a transaction', async () => {
  const { db, close } = openSqlite(join(folder, 'some.db'))
  let turns = 0
  let going = true
  const turn = () => {
    turns += 1
    if (going) setImmediate(turn)
  }
  /** Statements until others had three turns; far more than fit into one turn if they have none. */
  const row = async (connection: typeof db) => {
    turns = 0
    for (let count = 0; count < 50_000 && turns < 3; count++)
      await connection.selectNoFrom((from) => from.val(count).as('n')).execute()
    return turns
  }
  setImmediate(turn)
  try {
    expect(await row(db)).toBeGreaterThanOrEqual(3)
    expect(await db.transaction().execute((transaction) => row(transaction))).toBeGreaterThanOrEqual(3)
  } finally {
    going = false
    await close()
  }
})
