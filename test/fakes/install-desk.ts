import type { AgentProgress, AgentTask, Inventory, LogLines, Next, Result } from '../../src/api/contract/agent.ts'
import type { AgentBoot, ChunkShelf, InstallDesk } from '../../src/boot/install/desk.ts'
import { Refusal } from '../../src/kit/errors.ts'
import type { Mac } from '../../src/kit/mac.ts'
import { decodeChunkList } from '../../src/protocols/chunks/list.ts'

/** Deployments as plain lists, for tests of the conversation. What it holds survives a restart of the stage, as a store would. */
export class FakeDesk implements InstallDesk {
  readonly boots = new Map<string, AgentBoot>()
  readonly inventories: Inventory[] = []
  readonly heard: (AgentProgress & { task: string })[] = []
  readonly results = new Map<string, Result>()
  readonly lines: LogLines['lines'] = []
  readonly remarks: string[] = []
  tasks: { id: string; task: AgentTask }[] = []
  allowed: string[] = []
  capturing = false
  stop = false
  over = new Set<string>()

  async takeBoot(boot: Pick<AgentBoot, 'id' | 'machine' | 'deployment' | 'expiresAt'>): Promise<boolean> {
    if (this.boots.has(boot.id)) return false
    for (const other of this.boots.values()) if (other.machine === boot.machine) this.over.add(other.id)
    this.boots.set(boot.id, { ...boot, nonce: null, serverNonce: null })
    return true
  }

  boot(id: string): AgentBoot | undefined {
    return this.over.has(id) ? undefined : this.boots.get(id)
  }

  async greet(id: string, { nonce }: { nonce: string }, serverNonce: string): Promise<AgentBoot | undefined> {
    const boot = this.boot(id)
    if (!boot || boot.nonce !== null) return boot
    this.boots.set(id, { ...boot, nonce, serverNonce })
    return this.boots.get(id)
  }

  async inventory(_boot: AgentBoot, inventory: Inventory): Promise<void> {
    this.inventories.push(inventory)
  }

  async next(): Promise<Next> {
    const waiting = this.tasks.find(({ id }) => !this.results.has(id))
    return waiting ? { do: 'task', ...waiting } : { do: 'wait', seconds: 1, reason: 'nothing to do' }
  }

  async progress(_boot: AgentBoot, task: string, progress: AgentProgress) {
    if (!this.tasks.some(({ id }) => id === task)) throw new Refusal('not-found', `there is no task ${task}`)
    this.heard.push({ ...progress, task })
    return { stop: this.stop, shell: false }
  }

  async result(_boot: AgentBoot, task: string, result: Result): Promise<void> {
    if (!this.results.has(task)) this.results.set(task, result)
  }

  async log(_boot: AgentBoot, lines: LogLines['lines']): Promise<void> {
    this.lines.push(...lines)
  }

  remark(_boot: unknown, _level: string, text: string): void {
    this.remarks.push(text)
  }

  lists(): readonly string[] {
    return this.allowed
  }

  captures(): boolean {
    return this.capturing
  }

  machine() {
    return { name: 'web', mac: '52:54:00:12:34:56' as Mac }
  }
}

type Stored = Readonly<{ encoding: 'zstd' | 'identity'; payload: Uint8Array }>

/** Chunks and lists in memory. */
export class FakeShelf implements ChunkShelf {
  readonly chunks = new Map<string, Stored>()
  readonly lists = new Map<string, Uint8Array>()
  corrupt = new Set<string>()
  full = false

  async readList(sha256: string) {
    return this.lists.get(sha256)
  }

  async putList(sha256: string, encoded: Uint8Array) {
    const { chunks } = decodeChunkList(encoded)
    const lacking = chunks.find((chunk) => chunk !== null && !this.chunks.has(chunk))
    if (lacking) throw new Refusal('not-found', `the chunk ${lacking} is not here`)
    this.lists.set(sha256, encoded)
  }

  async get(sha256: string) {
    if (this.corrupt.has(sha256)) throw new Refusal('corrupt', `the chunk ${sha256} is damaged`)
    return this.chunks.get(sha256)
  }

  async missing(hashes: readonly string[]) {
    return hashes.filter((hash) => !this.chunks.has(hash))
  }

  async put(sha256: string, chunk: Stored) {
    if (this.full) throw new Refusal('no-space', 'the disk of the data directory is full')
    const added = !this.chunks.has(sha256)
    this.chunks.set(sha256, chunk)
    return { added }
  }
}
