import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'

/** How often a writer is killed: often enough to meet what usually breaks, or very often in the soak. */
export const ROUNDS = process.env.REVEILLE_SOAK ? 100 : 3

/**
 * Runs a writer in a process of its own, kills it without warning a moment after so many acknowledgements (each is a line), and returns
 * what it had acknowledged.
 */
export async function writeAndKill(
  command: readonly string[],
  acknowledgements: number,
  momentMs: number,
): Promise<string[]> {
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (lines.length === acknowledgements) setTimeout(() => child.kill('SIGKILL'), momentMs)
  })
  await once(child, 'close')
  expect(child.signalCode, 'the writer ended by itself').toBe('SIGKILL')
  return lines
}

/** A small generator with a seed that is printed, so that a failure can be had again (`REVEILLE_TEST_SEED`). */
export function printedRandom(file: string): () => number {
  const seed = Number(process.env.REVEILLE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`${file}: REVEILLE_TEST_SEED=${seed}`)
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
