import { z } from 'zod'
import { WIPE_METHODS } from '../../deployments/deployment.ts'
import { Inventory } from '../../machines/inventory.ts'
import { Sha256 } from './common.ts'

/**
 * The conversation of the management OS with the server, below `/agent/v1`. The agent always asks and the server answers, so an agent that
 * was cut off, or a server that was killed, goes on by asking again; every question may be asked twice.
 *
 *   GET  /boot/agent/WORD/boot.cpio   an initrd with `/reveille/boot.json` (BootPass); WORD is good for one fetch
 *   POST /agent/v1/hello              Hello -> Welcome; from then on `Authorization: Bearer SESSION`
 *   POST /agent/v1/inventory          Inventory -> 204
 *   POST /agent/v1/next               {} -> Next
 *   POST /agent/v1/tasks/ID/progress  Progress -> Heard      at least every second while a task runs; also the sign of life
 *   POST /agent/v1/tasks/ID/result    Result -> 204          again: the same answer, nothing happens twice
 *   POST /agent/v1/log                LogLines -> 204
 *   GET  /agent/v1/chunk-lists/SHA256            the encoded list of a task of this deployment
 *   GET  /agent/v1/chunks/SHA256                 the chunk as stored; header `x-chunk-encoding: zstd|identity`
 *   POST /agent/v1/chunks/missing     {chunks} -> {missing}  at most 4096 at a time
 *   PUT  /agent/v1/chunks/SHA256                 the same header; 200 {added}
 *   PUT  /agent/v1/chunk-lists/SHA256            200
 *   GET  /agent/v1/shell (WebSocket)             a terminal for operators, while the server asks for one
 *
 * Refusals are problem details as in the API; `401` with code `wrong-credentials` means: this boot is over, restart the machine.
 */

/** What a booted agent is given to prove itself with. `secret` is used for one hello (with one nonce) and never sent. */
export const BootPass = z.object({
  boot: z.string().max(100),
  secret: z.string().max(100),
  server: z.string().max(300),
  machine: z.string().max(100),
})
export type BootPass = z.infer<typeof BootPass>

const Nonce = z.string().regex(/^[0-9a-f]{32}$/)
export const Hello = z.object({ boot: z.string().max(100), nonce: Nonce, version: z.string().max(100) }).strict()
export type Hello = z.infer<typeof Hello>

/**
 * `proof` = hex HMAC-SHA-256(secret, `server NONCE SERVERNONCE`): who answers knows the secret. The session that both compute and that is
 * never sent here is `BOOT.` + hex HMAC-SHA-256(secret, `session NONCE SERVERNONCE`).
 */
export const Welcome = z.object({ serverNonce: Nonce, proof: z.string().regex(/^[0-9a-f]{64}$/), machine: z.string() })
export type Welcome = z.infer<typeof Welcome>

const TaskDisk = z.object({
  serial: z.string(),
  bytes: z.number().int(),
  fingerprint: z.string().nullable(),
  partition: z.number().int().nullable(),
})
export type TaskDisk = z.infer<typeof TaskDisk>

const Identity = z.object({
  hostname: z.string().nullable(),
  sshKeys: z.array(z.string()).readonly(),
  passwordHash: z.string().nullable(),
  userData: z.string().nullable(),
  metaData: z.string().nullable(),
  networkConfig: z.string().nullish(),
  vendorData: z.string().nullish(),
  ignition: z.string().nullable(),
})
export type Identity = z.infer<typeof Identity>

export const AgentTask = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('inventory') }),
  z.object({ kind: z.literal('capture'), from: TaskDisk, image: z.string(), onlyIfChangedFrom: Sha256.nullable() }),
  z.object({
    kind: z.literal('flash'),
    image: z.string(),
    chunks: Sha256,
    to: TaskDisk,
    holes: z.enum(['zero', 'discard']),
    verify: z.enum(['sampled', 'full']),
    grow: z.boolean(),
    /** Chunk lists that other disks of this machine were last known to hold: what they have need not be fetched. */
    local: z.array(z.object({ serial: z.string(), partition: z.number().int().nullable(), chunks: Sha256 })),
  }),
  z.object({ kind: z.literal('identity'), on: TaskDisk, identity: Identity }),
  z.object({ kind: z.literal('boot-entry'), on: TaskDisk }),
  z.object({ kind: z.literal('wipe'), disk: TaskDisk, method: z.enum(WIPE_METHODS) }),
  z.object({ kind: z.literal('script'), script: z.string(), timeoutSeconds: z.number() }),
  z.object({ kind: z.literal('finish'), how: z.enum(['reboot', 'power-off', 'kexec']) }),
])
export type AgentTask = z.infer<typeof AgentTask>

/** `wait`: ask again after `seconds`; `reason` goes on the screen; `shell` as in Heard. */
export const Next = z.discriminatedUnion('do', [
  z.object({ do: z.literal('task'), id: z.string(), task: AgentTask }),
  z.object({
    do: z.literal('wait'),
    seconds: z.number().min(1).max(60),
    reason: z.string(),
    shell: z.boolean().optional(),
  }),
])
export type Next = z.infer<typeof Next>

export const AgentProgress = z
  .object({
    phase: z.string().max(100),
    doneBytes: z.number().min(0),
    totalBytes: z.number().min(0),
    fetchedBytes: z.number().min(0),
    writtenBytes: z.number().min(0),
    /** Sent as `true` before the first byte of a disk is written. */
    dirty: z.boolean(),
  })
  .strict()
export type AgentProgress = z.infer<typeof AgentProgress>

/** `stop`: leave the task at the next safe point and report it as failed with `stopped`; `shell`: open the terminal's WebSocket. */
export const Heard = z.object({ stop: z.boolean(), shell: z.boolean() })
export type Heard = z.infer<typeof Heard>

/** `clean`: no byte of a disk was changed, or all of it was written and verified. */
export const Result = z
  .object({
    ok: z.boolean(),
    summary: z.string().max(2000),
    clean: z.boolean(),
    /** What the kind of task tells besides, such as figures, or the `chunks` (SHA-256 of the list) of a capture. */
    detail: z.record(z.string(), z.unknown()),
  })
  .strict()
export type Result = z.infer<typeof Result>

export const LogLines = z
  .object({
    lines: z
      .array(
        z.object({
          at: z.number().int(),
          level: z.enum(['debug', 'info', 'warn', 'error']),
          text: z.string().max(2000),
        }),
      )
      .max(500),
  })
  .strict()
export type LogLines = z.infer<typeof LogLines>

export const MissingQuestion = z.object({ chunks: z.array(Sha256).max(4096) }).strict()
export const MissingAnswer = z.object({ missing: z.array(Sha256) })

export { Inventory }
