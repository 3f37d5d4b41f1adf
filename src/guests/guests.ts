import { Refusal } from '../kit/errors.ts'
import { type Log, SILENT } from '../kit/log.ts'
import { Secret } from '../kit/secret.ts'
import type { Machine } from '../machines/machine.ts'
import type {
  GuestAccess,
  GuestConnection,
  GuestConnector,
  GuestFacts,
  GuestFamily,
  GuestOutcome,
  GuestRepository,
  GuestSealer,
  OfflineDisk,
  SealedAccess,
} from './guest.ts'
import { ACCEPTED, parseUnixFacts, rootProblem, UNIX_FACTS, UNIX_SET_PASSWORD, UNIX_USER, unixReboot } from './unix.ts'
import {
  complaint,
  parseWindowsFacts,
  powershell,
  WINDOWS_FACTS,
  WINDOWS_SET_PASSWORD,
  WINDOWS_USER,
  windowsAccounts,
  windowsReboot,
} from './windows.ts'
import { field, linesOf } from './words.ts'

/** Waiting for one command of a guest, in milliseconds. */
const COMMAND_MS = 20_000

type Dependencies = Readonly<{
  repository: GuestRepository
  sealer: GuestSealer
  connector: GuestConnector
  /** Where the running system answers, in dotted decimal; `undefined` when nobody knows. */
  addressOf: (machine: Machine) => string | undefined
  /** Sets a password in the disk of a machine that is off; without it there is none to reach. */
  offline?: OfflineDisk | undefined
  base64: (text: string, encoding: 'utf8' | 'utf16le') => string
  log?: Log | undefined
}>

/** What a person says of how a running system is reached. The host key is SHA256:... */
export type NewAccess = Readonly<{
  user: string
  port: number
  password: string | null
  privateKey: string | null
  hostKey: string | null
}>

export type ToldAccess = Readonly<{ user: string; port: number; hostKey: string | null }>

/**
 * The running systems of machines, reached through SSH with the access that was set for each. Nothing is kept open between two
 * operations, and every one has a deadline: 15 seconds to log in, 20 for a command.
 */
export class Guests {
  readonly #with: Dependencies
  readonly #log: Log
  readonly #access: Map<string, SealedAccess>
  #last: Promise<unknown> = Promise.resolve()

  private constructor(dependencies: Dependencies, access: readonly SealedAccess[]) {
    this.#with = dependencies
    this.#log = dependencies.log ?? SILENT
    this.#access = new Map(access.map((each) => [each.machine, each]))
  }

  static async open(dependencies: Dependencies): Promise<Guests> {
    return new Guests(dependencies, await dependencies.repository.all())
  }

  /** Whether access was set for a machine; `undefined`: not. Secrets are not told. */
  accessOf(machine: string): ToldAccess | undefined {
    const access = this.#access.get(machine)
    return access && { user: access.user, port: access.port, hostKey: access.hostKey }
  }

  /**
   * Sets how a system is reached. A secret that is given replaces both that were kept; without one the kept ones stay, if there are any.
   * A host key that is left out is learnt at the next connection: that is how a changed one is accepted.
   */
  setAccess(machine: Machine, wanted: NewAccess, by: string): Promise<ToldAccess> {
    return this.#alone(async () => {
      const { sealer, repository, connector } = this.#with
      const problems: { path: string; message: string }[] = []
      if (wanted.hostKey !== null && !HOST_KEY.test(wanted.hostKey))
        problems.push({ path: 'hostKey', message: 'it must be SHA256: and 43 characters, as ssh-keygen -l prints it' })
      const keyProblem = wanted.privateKey === null ? undefined : connector.keyProblem(wanted.privateKey)
      if (keyProblem !== undefined) problems.push({ path: 'privateKey', message: keyProblem })
      const known = this.#access.get(machine.id)
      const given = wanted.password !== null || wanted.privateKey !== null
      if (!given && !known) problems.push({ path: 'password', message: 'give a password or a private key' })
      if (problems.length > 0)
        throw new Refusal('validation-failed', `the access to ${machine.name} cannot be set like this`, { problems })
      const secret = {
        password: wanted.password === null ? null : new Secret(wanted.password),
        privateKey: wanted.privateKey === null ? null : new Secret(wanted.privateKey),
      }
      const sealed = given ? sealer.seal(machine.id, secret) : known!.sealed
      const { user, port, hostKey } = wanted
      await this.#save({ machine: machine.id, user, port, hostKey, sealed }, repository)
      this.#log.info({ machine: machine.id, user, port, newSecret: given, by }, 'guest access set')
      return { user, port, hostKey }
    })
  }

  /** Forgets the access to a machine that is gone. Unknown ones are fine. */
  forget(machine: string): Promise<void> {
    return this.#alone(async () => {
      if (!this.#access.has(machine)) return
      await this.#with.repository.remove(machine)
      this.#access.delete(machine)
    })
  }

  /** Who the running system is, and who is logged in. */
  facts(machine: Machine): Promise<GuestFacts> {
    return this.#visit(machine, async (connection, family) => {
      const text = await this.#ask(machine, connection, family)
      return family === 'windows' ? parseWindowsFacts(text) : parseUnixFacts(text)
    })
  }

  /** Names of users: those who are logged in, and on Windows all accounts, as S4's agent answers. */
  userNames(machine: Machine): Promise<string[]> {
    return this.#visit(machine, async (connection, family) => {
      const text = await this.#ask(machine, connection, family)
      if (family === 'windows') return windowsAccounts(text)
      return [...new Set(parseUnixFacts(text).users.map(({ name }) => name))]
    })
  }

  /** Sets a password through the running system. It travels on the input of a program, never on a command line. */
  async setPassword(machine: Machine, user: string, password: Secret): Promise<void> {
    assertPassword(password)
    await this.#visit(machine, async (connection, family) => {
      const windows = family === 'windows'
      if (!(windows ? WINDOWS_USER : UNIX_USER).test(user))
        throw new Refusal('validation-failed', `${machine.name} cannot have a user of that name`)
      const { base64 } = this.#with
      const outcome = windows
        ? await connection.run(this.#powershell(WINDOWS_SET_PASSWORD), {
            input: `${base64(user, 'utf8')}\r\n${base64(password.reveal(), 'utf8')}\r\n`,
            timeoutMs: COMMAND_MS,
          })
        : await connection.run(UNIX_SET_PASSWORD, {
            input: `${user}:${password.reveal()}\n`,
            timeoutMs: COMMAND_MS,
          })
      this.#assertDone(machine, outcome, family, `set the password of ${user}`)
    })
  }

  /** Sets a password in the diskless volume of a machine that is off. */
  async setPasswordOffline(machine: Machine, user: string, password: Secret): Promise<void> {
    assertPassword(password)
    if (!UNIX_USER.test(user)) throw new Refusal('validation-failed', 'no user can have that name')
    if (!this.#with.offline)
      throw new Refusal('not-available', 'this server has no volumes whose files it could edit', {
        next: 'set the password while the machine runs: via ssh',
      })
    await this.#with.offline(machine.id, { user, password })
  }

  /** Orders a clean reboot or shutdown. Success means that the system took the order, not that it has come back. */
  reboot(machine: Machine, powerOff: boolean): Promise<void> {
    return this.#visit(machine, async (connection, family) => {
      const command = family === 'windows' ? windowsReboot(powerOff) : unixReboot(powerOff)
      const outcome = await connection.run(command, { timeoutMs: COMMAND_MS })
      if (outcome.stdout.includes(ACCEPTED)) return
      this.#assertDone(machine, outcome, family, powerOff ? 'power off' : 'reboot')
    })
  }

  async #ask(machine: Machine, connection: GuestConnection, family: GuestFamily): Promise<string> {
    const outcome =
      family === 'windows'
        ? await connection.run(this.#powershell(WINDOWS_FACTS), { timeoutMs: COMMAND_MS })
        : await connection.run('sh -s', { input: UNIX_FACTS, timeoutMs: COMMAND_MS })
    // The status is that of the last question, which not every system knows.
    if (outcome.lost || outcome.stdout === '') this.#assertDone(machine, outcome, family, 'tell of itself')
    return outcome.stdout
  }

  #powershell(script: string): string {
    return powershell(script, (text) => this.#with.base64(text, 'utf16le'))
  }

  #assertDone(machine: Machine, outcome: GuestOutcome, family: GuestFamily, what: string): void {
    const { name } = machine
    if (outcome.lost)
      throw new Refusal('not-available', `the connection to ${name} was lost before it said that it would ${what}`, {
        next: 'look at the machine before trying again: it may have happened',
      })
    if (outcome.code === 0) return
    const user = this.#access.get(machine.id)?.user ?? ''
    const root = rootProblem(outcome.stderr, user)
    if (root !== undefined)
      throw new Refusal('not-available', `${name} did not ${what}: ${root}`, {
        next: 'log in as root, or let that user run sudo without a password (NOPASSWD in sudoers)',
      })
    const told = family === 'windows' ? complaint(outcome.stderr) : field(linesOf(outcome.stderr).find((line) => line))
    throw new Refusal('not-available', `${name} did not ${what}: ${told || `status ${outcome.code ?? 'unknown'}`}`)
  }

  async #visit<T>(
    machine: Machine,
    work: (connection: GuestConnection, family: GuestFamily) => Promise<T>,
  ): Promise<T> {
    const access = this.#opened(machine)
    const address = this.#with.addressOf(machine)
    if (address === undefined)
      throw new Refusal('not-available', `nobody knows the address of ${machine.name}`, {
        next: `let it boot through this server, or give it a fixed address: reveille machine set ${machine.name} --ip ADDRESS`,
      })
    const { user, port, hostKey, secret } = access
    const connection = await this.#with.connector.connect({ address, port, user, hostKey, secret })
    try {
      if (hostKey === null) await this.#pin(machine, connection.hostKey)
      return await work(connection, await familyOf(connection))
    } finally {
      connection.close()
    }
  }

  #opened(machine: Machine): GuestAccess {
    const sealed = this.#access.get(machine.id)
    if (!sealed)
      throw new Refusal('not-available', `how to log in to ${machine.name} was never said`, {
        next: `set it: reveille guest access ${machine.name} --login USER --key FILE`,
      })
    return { ...sealed, secret: this.#with.sealer.open(machine.id, sealed.sealed) }
  }

  /** The first key that is seen counts from then on. */
  #pin(machine: Machine, hostKey: string): Promise<void> {
    return this.#alone(async () => {
      const access = this.#access.get(machine.id)
      if (!access || access.hostKey !== null) return
      await this.#save({ ...access, hostKey }, this.#with.repository)
      this.#log.info({ machine: machine.id, hostKey }, 'host key learnt')
    })
  }

  async #save(access: SealedAccess, repository: GuestRepository): Promise<void> {
    await repository.save(access)
    this.#access.set(access.machine, access)
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

const HOST_KEY = /^SHA256:[A-Za-z0-9+/]{43}$/

/** OpenSSH on Windows starts cmd or PowerShell, which know no `uname`. */
async function familyOf(connection: GuestConnection): Promise<GuestFamily> {
  const { code, lost, stdout } = await connection.run('uname -s', { timeoutMs: COMMAND_MS })
  if (lost) throw new Refusal('not-available', 'the connection was lost before the system said what it is')
  return code === 0 && !/^(MSYS|MINGW|CYGWIN)/.test(stdout) ? 'unix' : 'windows'
}

/** One line: a second one would set the password of somebody else. */
function assertPassword(password: Secret): void {
  const text = password.reveal()
  if (text === '' || text.length > 200 || /\p{Cc}/u.test(text))
    throw new Refusal('validation-failed', 'a password has 1 to 200 characters, none of them a control character')
}
