import type { AgentTask, Next, Result } from '../../api/contract/agent.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Mac } from '../../kit/mac.ts'
import type { TraceKind } from '../../traces/kinds.ts'
import type { Outcome, Stage, TraceEvent, TraceRecorder } from '../../traces/trace.ts'
import type { AgentBoot, InstallDesk } from './desk.ts'

/** A machine that runs the management OS now; times in milliseconds since 1970. */
export type RunningAgent = Readonly<{ machine: string; since: number; heardAt: number; doing: string }>

type Subject = Pick<AgentBoot, 'id' | 'machine' | 'deployment'>
type Seen = {
  machine: string
  mac: Mac | undefined
  since: number
  heardAt: number
  doing: string
  told: string
  tracedAt: number
}

/** How often a running task leaves a mark in the trace: well within the patience of the stall rule. */
const TRACE_EVERY_MS = 20_000
/** Boots and suspicions kept in mind. */
const MOST_SEEN = 10_000
/** Unheard for longer, it is no longer said to run. */
const RUNNING_MS = 120_000

/** What the conversation leaves in traces and in the deployment's log, each thing once. */
export class InstallNotes {
  readonly #traces: TraceRecorder
  readonly #desk: Pick<InstallDesk, 'remark' | 'machine'>
  readonly #clock: Clock
  readonly #seen = new Map<string, Seen>()
  readonly #suspicions = new Set<string>()

  constructor(traces: TraceRecorder, desk: Pick<InstallDesk, 'remark' | 'machine'>, clock: Clock) {
    this.#traces = traces
    this.#desk = desk
    this.#clock = clock
  }

  passGiven(boot: Subject, mac: Mac, client: string): void {
    this.#traces.learn(mac, client)
    this.#of(boot).mac = mac
    this.#trace(boot, client, 'agent.pass', 'fetch', 'ok', [
      'it fetched what its management OS proves itself with',
      'the word was good, and is used up now',
    ])
  }

  hello(boot: Subject, client: string, version: string, again: boolean): void {
    this.#of(boot).doing = 'said hello'
    const reason = again ? 'it had asked before and got the same answer' : 'its pass is good'
    this.#trace(boot, client, 'agent.hello', 'install', 'ok', ['the management OS runs and said hello', reason], {
      version,
    })
  }

  inventory(boot: Subject, client: string, disks: number): void {
    this.#trace(boot, client, 'agent.inventory', 'install', 'ok', [
      `it told what is in it, ${disks} ${disks === 1 ? 'disk' : 'disks'} among that`,
      'deployments choose disks by it',
    ])
  }

  next(boot: Subject, client: string, next: Next): void {
    const seen = this.#of(boot)
    seen.heardAt = this.#clock.now()
    const doing = next.do === 'task' ? taskWords(next.task) : `waits: ${next.reason}`
    const told = next.do === 'task' ? next.id : doing
    seen.doing = doing
    if (seen.told === told) return
    seen.told = told
    if (next.do === 'task')
      this.#trace(
        boot,
        client,
        'agent.task',
        'install',
        'ok',
        ['it asked what to do and began a task', `it is to ${doing}`],
        { task: next.task.kind },
      )
    else
      this.#trace(boot, client, 'agent.wait', 'install', 'ok', ['it asked what to do and is told to wait', next.reason])
  }

  /** A sign of life. */
  heard(boot: Subject, client: string, phase: string): void {
    const seen = this.#of(boot)
    const now = this.#clock.now()
    seen.heardAt = now
    if (now - seen.tracedAt < TRACE_EVERY_MS) return
    this.#trace(boot, client, 'agent.progress', 'install', 'ok', ['it is at work', phase || 'it does not say at what'])
  }

  result(boot: Subject, client: string, task: string, { ok, summary, clean }: Result): void {
    const seen = this.#of(boot)
    const done = `result ${task}`
    if (seen.told === done) return
    const finishes = FINISHES.includes(seen.doing)
    seen.told = done
    seen.doing = ok ? 'finished a task' : 'failed at a task'
    const what = ok ? 'it finished its task' : `it could not do its task${clean ? '' : ', a disk is half written'}`
    this.#trace(boot, client, 'agent.result', 'install', ok ? 'ok' : 'failed', [what, summary.slice(0, 300)], {
      ok,
      finished: finishes && ok,
    })
  }

  /** Somebody shows what only the agent of this boot should have, and is not that agent. */
  suspicious(boot: Subject, client: string, summary: string, text: string): void {
    const key = `${boot.id} ${summary}`
    if (this.#suspicions.has(key)) return
    if (this.#suspicions.size >= MOST_SEEN) this.#suspicions.clear()
    this.#suspicions.add(key)
    this.#desk.remark(boot, 'warn', text)
    // No sign of life of the agent itself.
    const mac = this.#seen.get(boot.id)?.mac ?? this.#desk.machine(boot.machine)?.mac
    const event = { kind: 'agent.refused', stage: 'install', outcome: 'refused' } satisfies Partial<TraceEvent>
    this.#traces.record({ mac, address: client }, { ...event, summary, reason: text })
  }

  /** Somebody whose boot is not known at all. */
  stranger(client: string, reason: string): void {
    const event = { kind: 'agent.refused', stage: 'install', outcome: 'refused' } satisfies Partial<TraceEvent>
    this.#traces.record({ address: client }, { ...event, summary: 'an agent was refused', reason })
  }

  running(): RunningAgent[] {
    const since = this.#clock.now() - RUNNING_MS
    return [...this.#seen.values()]
      .filter(({ heardAt }) => heardAt > since)
      .map(({ machine, since: from, heardAt, doing }) => ({ machine, since: from, heardAt, doing }))
  }

  #of({ id, machine }: Subject): Seen {
    const known = this.#seen.get(id)
    if (known) return known
    // Of one machine only the newest boot runs.
    for (const [other, seen] of this.#seen) if (seen.machine === machine) this.#seen.delete(other)
    if (this.#seen.size >= MOST_SEEN) this.#seen.delete(this.#seen.keys().next().value!)
    const now = this.#clock.now()
    const mac = this.#desk.machine(machine)?.mac
    const seen: Seen = { machine, mac, since: now, heardAt: now, doing: 'starts', told: '', tracedAt: 0 }
    this.#seen.set(id, seen)
    return seen
  }

  #trace(
    boot: Subject,
    address: string,
    kind: TraceKind,
    stage: Stage,
    outcome: Outcome,
    [summary, reason]: readonly [string, string],
    detail: NonNullable<TraceEvent['detail']> = {},
  ): void {
    const seen = this.#of(boot)
    seen.tracedAt = this.#clock.now()
    const { mac } = seen
    this.#traces.record({ mac, address }, { kind, stage, outcome, summary, reason, detail })
  }
}

const FINISH = {
  reboot: 'restart',
  'power-off': 'switch itself off',
  kexec: 'start the installed system at once',
} as const
const FINISHES: readonly string[] = Object.values(FINISH)

function taskWords(task: AgentTask): string {
  switch (task.kind) {
    case 'inventory':
      return 'look at its hardware'
    case 'capture':
      return `save the disk ${task.from.serial} as ${task.image}`
    case 'flash':
      return `write ${task.image} to the disk ${task.to.serial}`
    case 'identity':
      return `give the system on the disk ${task.on.serial} its identity`
    case 'boot-entry':
      return `make the firmware boot the disk ${task.on.serial}`
    case 'wipe':
      return `wipe the disk ${task.disk.serial}`
    case 'script':
      return 'run a script'
    case 'finish':
      return FINISH[task.how]
  }
}
