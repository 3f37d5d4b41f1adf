import type { AgentProgress, Heard, Hello, Inventory, LogLines, Next, Result } from '../../api/contract/agent.ts'
import type { Mac } from '../../kit/mac.ts'

/** One boot of the management OS. It is over when it expires, when its machine fetches a newer pass, or when its deployment is at rest. */
export type AgentBoot = Readonly<{
  id: string
  /** Id of the machine. */
  machine: string
  deployment: string
  expiresAt: number
  /** Set by its first hello; both, or neither. */
  nonce: string | null
  serverNonce: string | null
}>

/** What the conversation needs of the deployments; main.ts hands it in. Everything that changes something is durable before it resolves. */
export interface InstallDesk {
  /**
   * Uses a pass up. False when a boot with this id was there before: its word was replayed. Otherwise the boot is kept and the older
   * boots of its machine are over.
   */
  takeBoot(boot: Readonly<Pick<AgentBoot, 'id' | 'machine' | 'deployment' | 'expiresAt'>>): Promise<boolean>
  /** The boot, from memory; `undefined` when it never was or is over. */
  boot(id: string): AgentBoot | undefined
  /**
   * Keeps the nonces of the first hello and returns those that are kept: the same agent may ask again and gets the same answer.
   * `undefined` when the boot is over.
   */
  greet(id: string, hello: Pick<Hello, 'nonce' | 'version'>, serverNonce: string): Promise<AgentBoot | undefined>
  inventory(boot: AgentBoot, inventory: Inventory): Promise<void>
  next(boot: AgentBoot): Promise<Next>
  /** A `Refusal` (`not-found`, `wrong-state`) for a task that is not this boot's running one. */
  progress(boot: AgentBoot, task: string, progress: AgentProgress): Promise<Heard>
  /** Again: the same answer, and nothing happens twice. */
  result(boot: AgentBoot, task: string, result: Result): Promise<void>
  log(boot: AgentBoot, lines: LogLines['lines']): Promise<void>
  /** What an operator should find in the deployment's log although the agent did not say it, such as a replayed word. */
  remark(boot: Pick<AgentBoot, 'machine' | 'deployment'>, level: 'info' | 'warn', text: string): void
  /** SHA-256 of the chunk lists that the tasks of this deployment name, sources on other disks included. */
  lists(boot: AgentBoot): readonly string[]
  /** Whether a capture task runs: only then does this boot send chunks. */
  captures(boot: AgentBoot): boolean
  /** What of a machine's name and MAC is shown in traces. */
  machine(id: string): Readonly<{ name: string; mac: Mac | undefined }> | undefined
}

/** Where chunks and their lists come from and go to. */
export interface ChunkShelf {
  /** The encoded list with this SHA-256. */
  readList(sha256: string): Promise<Uint8Array | undefined>
  /** Keeps an encoded list; all its chunks must be here (`not-found` names some that are not). */
  putList(sha256: string, encoded: Uint8Array): Promise<void>
  get(sha256: string): Promise<Readonly<{ encoding: 'zstd' | 'identity'; payload: Uint8Array }> | undefined>
  missing(hashes: readonly string[]): Promise<string[]>
  put(
    sha256: string,
    chunk: Readonly<{ encoding: 'zstd' | 'identity'; payload: Uint8Array }>,
  ): Promise<Readonly<{ added: boolean }>>
}
