import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { SIZES, writtenChunk } from './written-chunk.ts'

/**
 * Puts chunks into the directory given for ever, several at once, and says the number of each on its standard output once it is acknowledged.
 * Every fifth is deleted again, which is said too. Whoever starts it kills it.
 */
const [directory, from] = process.argv.slice(2)
const store = await FileChunks.open(directory!)
const say = (kind: string, number: number) => writeSync(1, `${kind} ${number}\n`)

let next = Number(from)
async function work(): Promise<never> {
  for (;;) {
    const n = next++
    const payload = writtenChunk(n)
    const sha256 = createHash('sha256').update(payload).digest('hex')
    await store.put(sha256, { encoding: 'identity', payload })
    say('put', n)
    if (n % SIZES !== 0) continue
    say('removing', n)
    await store.remove(sha256, { storedBefore: Date.now() + 1000 })
    say('removed', n)
  }
}
await Promise.all(Array.from({ length: 4 }, work))
