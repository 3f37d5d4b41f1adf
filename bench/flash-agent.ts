import { createSecretKey, randomBytes } from 'node:crypto'
import { LogStream } from '../src/agent/conversation/log.ts'
import { Talk } from '../src/agent/conversation/talk.ts'
import { ServerChunks } from '../src/agent/conversation/transfer.ts'
import { work } from '../src/agent/conversation/work.ts'
import { openDisk } from '../src/agent/disk/open.ts'
import { flashRunner } from '../src/agent/flash/flash.ts'
import type { Outcome, TaskRunners } from '../src/agent/task.ts'
import { secretOf } from '../src/boot/install/proof.ts'

/**
 * The agent with a file as its disk: `node bench/flash-agent.ts flash URL LIST TARGET` does the one task that it is given and prints
 * its figures; `... fetch URL LIST AGENTS` lets so many agents at once fetch the whole image and write it nowhere.
 */
const [what = '', url = '', list = '', last = ''] = process.argv.slice(2)
const screen = { say: (_: string, text: string) => void (process.env.REVEILLE_BENCH_VERBOSE && console.error(text)) }
let counter = 0

async function talkOf(bytes: number): Promise<Talk> {
  const boot = `boot-${list}-${bytes}-${process.pid}${counter++}${randomBytes(4).toString('hex')}`
  const secret = secretOf(boot, createSecretKey(new Uint8Array(32).fill(7)))
  const talk = new Talk({ pass: { boot, secret, server: url, machine: boot }, version: 'bench', screen })
  await talk.hello()
  return talk
}

if (what === 'flash') {
  const disk = await openDisk(last, { write: true })
  const talk = await talkOf(disk.bytes)
  const flash = flashRunner({ open: async () => disk, openOther: async () => undefined, grow: async () => '' })
  let outcome: Outcome | undefined
  const none = async () => {
    throw new Error('only flashes are measured')
  }
  const runners: TaskRunners = {
    ...{ inventory: none, capture: none, identity: none, 'boot-entry': none, wipe: none, script: none },
    async flash(task, around) {
      outcome = await flash(task, around)
      return outcome
    },
    async finish() {
      console.log(JSON.stringify({ ...outcome?.detail, rssBytes: process.resourceUsage().maxRSS * 1024 }))
      process.exit(outcome ? 0 : 1)
    },
  }
  const log = new LogStream(talk, screen)
  await work({ talk, log, runners, openShell() {}, waiting() {} })
} else if (what === 'fetch') {
  const began = performance.now()
  let bytes = 0
  await Promise.all(
    Array.from({ length: Number(last) }, async () => {
      const talk = await talkOf(0)
      const { chunks } = await new ServerChunks(talk, new AbortController().signal, { bytes: 0 }).list(list)
      const hashes = [...new Set(chunks)].filter((hash) => hash !== null).values()
      await Promise.all(
        Array.from({ length: 6 }, async () => {
          for (const hash of hashes) {
            const { body } = await talk.carry({ method: 'GET', path: `chunks/${hash}`, most: 5_000_000 })
            bytes += body.length
          }
        }),
      )
      talk.close()
    }),
  )
  console.log(JSON.stringify({ bytes, seconds: (performance.now() - began) / 1000 }))
}
